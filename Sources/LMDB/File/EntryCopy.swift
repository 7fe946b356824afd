internal import CLMDB
internal import Glibc
internal import Storage

/// Writes what a snapshot holds into a new store, entry by entry in key order.
///
/// A copy of pages would take along what their unused bytes, and the keys that branch pages are parted by, still tell
/// of deleted entries. Here only living keys and values reach the new file. LMDB fills the rest of a page with zeros,
/// or with what the same copy wrote before: it uses its pages again, and never those of another store.
struct EntryCopy {
    /// Bounds the memory that unwritten pages take.
    private static let bytesPerCommit = 64 << 20

    /// A table in both stores.
    private struct Passage {
        let name: String
        let source: MDB_dbi
        let target: MDB_dbi
    }

    private let reader: OpaquePointer
    /// Tables of the snapshot whose entries lie in the buffer as well, and the snapshot.
    private let buffered: [String: Table]
    private let snapshot: TransactionHandle?
    private let operation: String
    private let pointer: OpaquePointer
    private var writer: OpaquePointer?
    private var uncommittedBytes = 0

    /// Fills the empty file at `path`, which nobody else may know of yet. It is not on disk before the caller syncs it.
    /// The buffer of the new store is empty: what was in it has its place.
    /// - Parameters:
    ///   - snapshot: with the tables it may have buffered entries of; nil where nothing is buffered.
    ///   - reader: LMDB's read transaction.
    ///   - descriptor: the file at `path`.
    ///   - operation: what is being done, as in "could not … ".
    static func write(
        from reader: OpaquePointer, _ snapshot: (handle: TransactionHandle, tables: [Table])?, to path: String,
        _ descriptor: Int32, during operation: String
    ) throws(StorageError) {
        let names = try tableNames(in: reader, during: operation)
        let pointer = try openTarget(path, reader, tableCount: names.count, during: operation)
        defer { mdb_env_close(pointer) }
        var copy = EntryCopy(reader, snapshot, operation: operation, pointer: pointer)
        do throws(StorageError) {
            let passages = try copy.openTables(names)
            for passage in passages { try copy.write(passage) }
            try copy.commit()
            try StoreFile.lengthen(descriptor, to: pointer.wholeBytes)
        } catch {
            mdb_txn_abort(copy.writer)
            throw error.ofCommit(to: descriptor)
        }
    }

