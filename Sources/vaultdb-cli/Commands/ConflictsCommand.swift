import ArgumentParser
import VaultDB

/// `vaultdb conflicts`: lists the review queue.
struct ConflictsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "List the review queue: pairs of identities that may be one person.",
        discussion: """
            A conflict comes up where a request for one identity brings an identifier that another owns. It stays there.

              vaultdb conflicts --limit 20
              vaultdb conflicts --state kept_apart --json
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("open, kept_apart or merged.", valueName: "state"),
        completion: .list(Conflict.State.allCases.map(\.description)), transform: Word.conflictState)
    var state = Conflict.State.open

    @Option(help: ArgumentHelp("At most so many.", valueName: "n"), transform: Word.count)
    var limit = 100

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let conflicts = try organization.conflicts(in: state, limit: limit)
            if global.json { return try Output.document(.array(conflicts.map(\.json))) }
            try Output.table(
                table(conflicts), empty: "no conflicts are \(state == .keptApart ? "kept apart" : "\(state)")")
            let open = try organization.ledger().openConflicts
            if state == .open, open > conflicts.count {
                try Output.line("… of \(open.grouped); --limit shows more")
            }
        }
    }

    private func table(_ conflicts: [Conflict]) -> TextTable {
        var table = TextTable([
            "first": .left, "second": .left, "kind": .left, "identifier": .left, "seen": .right, "last seen": .left,
            "source": .left,
        ])
        for conflict in conflicts {
            table.add(
                .init(conflict.first.text), .init(conflict.second.text), .init(conflict.identifier.kind.description),
                .init(conflict.identifier.text, style: .notable), .init(conflict.count.grouped),
                .init(conflict.lastSeen.description), .init(conflict.source))
        }
        return table
    }
}
