internal import CLMDB
public import Storage

/// A read transaction: one moment of the store, lent to a closure.
public struct Snapshot: ReadTransaction, ~Copyable {
    @usableFromInline let handle: TransactionHandle

    @usableFromInline
    init(handle: TransactionHandle) { self.handle = handle }

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        // The pages of a snapshot stay as they are until it ends, so the span may live as long as the borrow.
        unsafe _overrideLifetime(try handle.unsafeGet(key, from: table), borrowing: self)
    }

    @inlinable
    public borrowing func withValue<Answer, Failure: StorageFailure>(
        of key: RawSpan, in table: Table, _ body: (RawSpan) throws(Failure) -> Answer
    ) throws(Failure) -> Answer? {
        var entry = CachedEntry()
        if handle.copyCached(key, of: table, to: &entry) { return try body(entry.value) }
        let value: RawSpan?
        do throws(StorageError) { value = try get(key, from: table) } catch { throw Failure(storage: error) }
        guard let value else { return nil }
        handle.cache(key, value, of: table)
        return try body(value)
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
    public var commit: Int { handle.commit }
}
