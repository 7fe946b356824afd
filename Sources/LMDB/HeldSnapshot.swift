public import Storage

/// A snapshot that stays open as long as this value lives: for whoever answers several questions from one moment.
///
/// It keeps the map from growing and old pages from being reused, so it is to be held for a moment only, and nothing
/// else of the environment may be waited for meanwhile.
public struct HeldSnapshot: ~Copyable {
    private let environment: Environment
    private let handle: TransactionHandle
    public let snapshot: Snapshot

    fileprivate init(_ environment: Environment) throws(StorageError) {
        self.environment = environment
        handle = try environment.beginSnapshot()
        snapshot = Snapshot(handle: handle)
    }

    deinit { environment.endSnapshot(handle) }
}

extension Environment {
    /// Begins to read; the end of the returned value's life ends it.
    public func hold() throws(StorageError) -> HeldSnapshot { try HeldSnapshot(self) }
}
