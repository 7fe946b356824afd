internal import CLMDB
internal import Glibc
public import Storage

/// What both kinds of transaction do with LMDB's pointer. It is a plain pair of pointers: the transaction types that
/// wrap it are the ones that can't be copied, stored or sent.
@usableFromInline
struct TransactionHandle {
    let pointer: OpaquePointer
    /// What a read transaction shows, and what a write transaction will be.
    let commit: Int
    /// LMDB's table handles, by `Table.ordinal`; owned by the environment, which outlives every transaction.
    let tables: UnsafePointer<MDB_dbi>
    let tableCount: Int
    /// Whose a read transaction is; nil for one that writes.
    let place: ReaderPool.Place?
    /// For reading pages as the last commit left them; what a write transaction has changed LMDB keeps elsewhere.
    let trees: Trees?
    /// Nil where there is none.
    let cache: Unmanaged<EntryCache>?
    /// Likewise; nil where no table is buffered.
    let buffer: Unmanaged<ChangeBuffer>?
    /// What the buffer has for this transaction; whoever made this handle sees to it that it stays.
    var view: Unmanaged<ChangeBuffer.View>?

    /// LMDB's handle of the table that has the others' names, behind those of the tables and the buffer's segments.
    let main: MDB_dbi

    /// Checked, because a table of some other engine would read past the end.
    @inline(__always)
    subscript(table: Table) -> MDB_dbi {
        precondition(table.ordinal >= 0 && table.ordinal < tableCount, "the table was not opened with the engine")
        return tables[table.ordinal]
    }

    /// Unsafe because the span is tied to nothing: the caller ties it to its own lifetime.
    /// LMDB promises the bytes until the next write of this transaction or its end.
    @_lifetime(immortal)
    @inline(__always)
    func unsafeGet(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        if table.isBuffered, let value = bufferedValue(of: key, in: table) {
            return unsafe _overrideLifetime(value.bytes, copying: ())
        }
        return try place == nil ? unsafeGetByLMDB(key, from: table) : unsafeGetCommitted(key, from: table)
    }

    /// What the table itself has, without what this transaction has changed in it.
    @_lifetime(immortal)
    @inline(__always)
    func unsafeGetCommitted(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        if key.byteCount == 0 { throw .keyLength(0) }
        guard let tree = try trees?.tree(of: table, self) else { return try unsafeGetByLMDB(key, from: table) }
        let found = try key.withUnsafeBytes { bytes throws(StorageError) in try tree.find(bytes) }
        guard let found else { return nil }
        return unsafe _overrideLifetime(found.bytes, copying: ())
    }

    @_lifetime(immortal)
    private func unsafeGetByLMDB(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        if key.byteCount == 0 { throw .keyLength(0) }
        var value = MDB_val()
        let code = key.withUnsafeBytes { bytes in
            var name = MDB_val(bytes)
            return mdb_get(pointer, self[table], &name, &value)
        }
        if code == MDB_NOTFOUND { return nil }
        if code != MDB_SUCCESS { throw StorageError(code: code, during: "reading \(table.name)") }
        return unsafe _overrideLifetime(value.span, copying: ())
    }

    /// What the buffer has for a key; nil where the table itself is to be asked.
    func bufferedValue(of key: RawSpan, in table: Table) -> UnsafeRawBufferPointer? {
        guard let buffer, let view else { return nil }
        return view._withUnsafeGuaranteedRef { view in
            if view.isEmpty { return nil }
            let hash = buffer._withUnsafeGuaranteedRef { $0.hash(key) }
            let found = view.find(key, in: table.ordinal, hash: hash, at: commit)
            return found.map { $0.entries.unsafeValue($0.index) }
        }
    }

    /// Asks for the memory that says whether the buffer has a key.
    func prefetchBuffered(_ key: RawSpan) {
        guard let buffer, let view else { return }
        view._withUnsafeGuaranteedRef { view in
            if view.isEmpty { return }
            let hash = buffer._withUnsafeGuaranteedRef { $0.hash(key) }
            view.newer.prefetch(hash)
            view.older?.prefetch(hash)
        }
    }

    @usableFromInline
    func copyCached(_ key: RawSpan, of table: Table, to entry: inout CachedEntry) -> Bool {
        guard let cache, table.isCached else { return false }
        return cache._withUnsafeGuaranteedRef { $0.copy(key, of: table, at: commit, to: &entry) }
    }

    @usableFromInline
    func cache(_ key: RawSpan, _ value: RawSpan, of table: Table) {
        guard let cache, table.isCached else { return }
        cache._withUnsafeGuaranteedRef { $0.take(key, value, of: table, at: commit) }
    }

