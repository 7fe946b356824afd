import ArgumentParser
import Foundation
import VaultDB

/// Who is meant: an identity by its id, or by one of its identifiers.
struct PersonOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The identity.", valueName: "id"), transform: Word.id)
    var id: UUID?

    @OptionGroup var identifier: IdentifierOptions

    func validate() throws {
        guard identifier.given.count + (id == nil ? 0 : 1) == 1 else {
            throw ValidationError("Give exactly one of an identity's id, --email, --phone and --external")
        }
    }

    /// The id of that identity.
    func id(in organization: Organization, _ vault: Vault) throws -> UUID {
        guard let id = try id ?? identifier.owner(in: organization, vault) else {
            throw Failure(.wrongUsage, "nobody is meant")
        }
        return id
    }
}
