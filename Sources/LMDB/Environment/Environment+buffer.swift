public import Storage
internal import Glibc

/// What was put off is done while nobody writes: sorting in what the buffer has, writing back what the log has.
extension Environment {
    /// So many entries are sorted in by one commit of `doDeferredWork`, beside others that read.
    private static let entriesPerSettling = 512
    /// So many where all are sorted in at once.
    private static let entriesPerSettlingAll = 16_384

    public var hasDeferredWork: Bool { isBuffering || logBytes > 0 }

    private var isBuffering: Bool { options.access == .readWrite && !(buffer?.view.isEmpty ?? true) }

    public func doDeferredWork() throws(StorageError) {
        if isBuffering {
            do throws(StorageError) {
                return try sortIn(Self.entriesPerSettling)
            } catch {
                // What can't be sorted in keeps nothing from being written back.
                if logBytes == 0 { throw error }
            }
        }
        if logBytes > 0 { try writeBackSome() }
    }

    private func sortIn(_ count: Int) throws(StorageError) {
        guard let buffer else { return }
        try write { (transaction) throws(StorageError) in
            buffer.turnOver()
        }
        try write { (transaction) throws(StorageError) in
            try transaction.sortIn(atMost: count)
        }
    }

    /// Sorts in all that is there.
    func sortInAll() throws(StorageError) {
        // What other processes have put there is seen by the first write.
        try write { (_) throws(StorageError) in }
        while isBuffering { try sortIn(Self.entriesPerSettlingAll) }
    }

    /// Leaves a file without buffered entries where this process has added some, and nobody else will.
    func sortInBeforeClosing() {
        guard let buffer, buffer.hasAdded, options.access == .readWrite else { return }
        let mine = Int(getpid())
        guard (try? statistics().readers.allSatisfy { $0.process == mine }) == true else { return }
        // What an import has left would keep whoever opens the file next.
        let deadline = ContinuousClock.now + .seconds(buffer.hasAddedMany ? 60 : 2)
        while isBuffering, ContinuousClock.now < deadline, (try? sortIn(Self.entriesPerSettlingAll)) != nil {}
    }
}
