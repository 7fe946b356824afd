import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb merges`: lists the merges that can be undone.
struct MergesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merges",
        abstract: "List the merges that can be undone, newest first.",
        discussion: """
            With who did each, when, and how many records moved.

              vaultdb merges --limit 20
              vaultdb merges --json | jq -r '.results[0].merge_id'
            """)

    @OptionGroup var global: GlobalOptions

    @OptionGroup var list: ListOptions

    @Option(help: ArgumentHelp("Only merges before this one.", valueName: "merge-id"), transform: Word.id)
    var before: UUID?

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let merges = try organization.merges(before: before, limit: list.entries)
            try global.printPage(
                merges.map(\.json), next: merges.count < list.entries ? nil : merges.last?.id.text, by: "--before",
                table(merges), empty: "no merges")
        }
    }

    private func table(_ merges: [Merge]) -> TextTable {
        var table = TextTable([
            "merge": .whole, "time": .left, "from": .whole, "into": .whole, "records": .right, "actor": .left,
        ])
        for merge in merges {
            table.add(
                .init(merge.id.text), .init(merge.time.description), .init(merge.from.text), .init(merge.into.text),
                .init(merge.records.grouped), .init(merge.actor))
        }
        return table
    }
}
