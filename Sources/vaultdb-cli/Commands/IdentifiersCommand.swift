import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb identifiers`: lists what identifies one person, or who held an identifier when.
struct IdentifiersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identifiers",
        abstract: "List the emails, phones and external ids of an identity, or who held one of them when.",
        discussion: """
            Of an identity: each with its state (owned, shared, blocked), whether it is the primary of its kind, and \
            where and when it was seen; --history lists what it held before too, --at what it held at a time. Of an \
            identifier: everybody who held it and when, or with --at who held it then.

              vaultdb identifiers 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
              vaultdb identifiers 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e --at 2025-01-31
              vaultdb identifiers --phone '600 123 456' --at 2025-01-31T09:30:00Z
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var person: PersonOptions

    @Option(help: ArgumentHelp("A time in UTC, such as 2025-01-31T09:30:00Z.", valueName: "time"), transform: Word.time)
    var at: Timestamp?

    @Flag(help: "All times at which the identity held something.")
    var history = false

    func validate() throws {
        guard !history || at == nil else { throw ValidationError("Give --history or --at, not both") }
    }

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            guard let id = person.id else { return try printHolders(in: organization) }
            guard history || at != nil else { return try printHeld(by: id, in: organization) }
            try print(try organization.holdings(by: id, at: at))
        }
    }

    private func printHeld(by id: UUID, in organization: Organization) throws {
        let held = try organization.person(id).identity.identifiers
        if global.json { return try Output.document(.array(held.map(\.json))) }
        try Output.table(table(held), empty: "it holds none")
    }

    private func printHolders(in organization: Organization) throws {
        let identifier = try person.identifier.soughtIdentifier(in: organization)
        let all = try organization.holdings(of: identifier)
        let meant = all.filter { holding in at.map(holding.covers) ?? true }
        guard !meant.isEmpty else {
            let name = identifier.kind.noun
            throw Failure(
                .notFound, all.isEmpty ? "nobody has or had that \(name)" : "nobody held that \(name) then",
                advice: all.isEmpty ? "check how it is written" : "leave --at out to see who held it when")
        }
        try print(meant)
    }

    private func print(_ holdings: [Holding]) throws {
        if global.json { return try Output.document(.array(holdings.map(\.json))) }
        var table = TextTable([
            "identifier": .left, "kind": .left, "state": .left, "from": .left, "until": .left, "identity": .whole,
        ])
        for holding in holdings {
            table.add(
                .init(holding.identifier.text), .init(holding.identifier.kind.description),
                .init(holding.state.description, style: holding.state == .owned ? .plain : .notable),
                .init(holding.from.description), .init(holding.until?.description ?? "now", style: .dim),
                .init(holding.identity.text))
        }
        try Output.table(table, empty: "it held none")
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
