import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb merge`: makes two identities one, or shows what that would do.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge an identity into another: they are one person.",
        discussion: """
            Identifiers, records, names and conflicts move; the id of the first redirects to the second from then on. \
            --dry-run shows both side by side, and what would come of it. unmerge undoes it.

              vaultdb merge 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e \\
                --into 0198c2f0-8a20-7d11-8e01-6b7c8d9e0f12 --dry-run
              vaultdb merge 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e \\
                --into 0198c2f0-8a20-7d11-8e01-6b7c8d9e0f12
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The identity that becomes a redirect.", valueName: "id"), transform: Word.id)
    var id: UUID

    @Option(help: ArgumentHelp("The identity that stays.", valueName: "id"), transform: Word.id)
    var into: UUID

    @Flag(help: "Show what it would do, and write nothing.")
    var dryRun = false

    func run() throws {
        try global.withOrganization(dryRun ? .readOnly : .readWrite) { organization, _ in
            if dryRun { return try printPreview(in: organization) }
            let answer = try organization.mergeBlocking(id, into: into)
            if global.json { return try Output.document(answer.json) }
            var fields = TextFields()
            fields.add("merge", answer.merge.text, style: .good)
            fields.add("identity", answer.identity.text)
            fields.add("records moved", answer.records.grouped)
            fields.add("to undo it", "vaultdb unmerge \(answer.merge.text)")
            try fields.print()
        }
    }

    private func printPreview(in organization: Organization) throws {
        let preview = try organization.previewMerge(id, into: into)
        if global.json { return try Output.document(preview.json) }
        let counts = try organization.contact(preview.into.id, limit: 1).counts
        try MergePreviewText(preview, countsOfSurvivor: counts).print()
    }
}
