internal import CLMDB
internal import Glibc
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

    /// Lets go of what keeps free pages from being used: the log's pin, once everything is written back, what dead
    /// readers hold, and the pins of other processes whose logs this one has ended. Each of those lets go once it
    /// looks, which it does within milliseconds where it has nothing to write.
    /// - Returns: whether there was anything.
    func makeRoom() throws(StorageError) -> Bool {
        let (hadPin, hasEndedOthers) = try writing.withLock { (state) throws(StorageError) -> (Bool, Bool) in
            guard let log else { return (false, false) }
            let had = (log.hasPin, log.hasEndedOthers)
            log.hasEndedOthers = false
            if log.hasPin { try withWriteLock(&state) { log throws(StorageError) in try log.giveUpPin() } }
            return had
        }
        let freed = try pinned { freeDeadReaders() > 0 }
        let othersLetGo = if hasEndedOthers { try awaitOthers() } else { false }
        return hadPin || freed || othersLetGo
    }

    /// Waits for up to a second until no other process reads at an earlier commit than the last.
    private func awaitOthers() throws(StorageError) -> Bool {
        let mine = Int(getpid())
        for _ in 0..<50 {
            let isHeld = try pinned {
                readerList().contains { $0.process != mine && $0.commit.map { $0 < pointer.lastCommit } == true }
            }
            if !isHeld { return true }
            usleep(20_000)
        }
        return false
    }

    /// Writes back a little, or begins to.
    func writeBackSome() throws(StorageError) {
        try writing.withLock { state throws(StorageError) in
            try withWriteLock(&state) { log throws(StorageError) in try log.writeBackSome() }
        }
    }
}
