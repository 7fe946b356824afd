import Foundation
import VaultDB

extension Organization {
    /// The identity with an id, or why there is none.
    func person(_ id: UUID) throws -> FoundIdentity {
        guard let found = try identity(id) else { throw VaultError.unknownIdentity(id) }
        return found
    }
}
