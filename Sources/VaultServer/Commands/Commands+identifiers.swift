internal import Foundation
internal import VaultDB

/// What identifies a person, and identifiers that identify nobody.
extension CommandTable {
    static let identifierCommands: [Command] = [
        .read(
            "identifiers", 3, "org id", .people,
            "The emails, phones and external ids of an identity, with state, source and times."
        ) { organization, arguments in
            let id = try arguments.id()
            guard let found = try organization.identity(id) else {
                throw ReplyError(.notFound, "no identity has the id \(id.text)")
            }
            return .array(found.identity.identifiers.map(\.json))
        },
        state(
            "share", "Marks an identifier as shared by several people: it identifies nobody alone.",
            Organization.shareBlocking),
        state("block", "Marks an identifier as one that is never used for matching.", Organization.blockBlocking),
        state(
            "release", "Gives a shared or blocked identifier back to who holds it, or frees an owned one.",
            Organization.releaseBlocking),
    ]

    private static func state(
        _ name: String, _ summary: String,
        _ change: @escaping @Sendable (Organization) -> (Identifier) throws(VaultError) -> IdentifierStateChange
    ) -> Command {
        .work(name, 4, "org EMAIL|PHONE|EXTERNAL identifier", .review, role: .admin, summary) {
            organization, arguments in
            let kind = try arguments.identifierKind()
            let identifier = try organization.identifier(try arguments.next(), kind: kind)
            return try change(organization)(identifier).json
        }
    }
}