    private init(
        _ reader: OpaquePointer, _ snapshot: (handle: TransactionHandle, tables: [Table])?, operation: String,
        pointer: OpaquePointer
    ) {
        self.reader = reader
        self.snapshot = snapshot?.handle
        let tables = snapshot?.tables.filter(\.isBuffered) ?? []
        buffered = Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0) })
        self.operation = operation
        self.pointer = pointer
    }

    // MARK: Tables

    /// How many entries the table without a name has: one for each table, where nobody put something else there.
    static func tableCount(in reader: OpaquePointer) throws(StorageError) -> Int {
        var names: MDB_dbi = 0
        try StorageError.check(mdb_dbi_open(reader, nil, 0, &names), during: "listing tables")
        return try MDB_stat(of: names, in: reader, during: "listing tables").ms_entries
    }

    /// All tables of the file, also those that this program does not know.
    private static func tableNames(
        in reader: OpaquePointer, during operation: String
    ) throws(StorageError) -> [String] {
        var table: MDB_dbi = 0
        try StorageError.check(mdb_dbi_open(reader, nil, 0, &table), during: operation)
        var names: [String] = []
        try forEachEntry(of: table, nil, in: reader, during: operation) { entry in
            names.append(String(decoding: entry.keyBytes, as: UTF8.self))
        }
        return names
    }

    private static func openTarget(
        _ path: String, _ reader: OpaquePointer, tableCount: Int, during operation: String
    ) throws(StorageError) -> OpaquePointer {
        var options = EnvironmentOptions()
        let source: OpaquePointer = mdb_txn_env(reader)
        // A commit of its own now and then costs pages that one large one would not need.
        options.mapBytes = try max(source.information.me_mapsize, source.wholeBytes + 2 * bytesPerCommit)
        // Nobody else knows the file, so it needs no lock file, and one sync at the end.
        let flags = UInt32(MDB_NOLOCK | MDB_NOSYNC)
        return try Environment.openPointer(path, tableCount: tableCount, options, flags: flags)
    }

    /// Makes the tables anew, in one transaction: their handles hold from its commit on.
    private mutating func openTables(_ names: [String]) throws(StorageError) -> [Passage] {
        let writer = try begin()
        var passages: [Passage] = []
        for name in names {
            var source: MDB_dbi = 0
            var target: MDB_dbi = 0
            var flags: UInt32 = 0
            let code = mdb_dbi_open(reader, name, 0, &source)
            switch code {
            case MDB_INCOMPATIBLE: throw .unknownFormat("something beside the tables is called \(name) (\(operation))")
            case MDB_NOTFOUND, MDB_DBS_FULL: throw .unknownFormat("there is an unknown table \(name) (\(operation))")
            default: try StorageError.check(code, during: operation)
            }
            try StorageError.check(mdb_dbi_flags(reader, source, &flags), during: operation)
            let creating = flags & 0xFFFF | UInt32(MDB_CREATE)
            try StorageError.check(mdb_dbi_open(writer, name, creating, &target), during: operation)
            passages.append(Passage(name: name, source: source, target: target))
        }
        try commit()
        return passages
    }

    // MARK: Entries

    private mutating func write(_ passage: Passage) throws(StorageError) {
        let stat = try MDB_stat(of: passage.source, in: reader, during: operation)
        var flags: UInt32 = 0
        try StorageError.check(mdb_dbi_flags(reader, passage.source, &flags), during: operation)
        if ChangeBuffer.segmentNames.contains(passage.name) {
            guard snapshot != nil || stat.ms_entries == 0 else { throw .inUse("the file") }
            return
        }
        // Appending fills pages to the brim. Where a key may have several values LMDB must look for their place.
        let appending = flags & UInt32(MDB_DUPSORT) == 0 ? UInt32(MDB_APPEND) : 0
        if let snapshot, let table = buffered[passage.name] {
            let nothing = RawSpan()
            return try snapshot.scan(table, prefix: nothing, from: nothing, order: .ascending) {
                (key, value) throws(StorageError) in
                try append(key, value, to: passage, appending)
                return .next
            }
        }
        var count = 0
        // Of a key's several values only LMDB knows.
        let name = flags == 0 ? passage.name : nil
        try Self.forEachEntry(of: passage.source, name, in: reader, during: operation) {
            (entry) throws(StorageError) in
            try append(entry.key, entry.value, to: passage, appending)
            count += 1
        }
        guard count == stat.ms_entries else {
            throw .corrupted("\(passage.name) has \(count) entries and says \(stat.ms_entries) (\(operation))")
        }
    }

    private mutating func append(
        _ key: RawSpan, _ value: RawSpan, to passage: Passage, _ flags: UInt32
    ) throws(StorageError) {
        let writer = try begin()
        let code = key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                var (name, content) = (MDB_val(key), MDB_val(value))
                return mdb_put(writer, passage.target, &name, &content, flags)
            }
        }
        if code == MDB_KEYEXIST { throw .corrupted("keys of \(passage.name) are out of order (\(operation))") }
        try StorageError.check(code, during: operation)
        uncommittedBytes += key.byteCount + value.byteCount
        if uncommittedBytes >= Self.bytesPerCommit { try commit() }
    }

    /// - Parameter name: of the table, where our own code can read its pages.
    private static func forEachEntry(
        of table: MDB_dbi, _ name: String?, in reader: OpaquePointer, during operation: String,
        _ visit: (StoredEntry) throws(StorageError) -> Void
    ) throws(StorageError) {
        var main: MDB_dbi = 0
        try StorageError.check(mdb_dbi_open(reader, nil, 0, &main), during: operation)
        if let name, let tree = try Tree(named: name, in: reader, main) {
            var cursor = TreeCursor(tree)
            try cursor.forEach(visit)
        } else {
            var cursor = try LMDBCursor(reader, table, during: operation)
            try cursor.forEach(visit)
        }
    }

    // MARK: Transactions

    /// The running write transaction, or a new one.
    private mutating func begin() throws(StorageError) -> OpaquePointer {
        if let writer { return writer }
        try StorageError.check(mdb_txn_begin(pointer, nil, 0, &writer), during: operation)
        guard let writer else { throw .system(code: ENOMEM, during: operation) }
        return writer
    }

    private mutating func commit() throws(StorageError) {
        guard let running = writer else { return }
        // A commit frees the transaction even when it fails.
        writer = nil
        uncommittedBytes = 0
        try StorageError.check(mdb_txn_commit(running), during: operation)
    }
}
