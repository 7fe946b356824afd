internal import CLMDB
public import Storage

/// A read transaction: one moment of the store, lent to a closure.
public struct Snapshot: ReadTransaction, ~Copyable {
    let handle: TransactionHandle

    @usableFromInline
    init(handle: TransactionHandle) { self.handle = handle }

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        // The pages of a snapshot stay as they are until it ends, so the span may live as long as the borrow.
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

    /// The number of the commit this snapshot shows.
    public var commit: Int { mdb_txn_id(handle.pointer) }
}
