import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb conflicts`: lists the review queue.
struct ConflictsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "List the review queue: pairs of identities that may be one person.",
        discussion: """
            A conflict comes up where a request for one identity brings an identifier that another owns. It stays there.

              vaultdb conflicts --limit 20
              vaultdb conflicts --identity 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
              vaultdb conflicts --state kept_apart --json

            merge or keep-apart settles one.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("open, kept_apart or merged (open).", valueName: "state"),
        completion: .list(Conflict.State.allCases.map(\.description)), transform: Word.conflictState)
    var state = Conflict.State.open

    @Option(help: ArgumentHelp("At most so many (100).", valueName: "n"), transform: Word.count)
    var limit = 100

    @Option(help: ArgumentHelp("Only those of this identity.", valueName: "id"), transform: Word.id)
    var identity: UUID?

    private static let pageConflicts = 1_000

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let conflicts = try conflicts(in: organization)
            if global.json {
                try Output.document(.array(conflicts.map(\.json)))
            } else {
                try Output.table(
                    table(conflicts), empty: "no conflicts are \(state == .keptApart ? "kept apart" : "\(state)")")
            }
            let open = try organization.ledger().openConflicts
            guard state == .open, identity == nil, open > conflicts.count else { return }
            let rest = "\(DisplayText.ellipsis) of \(open.grouped); --limit shows more"
            // A document says no more than what is in it.
            if global.json { Terminal.errors.write("\(rest)\n") } else { try Output.line(rest) }
        }
    }

    private func conflicts(in organization: Organization) throws -> [Conflict] {
        guard let identity else { return try organization.conflicts(in: state, limit: limit) }
        // Settled conflicts keep the ids they had; open ones are those of living identities.
        let ids = [identity, try organization.person(identity).identity.id]
        var (own, last): ([Conflict], Conflict?) = ([], nil)
        repeat {
            let page = try organization.conflicts(in: state, after: last, limit: Self.pageConflicts)
            own += page.filter { ids.contains($0.first) || ids.contains($0.second) }
            last = page.count < Self.pageConflicts ? nil : page.last
        } while last != nil && own.count < limit
        return Array(own.prefix(limit))
    }

    private func table(_ conflicts: [Conflict]) -> TextTable {
        var table = TextTable([
            "first": .whole, "second": .whole, "kind": .left, "identifier": .left, "seen": .right, "last seen": .left,
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
