import Foundation
import VaultDB

extension Organization {
    /// The identity with an id, or why there is none.
    func person(_ id: UUID) throws -> FoundIdentity {
        guard let found = try identity(id) else {
            throw Failure(.notFound, "no identity has the id \(id.text)", advice: "check the id and the organization")
        }
        return found
    }
}
