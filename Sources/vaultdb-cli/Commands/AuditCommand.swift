import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb audit`: shows or verifies the trail.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show the audit trail, or verify its chain.",
        discussion: """
            All events of the organization, oldest first; or the story of one identity, newest first, also after it \
            was merged or erased. A page begins with the event of --from. --verify walks the whole chain, and the exit \
            status is 1 where an event was edited, dropped or moved.

              vaultdb audit --from 1200 --limit 50
              vaultdb audit 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
              vaultdb audit --verify
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("An identity.", valueName: "id"), transform: Word.id)
    var id: UUID?

    @Flag(help: "Verify the whole chain.")
    var verify = false

    @Option(
        help: ArgumentHelp("The sequence number of the page's first event, as the page before said.", valueName: "n"))
    var from: UInt64?

    @OptionGroup var list: ListOptions

    func validate() throws {
        guard !verify || (id == nil && from == nil && list.limit == nil) else {
            throw ValidationError("--verify takes the whole trail: no id, --from or --limit")
        }
    }

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            if verify { return try printVerification(of: organization) }
            let page = try page(of: organization)
            try global.printPage(
                page.events.map(\.json), next: page.next?.description, by: "--from", table(page.events),
                empty: "no events")
        }
    }

    private func page(of organization: Organization) throws -> EventPage {
        guard let id else { return try organization.eventPage(from: from ?? 1, limit: list.entries) }
        let page = try organization.historyPage(of: id, from: from, limit: list.entries)
        // Whoever has an id has an event: of being created.
        guard !page.events.isEmpty else { throw VaultError.unknownIdentity(id) }
        return page
    }

    private func printVerification(of organization: Organization) throws {
        let verification = try organization.verifyAudit()
        if global.json {
            try Output.document(verification.json)
        } else if verification.isIntact {
            try Output.line("\(Style.good.applied(to: "intact")): \(verification.events.grouped) events")
        } else {
            for fault in verification.faults { try Output.line(DisplayText.oneLine(fault)) }
        }
        guard verification.isIntact else {
            throw Failure(.failed, "the audit chain is broken", advice: "compare with a backup from before")
        }
    }

    private func table(_ events: [Event]) -> TextTable {
        var table = TextTable([
            "sequence": .right, "time": .left, "event": .left, "identity": .whole, "about": .left, "source": .left,
            "actor": .left,
        ])
        for event in events {
            let about = [
                event.record.map { "\($0.kind)/\($0.id)" },
                event.other.map { "\(event.action.preposition) \($0.text)" },
                event.merge.map { "merge \($0.text)" },
                event.kinds.isEmpty ? nil : event.kinds.map(\.description).joined(separator: ", "),
            ]
            table.add(
                .init(event.sequence.grouped), .init(event.time.description), .init(event.action.name),
                .init(event.identity?.text), .init(about.compactMap(\.self).joined(separator: " ")),
                .init(event.source), .init(event.actor))
        }
        return table
    }
}

extension Event.Action {
    /// Before the other identity.
    fileprivate var preposition: String {
        switch self {
        case .identityMerged: "into"
        case .identityUnmerged, .recordMoved: "from"
        default: "with"
        }
    }
}
