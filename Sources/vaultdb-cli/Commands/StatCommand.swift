import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb stat`: shows counters, tables and the file.
struct StatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Show what the vault and its file hold.",
        discussion: """
            Counters of each organization; entries, depth, pages and bytes of each table; free pages, readers and map \
            use of the file.

              vaultdb stat --db clinic.vault
              vaultdb stat --json | jq '.organizations[0].identities'
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let only = try global.namedOrganization()
        try global.withVault(.readOnly) { vault in
            let statistics = try vault.statistics()
            let ids = try vault.organizations().filter { only == nil || $0 == only }
            if let only, ids.isEmpty {
                throw Failure(
                    .notFound, "the vault knows no organization \(only.text)",
                    advice: "vaultdb keys --table organizations lists them")
            }
            let organizations = try ids.map { id in
                let organization = vault.organization(id)
                return Counted(id: id, region: try organization.region(), ledger: try organization.ledger())
            }
            if global.json { return try Output.document(json(vault, statistics, organizations)) }
            try print(vault, statistics, organizations)
        }
    }

    private struct Counted {
        let id: UUID
        let region: Region
        let ledger: Ledger
    }

    private func json(_ vault: Vault, _ statistics: VaultStatistics, _ organizations: [Counted]) -> JSONValue {
        statistics.json.adding([
            "path": .string(vault.path), "region": .string(vault.region.code),
            "normalizer": .string(vault.normalizerVersion), "created_at": JSONValue(vault.createdAt),
            "organizations": .array(
                organizations.map { counted in
                    counted.ledger.json.adding([
                        "organization_id": .string(counted.id.text), "region": .string(counted.region.code),
                    ])
                }),
        ])
    }

    private func print(_ vault: Vault, _ statistics: VaultStatistics, _ organizations: [Counted]) throws(Failure) {
        try file(vault, statistics).print()
        try Output.line()
        var counts = TextTable([
            "organization": .whole, "region": .left, "identities": .right, "emails": .right, "phones": .right,
            "external": .right, "records": .right, "conflicts": .right, "events": .right,
        ])
        for counted in organizations {
            let ledger = counted.ledger
            let numbers = [
                ledger.identities, ledger.emails, ledger.phones, ledger.externals, ledger.records,
                ledger.openConflicts, ledger.sequence,
            ]
            counts.add(
                [.init(counted.id.text), .init(counted.region.code)] + numbers.map { TextTable.Cell($0.grouped) })
        }
        try Output.table(counts, empty: "no organization yet")
        try Output.line()
        var tables = TextTable(["table": .left, "entries": .right, "depth": .right, "pages": .right, "bytes": .right])
        for table in statistics.tables {
            let numbers = [
                table.statistics.entries, table.statistics.depth, table.statistics.pages, table.statistics.bytes,
            ]
            tables.add([.init(table.name)] + numbers.map { TextTable.Cell($0.grouped, style: $0 == 0 ? .dim : .plain) })
        }
        try Output.table(tables, empty: "")
    }

    private func file(_ vault: Vault, _ statistics: VaultStatistics) -> TextFields {
        var fields = TextFields()
        fields.add("vault", vault.path, style: .bold)
        fields.add("region", vault.region.code)
        fields.add("created", vault.createdAt.description)
        fields.add("normalizer", vault.normalizerVersion)
        let pages = "pages of \(statistics.pageBytes.grouped) bytes: \(statistics.pagesInUse.grouped) in use"
        fields.add(
            "file", "\(statistics.fileBytes.grouped) bytes; \(pages), \(statistics.pagesFree.grouped) free")
        let used = statistics.pagesUsed * statistics.pageBytes
        fields.add("map", "\(used.grouped) of \(statistics.mapBytes.grouped) bytes")
        let lag = statistics.oldestReaderLag
        let oldest = lag == 0 ? "" : "; the oldest lags \(lag.grouped) commits behind"
        fields.add("readers", "\(statistics.readers.grouped) of \(statistics.readersMax.grouped)\(oldest)")
        fields.add("last commit", statistics.lastCommit.grouped)
        if statistics.entriesBuffered > 0 {
            fields.add("buffered", "\(statistics.entriesBuffered.grouped) entries that are not sorted in yet")
        }
        return fields
    }
}
