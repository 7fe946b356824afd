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
    /// Pages that the file has come to, free ones included.
    public let pagesUsed: Int
    /// Of these, pages that hold nothing and wait to be used again.
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

    /// Pages that hold something.
    package var pagesInUse: Int { pagesUsed - pagesFree }
    package var bytesInUse: Int { pagesInUse * pageBytes }
}

/// Care of the file.
extension Vault {
    public static var tableNames: [String] { Tables.all.map(\.name) }

    /// The entries of a table in key order.
    ///
    /// - Parameters:
    ///   - organization: only this one's; of all where nil.
    ///   - prefix: the beginning of a key as `keys` prints it; of numbers and times, a whole one. Needs the
    ///     organization, in tables that have one.
    ///   - visit: answers false to stop. Runs inside a snapshot, so it should not wait for anybody, and must neither
    ///     write to the vault nor close it.
    public func entries(
        of table: String, organization: UUID? = nil, prefix: String = "",
        _ visit: (StoredEntry) throws(VaultError) -> Bool
    ) throws(VaultError) {
        let table = try Self.table(named: table)
        try core.engine.read { (snapshot) throws(VaultError) in
            let names = try snapshot.organizations()
            guard let typed = try Self.prefix(prefix, table, organization, names) else { return }
            var whole = Key()
            whole.append(typed.bytes)
            var start = Key()
            start.append(typed.first)
            try snapshot.visit(table, prefix: whole, from: start) { (key, value) throws(VaultError) in
                guard typed.covers(key, from: typed.bytes.count) else { return .stop }
                return try visit(Self.entry(table, key, value, names)) ? .next : .stop
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
            guard let typed = try Self.prefix(text, table, organization, names), typed.digit == nil else { return nil }
            var key = Key()
            key.append(typed.bytes)
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
            throw .invalid("there is no such table", advice: "the tables are \(tableNames.joined(separator: ", "))")
        }
        return table
    }

    /// What is typed, behind its organization. Nil where nothing can begin so: the organization is unknown, or no key
    /// is as long.
    private static func prefix(
        _ text: String, _ table: Table, _ organization: UUID?, _ names: Names
    ) throws(VaultError) -> KeyPrefix? {
        var before: [UInt8] = []
        if TableText.isPerOrganization(table) {
            if let organization {
                guard let number = names.first(where: { $0.id == organization })?.record.number else { return nil }
                before = [UInt8](copying: Key(number).bytes)
            } else if !text.isEmpty {
                throw .invalid("keys of \(table.name) belong to an organization", advice: "name it with --org")
            }
        }
        let typed = try TableText.prefix(text, in: table)
        return typed.first.count <= Limits.typedKeyBytesMax ? typed.behind(before) : nil
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

    /// Compares every entry with those it must agree with, on one snapshot, and then looks at every page, on another: none is
    /// in use twice, nor free as well.
    /// - Parameter progress: gets the entries done so far; throws to stop. It must neither write to the vault nor close
    ///   it.
    public func check(
        progress: @escaping (Int) throws(VaultError) -> Void = { (_) throws(VaultError) in }
    ) throws(VaultError) -> CheckReport {
        var report = try core.engine.read { (snapshot) throws(VaultError) in try snapshot.check(progress: progress) }
        let entries = report.entries
        do throws(VaultError) {
            let faults = try core.engine.pageFaults { () throws(VaultError) in try progress(entries) }
            for fault in faults { report.note(fault.table, "page \(fault.page)", fault.message) }
        } catch {
            guard error.isDamage else { throw error }
            report.note("tables", "", error.message)
        }
        return report
    }

    /// Writes a consistent copy to a new file, while the vault is in use. The copy appears whole or not at all.
    /// - Parameter compacting: leaves out free pages.
    /// - Throws: `exists` where something has the name, and `invalidArgument` where it is that of a file which may lie
    ///   beside the vault's own, and would be taken away one day.
    public func backup(to path: String, compacting: Bool = false) throws(VaultError) {
        let isOwn = Self.files(of: core.engine.resolvedPath).dropFirst().contains(where: path.leadsToSameFile(as:))
        guard !isOwn else { throw .invalid("\(path) belongs to the vault", advice: "write to another file") }
        try Self.copying { () throws(StorageError) in try core.engine.copy(to: path, compacting: compacting) }
    }

    /// The vault's own file and all that may lie beside it.
    package static func files(of path: String) -> [String] {
        [path, StoreFiles.lock(of: path), StoreFiles.rewrite(of: path)] + StoreFiles.logs(of: path)
    }

    /// Rewrites a vault's file without its free pages, in place. Nobody may have it open.
    /// - Parameter allowsNetworkFileSystem: see `VaultOptions.allowsNetworkFileSystem`.
    /// - Returns: the bytes of the file before and after.
    public static func compact(
        at path: String, allowsNetworkFileSystem: Bool = false
    ) throws(VaultError) -> (before: Int, after: Int) {
        try copying { () throws(StorageError) in
            try Environment.compact(
                at: path, tables: Tables.all, allowsNetworkFileSystem: allowsNetworkFileSystem)
        }
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
            "file_bytes": JSONValue(fileBytes), "page_bytes": JSONValue(pageBytes),
            "pages_used": JSONValue(pagesInUse),
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
