internal import CLMDB
internal import Storage
internal import Synchronization

/// What an environment does with its write-ahead log, all of it with LMDB's lock.
extension Environment {
    /// The commit has given up LMDB's lock, so another process may have ended the log since.
    func takeBackFromLog(_ transaction: borrowing WriteTransaction) {
        guard let log, let record = transaction.record else { return }
        // Where the lock can't be had any more this process is the last that wrote.
        var begun: OpaquePointer?
        _ = mdb_txn_begin(pointer, nil, 0, &begun)
        log.takeBack(record)
        mdb_txn_abort(begun)
    }

    /// Holds LMDB's lock for something that changes nothing in its file.
    func withWriteLock(
        _ state: inout Lifecycle, _ body: (WriteAheadLog) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard let log else { return }
        let begun = try beginWrite(&state)
        defer { mdb_txn_abort(begun) }
        try body(log)
    }

    /// Bytes of the write-ahead log with what this process has committed and not written back.
    public var logBytes: Int { log?.bytes ?? 0 }

    /// Writes back a little, or begins to.
    func settleLog() throws(StorageError) {
        try writing.withLock { state throws(StorageError) in
            try withWriteLock(&state) { log throws(StorageError) in try log.settle() }
        }
    }
}