    /// - Parameter isChanged: whether this transaction has changed the table, apart from the buffer: then LMDB alone can tell.
    func scan<Failure: StorageFailure>(
        _ table: Table, isChanged: Bool = false, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        let tree = try Failure.orStorage { () throws(StorageError) in
            isChanged ? nil : try trees?.tree(of: table, self)
        }
        if let tree {
            var cursor = TreeCursor(tree)
            return try scan(table, &cursor, prefix: prefix, from: start, order: order, visit)
        }
        var cursor = try Failure.orStorage { () throws(StorageError) in
            try LMDBCursor(pointer, self[table], during: "scanning \(table.name)")
        }
        try scan(table, &cursor, prefix: prefix, from: start, order: order, visit)
    }

    private func scan<Cursor: EntryCursor & ~Copyable, Failure: StorageFailure>(
        _ table: Table, _ cursor: inout Cursor, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        var buffered = bufferedScan(table, prefix: prefix, from: start, order)
        try Failure.orStorage { () throws(StorageError) in try cursor.move(toFirstOf: prefix, from: start, order) }
        while true {
            let stored = cursor.entry.flatMap { $0.key.starts(with: prefix) ? $0 : nil }
            if let next = buffered?.next {
                let side = stored.map { next.key.compare($0.key) * (order == .ascending ? 1 : -1) } ?? -1
                if side <= 0 {
                    buffered?.advance()
                    // What is stored under the same key is older.
                    if side == 0 { try Failure.orStorage { () throws(StorageError) in try cursor.move(order) } }
                    if try visit(next.key, next.value) == .stop { return }
                    continue
                }
            }
            guard let stored else { return }
            if try visit(stored.key, stored.value) == .stop { return }
            try Failure.orStorage { () throws(StorageError) in try cursor.move(order) }
        }
    }

    private func bufferedScan(
        _ table: Table, prefix: RawSpan, from start: RawSpan, _ order: ScanOrder
    ) -> BufferedScan? {
        guard table.isBuffered, let buffer, let view = view?.takeUnretainedValue(), !view.isEmpty else { return nil }
        let hash = buffer._withUnsafeGuaranteedRef(\.hash)
        return BufferedScan(
            view, hash, at: commit, of: table, prefix: prefix, from: start, order)
    }

    func statistics(of table: Table) throws(StorageError) -> TableStatistics {
        TableStatistics(
            try MDB_stat(of: self[table], in: pointer, during: "reading statistics of \(table.name)"))
    }
}

extension MDB_stat {
    /// What LMDB says of a table: numbers from a page, checked, so that sums of them can be made.
    init(of table: MDB_dbi, in transaction: OpaquePointer, during operation: String) throws(StorageError) {
        self.init()
        try StorageError.check(mdb_stat(transaction, table, &self), during: operation)
        let pagesMax = StoreFile.bytesMax / Int(ms_psize)
        let pages = [ms_branch_pages, ms_leaf_pages, ms_overflow_pages]
        guard pages.allSatisfy({ (0...pagesMax).contains($0) }), (0...StoreFile.bytesMax).contains(ms_entries) else {
            throw .corrupted("LMDB's description of a table contradicts itself (\(operation))")
        }
    }
}

extension TableStatistics {
    init(_ stat: MDB_stat) {
        let pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages
        self.init(
            entries: stat.ms_entries, depth: Int(stat.ms_depth), branchPages: stat.ms_branch_pages,
            leafPages: stat.ms_leaf_pages, overflowPages: stat.ms_overflow_pages,
            bytes: pages * Int(stat.ms_psize))
    }
}

extension MDB_val {
    /// LMDB takes keys and values as mutable pointers and never writes through them.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    /// Valid for as long as LMDB promises the bytes; the caller narrows the lifetime.
    var span: RawSpan {
        @_lifetime(immortal)
        @inline(__always)
        get {
            guard let start = mv_data else { return RawSpan() }
            return unsafe _overrideLifetime(
                RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: mv_size), copying: ())
        }
    }
}

extension Array where Element == UInt8 {
    init(copying span: RawSpan) {
        self = span.withUnsafeBytes { Array($0) }
    }
}

extension RawSpan {
    /// Below, at or above zero as these bytes sort before, like or after `other`: LMDB's order of keys.
    func compare(_ other: RawSpan) -> Int {
        let order = withUnsafeBytes { mine in
            other.withUnsafeBytes { theirs -> Int32 in
                guard let a = mine.baseAddress, let b = theirs.baseAddress else { return 0 }
                return memcmp(a, b, min(mine.count, theirs.count))
            }
        }
        return order == 0 ? byteCount - other.byteCount : Int(order)
    }

    func starts(with prefix: RawSpan) -> Bool {
        byteCount >= prefix.byteCount && extracting(first: prefix.byteCount).equals(prefix)
    }

    func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return withUnsafeBytes { mine in
            other.withUnsafeBytes { theirs in
                guard let a = mine.baseAddress, let b = theirs.baseAddress else { return true }
                return memcmp(a, b, mine.count) == 0
            }
        }
    }
}
