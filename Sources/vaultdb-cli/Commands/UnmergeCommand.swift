import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb unmerge`: undoes a merge.
struct UnmergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmerge",
        abstract: "Undo a merge: both identities are as they were.",
        discussion: """
            What the survivor gained since stays with it. A merge that a later one builds on has to wait until that is \
            undone; the error names it. merges lists those that can be undone.

              vaultdb unmerge 0198c2f0-9b31-7f22-a1b2-c3d4e5f60718
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The merge's id, as merge printed it.", valueName: "merge-id"), transform: Word.id)
    var merge: UUID

    func run() throws {
        try global.withOrganization(.readWrite) { organization, _ in
            let answer = try organization.unmergeBlocking(merge)
            if global.json { return try Output.document(answer.json) }
            var fields = TextFields()
            fields.add("undone", answer.merge.text, style: .good)
            fields.add("identity", answer.identity.text)
            fields.add("records moved back", answer.records.grouped)
            try fields.print()
        }
    }
}
