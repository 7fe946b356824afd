public import Storage

/// A snapshot that stays open as long as this value lives: for whoever answers several questions from one moment.
///
/// It keeps the map from growing and old pages from being reused, so it is to be held for a moment only, and nothing
/// else of the environment may be waited for meanwhile.
///
/// Who knows several keys beforehand says so (`expect`) and has them looked up together (`lookAhead`): while one waits for
/// memory the others go on. Asking for them (`withValue`) is answered from that.
public struct HeldSnapshot: ~Copyable {
    private let environment: Environment
    private let handle: TransactionHandle
    public let snapshot: Snapshot
    private var expected: Lookahead?

    fileprivate init(_ environment: Environment) throws(StorageError) {
        self.environment = environment
        handle = try environment.beginSnapshot()
        snapshot = Snapshot(handle: handle)
    }

    deinit { environment.endSnapshot(handle) }

    // MARK: Looking ahead

    /// How many keys can be expected at a time.
    public static var expectedMax: Int { Lookahead.capacity }

    public var expectedCount: Int { expected?.count ?? 0 }

    /// Forgets what was expected before.
    public mutating func expectNothing() { expected?.clear() }

    /// Adds a key that is going to be asked for. One that is too long or too many is looked up when it is.
    /// - Parameter tag: what `expectedTag` is to tell of it.
    public mutating func expect(_ key: RawSpan, in table: Table, tag: Int = 0) {
        if expected == nil { expected = Lookahead() }
        expected?.add(key, in: table, tag: tag)
    }

    /// Looks up what was added since the last time.
    public mutating func lookAhead() { expected?.lookUp(handle) }

    /// - Parameter place: below `expectedCount`.
    public borrowing func expectedTag(at place: Int) -> Int { expected?.tag(at: place) ?? 0 }

    /// What was found for an expected key; nil where nothing was.
    @_lifetime(borrow self)
    public borrowing func expectedValue(at place: Int) -> RawSpan? {
        unsafe _overrideLifetime(expected?.value(at: place), borrowing: self)
    }

    /// As the snapshot's, and without a search where the key was expected.
    public borrowing func withValue<Answer, Failure: StorageFailure>(
        of key: RawSpan, in table: Table, _ body: (RawSpan) throws(Failure) -> Answer
    ) throws(Failure) -> Answer? {
        if let expected, let place = expected.place(of: key, in: table) {
            guard let value = expected.value(at: place) else { return nil }
            return try body(value)
        }
        return try snapshot.withValue(of: key, in: table, body)
    }
}

extension Environment {
    /// Begins to read; the end of the returned value's life ends it.
    public func hold() throws(StorageError) -> HeldSnapshot { try HeldSnapshot(self) }
}
