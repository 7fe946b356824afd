public import Foundation
internal import LMDB
internal import Storage

/// One entry of a table, decoded for people.
public struct StoredEntry: Sendable {
    public let table: String
    /// Nil for tables that stand above organizations.
    public let organization: UUID?
    /// As `get` takes it.
    public let key: String
    public let value: JSONValue
    public let rawKey: [UInt8]
    public let rawValue: [UInt8]
}

/// What the file and its tables hold.
public struct VaultStatistics: Sendable {
    public let fileBytes: Int
    public let pageBytes: Int
    public let pagesUsed: Int
    public let pagesFree: Int
    /// Address space reserved; the vault grows into it.
    public let mapBytes: Int
    public let lastCommit: Int
    /// New entries of indexes, and of where records lie, that are gathered and not sorted in; the tables' own entries don't
    /// count them.
    public let entriesBuffered: Int
    public let readers: Int
    public let readersMax: Int
    /// Commits that the oldest active reader lags behind.
    public let oldestReaderLag: Int
    public let tables: [(name: String, statistics: Storage)]

    public struct Storage: Sendable {
        public let entries: Int
        public let depth: Int
        public let pages: Int
        public let bytes: Int
    }
}

/// Care of the file.
extension Vault {
    public static var tableNames: [String] { Tables.all.map(\.name) }

    /// The entries of a table in key order.
    ///
    /// - Parameters:
    ///   - organization: only this one's; of all where nil.
    ///   - prefix: the beginning of a key as `keys` prints it. Needs the organization, in tables that have one.
    ///   - visit: answers false to stop. Runs inside a snapshot, so it should not wait for anybody.
    public func entries(
        of table: String, organization: UUID? = nil, prefix: String = "",
        _ visit: (StoredEntry) throws(VaultError) -> Bool
    ) throws(VaultError) {
        let table = try Self.table(named: table)
        try core.engine.read { (snapshot) throws(VaultError) in
            let names = try snapshot.organizations()
            guard let key = try Self.key(prefix, table, organization, names) else { return }
            try snapshot.visit(table, prefix: key) { (key, value) throws(VaultError) in
                try visit(Self.entry(table, key, value, names)) ? .next : .stop
            }
        }
    }

    /// The entry under a key as `keys` prints it, or that has an event of the trail; nil where there is none.
    public func entry(
        of table: String, key text: String, organization: UUID? = nil
    ) throws(VaultError) -> StoredEntry? {
        let table = try Self.table(named: table)
        return try core.engine.read { (snapshot) throws(VaultError) -> StoredEntry? in
            let names = try snapshot.organizations()
            guard var key = try Self.key(text, table, organization, names) else { return nil }
            if table == Tables.audit, let sequence = try? key.bytes.eventSequence(),
                let first = try snapshot.keyOfEntry(of: sequence, in: key.bytes.organization)
            {
                key = first
            }
            guard let value = try snapshot.value(key, in: table) else { return nil }
            return Self.entry(table, key.bytes, value, names)
        }
    }

    private typealias Names = [(id: UUID, record: OrganizationRecord)]

    private static func table(named name: String) throws(VaultError) -> Table {
        guard let table = Tables.all.first(where: { $0.name == name }) else {
            throw .invalid("there is no table \(name)", advice: "the tables are \(tableNames.joined(separator: ", "))")
        }
        return table
    }

    /// Nil where the organization is unknown, and so has no entries.
    private static func key(
        _ text: String, _ table: Table, _ organization: UUID?, _ names: Names
    ) throws(VaultError) -> Key? {
        var key = Key()
        if TableText.isPerOrganization(table) {
            if let organization {
                guard let number = names.first(where: { $0.id == organization })?.record.number else { return nil }
                key.append(number.rawValue)
            } else if !text.isEmpty {
                throw .invalid("keys of \(table.name) belong to an organization", advice: "name it with --org")
            }
        }
        key.append(try TableText.bytes(of: text, in: table).prefix(Limits.typedKeyBytesMax))
        return key
    }

