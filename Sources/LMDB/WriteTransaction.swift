internal import CLMDB
public import Storage

/// The write transaction. It begins and ends on one thread, inside `Environment.write`.
public struct WriteTransaction: Storage.WriteTransaction, ~Copyable {
    let handle: TransactionHandle
    public private(set) var writeCount = 0
    /// The first write that failed. LMDB has given up on the transaction then, so `Environment.write` does not commit
    /// it, and runs the closure again where it can grow the map.
    private(set) var failure: StorageError?
    /// What cached tables are to forget; nil where that is too much to be told.
    private(set) var changes: [EntryCache.Change]? = []

    init(handle: TransactionHandle) { self.handle = handle }

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        // A write would move the bytes, and a write needs the transaction exclusively: the borrow forbids it.
        unsafe _overrideLifetime(try handle.unsafeGet(key, from: table), borrowing: self)
    }

    public borrowing func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        try handle.scan(table, prefix: prefix, from: start, order: order, visit)
    }

    public borrowing func statistics(of table: Table) throws(StorageError) -> TableStatistics {
        try handle.statistics(of: table)
    }

    public mutating func put(_ key: RawSpan, _ value: RawSpan, in table: Table) throws(StorageError) {
        let length = key.byteCount
        guard length > 0, length <= StorageLimits.keyBytesMax else { throw .keyLength(length) }
        let code = key.withUnsafeBytes { name in
            value.withUnsafeBytes { bytes in
                var name = MDB_val(name)
                var content = MDB_val(bytes)
                return mdb_put(handle.pointer, handle[table], &name, &content, 0)
            }
        }
        try settle(code, during: "writing \(table.name)")
        note(key, table)
    }

    @discardableResult
    public mutating func delete(_ key: RawSpan, from table: Table) throws(StorageError) -> Bool {
        guard key.byteCount > 0 else { throw .keyLength(0) }
        let code = key.withUnsafeBytes { name in
            var name = MDB_val(name)
            return mdb_del(handle.pointer, handle[table], &name, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try settle(code, during: "deleting from \(table.name)")
        note(key, table)
        return true
    }

    private mutating func note(_ key: RawSpan, _ table: Table) {
        guard table.cachedEntryBytes > 0, let cache = handle.cache, let count = changes?.count else { return }
        if count == EntryCache.changesMax { return changes = nil }
        let hash = cache._withUnsafeGuaranteedRef { $0.hash(key) }
        changes?.append(EntryCache.Change(table: table.ordinal, hash: hash))
    }

    private mutating func settle(_ code: Int32, during operation: @autoclosure () -> String) throws(StorageError) {
        if code == MDB_SUCCESS {
            writeCount += 1
            return
        }
        let error = failure ?? StorageError(code: code, during: operation())
        failure = error
        throw error
    }
}
