import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb identifiers`: lists what identifies one person.
struct IdentifiersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identifiers",
        abstract: "List the emails, phones and external ids of an identity.",
        discussion: """
            Each with its state (owned, shared, blocked), whether it is the primary of its kind, and where and when it \
            was seen.

              vaultdb identifiers 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The identity.", valueName: "id"), transform: Word.id)
    var id: UUID

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            guard let found = try organization.identity(id) else {
                throw Failure(
                    .notFound, "no identity has the id \(id.text)", advice: "check the id and the organization")
            }
            let held = found.identity.identifiers
            if global.json { return try Output.document(.array(held.map(\.json))) }
            try Output.table(table(held), empty: "it holds none")
        }
    }

    private func table(_ held: [HeldIdentifier]) -> TextTable {
        var table = TextTable([
            "identifier": .left, "kind": .left, "state": .left, "primary": .left, "source": .left,
            "first seen": .left, "last seen": .left,
        ])
        for one in held {
            table.add(
                .init(one.identifier.text), .init(one.identifier.kind.description),
                .init(one.state.description, style: one.state == .owned ? .plain : .notable),
                .init(one.isPrimary ? "yes" : ""), .init(one.source), .init(one.firstSeen.description),
                .init(one.lastSeen.description))
        }
        return table
    }
}