    private static func entry(_ table: Table, _ key: RawSpan, _ value: RawSpan, _ names: Names) -> StoredEntry {
        var organization: UUID?
        if TableText.isPerOrganization(table), key.byteCount >= 4 {
            let number = key.organization
            organization = names.first { $0.record.number == number }?.id
        }
        let rawKey = [UInt8](copying: key)
        return StoredEntry(
            table: table.name, organization: organization,
            key: (try? TableText.text(of: key, in: table)) ?? rawKey.hex,
            value: TableValue.json(key: key, value: value, in: table), rawKey: rawKey,
            rawValue: [UInt8](copying: value))
    }

    public func statistics() throws(VaultError) -> VaultStatistics {
        let file: FileStatistics
        do throws(StorageError) { file = try core.engine.statistics() } catch { throw VaultError(storage: error) }
        let tables = try core.engine.read { (snapshot) throws(VaultError) in
            var tables: [(name: String, statistics: VaultStatistics.Storage)] = []
            for table in Tables.all {
                let found = try snapshot.pages(of: table)
                tables.append(
                    (
                        table.name,
                        .init(
                            entries: found.entries, depth: found.depth,
                            pages: found.branchPages + found.leafPages + found.overflowPages, bytes: found.bytes)
                    ))
            }
            return tables
        }
        return VaultStatistics(
            fileBytes: file.fileBytes, pageBytes: file.pageBytes, pagesUsed: file.pagesUsed,
            pagesFree: file.pagesFree, mapBytes: file.mapBytes, lastCommit: file.lastCommit,
            entriesBuffered: file.entriesBuffered,
            readers: file.readers.count, readersMax: file.readersMax, oldestReaderLag: file.oldestReaderLag,
            tables: tables)
    }

    /// Compares every entry with those it must agree with, on one snapshot.
    /// - Parameter progress: gets the entries done so far; throws to stop.
    public func check(
        progress: @escaping (Int) throws(VaultError) -> Void = { (_) throws(VaultError) in }
    ) throws(VaultError) -> CheckReport {
        try core.engine.read { (snapshot) throws(VaultError) in try snapshot.check(progress: progress) }
    }

    /// Writes a consistent copy to a new file, while the vault is in use. The copy appears whole or not at all.
    /// - Parameter compacting: leaves out free pages.
    public func backup(to path: String, compacting: Bool = false) throws(VaultError) {
        try Self.copying { () throws(StorageError) in try core.engine.copy(to: path, compacting: compacting) }
    }

    /// Rewrites a vault's file without its free pages, in place. Nobody may have it open.
    /// - Returns: the bytes of the file before and after.
    public static func compact(at path: String) throws(VaultError) -> (before: Int, after: Int) {
        try copying { () throws(StorageError) in try Environment.compact(at: path, tables: Tables.all) }
    }

    /// Runs `body`, whose keys are the file's own: one that is out of bounds is damage, no wrong argument.
    private static func copying<Answer>(_ body: () throws(StorageError) -> Answer) throws(VaultError) -> Answer {
        do throws(StorageError) {
            return try body()
        } catch {
            guard case .keyLength(let length) = error else { throw VaultError(storage: error) }
            throw .corrupted("the file holds a key of \(length) bytes")
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func pages(of table: Table) throws(VaultError) -> TableStatistics {
        do throws(StorageError) { return try statistics(of: table) } catch { throw VaultError(storage: error) }
    }
}

extension VaultStatistics {
    public var json: JSONValue {
        [
            "file_bytes": JSONValue(fileBytes), "page_bytes": JSONValue(pageBytes), "pages_used": JSONValue(pagesUsed),
            "pages_free": JSONValue(pagesFree), "map_bytes": JSONValue(mapBytes),
            "map_used_bytes": JSONValue(pagesUsed * pageBytes), "last_commit": JSONValue(lastCommit),
            "entries_buffered": JSONValue(entriesBuffered),
            "readers": JSONValue(readers), "readers_max": JSONValue(readersMax),
            "oldest_reader_lag": JSONValue(oldestReaderLag),
            "tables": .array(
                tables.map { table in
                    [
                        "name": .string(table.name), "entries": JSONValue(table.statistics.entries),
                        "depth": JSONValue(table.statistics.depth), "pages": JSONValue(table.statistics.pages),
                        "bytes": JSONValue(table.statistics.bytes),
                    ]
                }),
        ]
    }
}
