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

    @OptionGroup var list: ListOptions

    @Option(
        help: ArgumentHelp("Where the page begins, as the page before said.", valueName: "cursor"),
        transform: Word.conflictCursor)
    var from: ConflictCursor?

    @Option(help: ArgumentHelp("All those of this identity.", valueName: "id"), transform: Word.id)
    var identity: UUID?

    func validate() throws {
        guard identity == nil || (list.limit == nil && from == nil) else {
            throw ValidationError("--identity lists all conflicts of one, without --limit and --from")
        }
    }

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let (conflicts, next) = try conflicts(in: organization)
            try global.printPage(
                conflicts.map(\.json), next: next?.description, by: "--from", table(conflicts),
                empty: "no conflicts are \(state == .keptApart ? "kept apart" : "\(state)")")
        }
    }

    private func conflicts(in organization: Organization) throws -> ([Conflict], next: ConflictCursor?) {
        if let identity { return (try conflicts(of: identity, in: organization), nil) }
        var (found, next): ([Conflict], ConflictCursor?) = ([], from)
        // A page of the library's may be short and still have a next.
        repeat {
            let page = try organization.conflictPage(
                in: state, from: next, limit: list.entries - found.count)
            found += page.conflicts
            next = page.next
        } while next != nil && found.count < list.entries
        return (found, next)
    }

    /// Settled conflicts keep the ids they had; open ones are those of living identities.
    private func conflicts(of identity: UUID, in organization: Organization) throws -> [Conflict] {
        let living = try organization.person(identity).identity.id
        var found = try organization.conflicts(of: identity)
        if living != identity {
            found += try organization.conflicts(of: living).filter { $0.first != identity && $0.second != identity }
        }
        return found.filter { $0.state == state }
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
