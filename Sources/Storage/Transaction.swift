/// A consistent snapshot of the store.
///
/// A span it returns points into the engine's own memory. It can't leave the closure that the transaction was lent
/// to, nor be held across a write; the compiler refuses both.
public protocol ReadTransaction: ~Copyable {
    /// The value of `key`, or nil where there is none.
    @_lifetime(borrow self)
    borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan?

    /// Lends the value of `key` to `body`, or answers nil where there is none. Unlike `get`, it may answer from a copy,
    /// which has to be what the snapshot has.
    borrowing func withValue<Answer, Failure: StorageFailure>(
        of key: RawSpan, in table: Table, _ body: (RawSpan) throws(Failure) -> Answer
    ) throws(Failure) -> Answer?

    /// Visits the entries whose key starts with `prefix`, in key order, until `visit` answers `.stop`.
    ///
    /// - Parameters:
    ///   - start: the first key to visit, inclusive; it must itself start with `prefix`. Empty means from the first
    ///     one (the last one when descending).
    ///   - visit: gets key and value; the spans end with the call.
    borrowing func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (_ key: RawSpan, _ value: RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure)

    /// Entries and pages of one table.
    borrowing func statistics(of table: Table) throws(StorageError) -> TableStatistics
}

extension ReadTransaction where Self: ~Copyable {
    @inlinable
    public borrowing func withValue<Answer, Failure: StorageFailure>(
        of key: RawSpan, in table: Table, _ body: (RawSpan) throws(Failure) -> Answer
    ) throws(Failure) -> Answer? {
        let value: RawSpan?
        do throws(StorageError) { value = try get(key, from: table) } catch { throw Failure(storage: error) }
        guard let value else { return nil }
        return try body(value)
    }
}

/// The one transaction that may change the store. Its writes are seen by its own reads at once, and by others only
/// after the commit.
public protocol WriteTransaction: ReadTransaction, ~Copyable {
    /// Sets the value of `key`, replacing any before it.
    mutating func put(_ key: RawSpan, _ value: RawSpan, in table: Table) throws(StorageError)

    /// Removes `key`. Answers whether it was there.
    @discardableResult
    mutating func delete(_ key: RawSpan, from table: Table) throws(StorageError) -> Bool

    /// What this transaction put last into a table that `isRewritten`; nil where it put nothing, or deleted since.
    borrowing func lastPut(in table: Table) -> LastPut?

    /// Appends to the value that `lastPut` answers, which must be there.
    mutating func extendLastPut(in table: Table, by bytes: RawSpan) throws(StorageError)

    /// Leaves that as it is: there is no last put any more, and the table may be scanned until there is another.
    mutating func finishLastPut(in table: Table) throws(StorageError)

    /// Tells that thousands of entries follow, so that an engine that gathers them does well to gather more.
    mutating func expectMany()

    /// Tells of keys that are about to be asked for, and what the engine has found out of them (`StorageEngine.foresee`).
    mutating func expect(_ foresight: Foresight)

    /// Tells of a key that is about to be put: a hint, which an engine may ignore.
    borrowing func expectPut(_ key: RawSpan, in table: Table)

    /// Whether the transaction only takes away, so that it may use the room that an engine keeps for that when it is full.
    /// False at first.
    var givesBack: Bool { get set }

    /// How many writes this transaction has done: equal counts mean that nothing changed in between.
    var writeCount: Int { get }

    /// The number of the commit that this is to become: one more than that of the last, whoever made it.
    var commit: Int { get }
}

extension WriteTransaction where Self: ~Copyable {
    public mutating func expectMany() {}
    public mutating func expect(_ foresight: Foresight) {}
    public borrowing func expectPut(_ key: RawSpan, in table: Table) {}
    public var givesBack: Bool {
        get { false }
        set {}
    }
}

/// An entry that a transaction has put, in copies.
public struct LastPut: Equatable, Sendable {
    public let key: [UInt8]
    public var value: [UInt8]

    public init(key: [UInt8], value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

public enum ScanOrder: Sendable { case ascending, descending }
public enum ScanStep: Sendable { case next, stop }

/// A store of tables with snapshot reads and serializable writes.
///
/// Nothing above this seam may assume that a read is free of I/O errors, that there is one writer in the world, or
/// that a write closure runs once.
public protocol StorageEngine: Sendable, SendableMetatype {
    associatedtype Reader: ReadTransaction & ~Copyable
    associatedtype Writer: WriteTransaction & ~Copyable

    /// Runs `body` on a snapshot.
    func read<Answer, Failure: StorageFailure>(
        _ body: (borrowing Reader) throws(Failure) -> Answer
    ) throws(Failure) -> Answer

    /// Runs `body` in a write transaction and commits. When `body` or the commit throws, nothing has changed.
    func write<Answer, Failure: StorageFailure>(
        _ body: (inout Writer) throws(Failure) -> Answer
    ) throws(Failure) -> Answer

    /// Looks for keys that a transaction is going to be asked for, on the caller's thread and not on the one that writes. What
    /// has changed until then the transaction finds out.
    func foresee(_ keys: ExpectedKeys) throws(StorageError) -> Foresight

    /// Called from time to time by whoever writes: frees what dead readers hold.
    func maintain() throws(StorageError)

    /// Whether the engine has put off work that `doDeferredWork` does.
    var hasDeferredWork: Bool { get }

    /// Does a little of the work that was put off: to be called by whoever writes, when there is nothing to write.
    func doDeferredWork() throws(StorageError)
}

extension StorageEngine {
    public func foresee(_ keys: ExpectedKeys) throws(StorageError) -> Foresight { Foresight(keys) }
    public var hasDeferredWork: Bool { false }
    public func doDeferredWork() throws(StorageError) {}
}
