import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb records`: lists the records of one identity.
struct RecordsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract: "List the records of an identity, in order of time.",
        discussion: """
            All of them or those of one kind, a page at a time. What a page ends with is where the next one begins.

              vaultdb records 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e \\
                --kind lead --newest-first
              vaultdb records 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e --json \\
                | jq '.results[].attributes'
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The identity.", valueName: "id"), transform: Word.id)
    var id: UUID

    @Option(help: ArgumentHelp("Only records of this kind.", valueName: "kind"), transform: Word.kind)
    var kind: RecordKind?

    @OptionGroup var page: PageOptions

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let found = try organization.records(
                of: id, kind: kind, from: page.from, order: page.order, limit: page.records)
            if global.json { return try Output.document(found.json) }
            try Output.table(table(found.records), empty: "no records")
            try page.printNext(found.next, of: "records \(id.text)" + (kind.map { " --kind \($0)" } ?? ""))
        }
    }

    private func table(_ records: [Record]) -> TextTable {
        var table = TextTable([
            "time": .left, "kind": .left, "id": .whole, "name": .left, "email": .left, "phone": .left,
            "source": .left, "status": .left,
        ])
        for record in records {
            let style: Style = record.isActive ? .plain : .dim
            let texts = [
                record.createdAt.description, record.kind.rawValue, record.id, record.name, record.email, record.phone,
                record.source, record.shownStatus,
            ]
            table.add(texts.map { .init($0, style: style) })
        }
        return table
    }
}

extension Record {
    /// Its status, and whether it is inactive.
    var shownStatus: String {
        [status, isActive ? nil : "inactive"].compactMap { $0?.isEmpty == true ? nil : $0 }.joined(separator: ", ")
    }
}
