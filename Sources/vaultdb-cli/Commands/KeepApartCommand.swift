import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb keep-apart`: settles the conflicts of two identities that are two people.
struct KeepApartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep-apart",
        abstract: "Settle the conflicts of two identities: they are two people.",
        discussion: """
            The same identifiers don't bring the pair up again. conflicts --state kept_apart lists what was settled so.

              vaultdb keep-apart 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e \\
                0198c2f0-8a20-7d11-8e01-6b7c8d9e0f12
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("One identity.", valueName: "id"), transform: Word.id)
    var one: UUID

    @Argument(help: ArgumentHelp("The other.", valueName: "id"), transform: Word.id)
    var other: UUID

    func run() throws {
        try global.withOrganization(.readWrite) { organization, _ in
            let settled = try organization.keepApartBlocking(one, other)
            if global.json { return try Output.document(.array(settled.map(\.json))) }
            var fields = TextFields()
            fields.add("kept apart", [one.text, other.text])
            fields.add("settled", settled.map { "\($0.identifier.kind) \($0.identifier.text)" }, style: .good)
            try fields.print()
        }
    }
}
