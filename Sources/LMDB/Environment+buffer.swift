public import Storage
internal import Glibc

/// What was put off is done while nobody writes: sorting in what the buffer has, writing back what the log has.
extension Environment {
    /// So many entries are sorted in by one commit of `settle`.
    private static let entriesPerSettling = 512

    public var isUnsettled: Bool { isBuffering || logBytes > 0 }

    private var isBuffering: Bool { options.access == .readWrite && !(buffer?.view.isEmpty ?? true) }

    public func settle() throws(StorageError) {
        if isBuffering { try sortIn() } else if logBytes > 0 { try settleLog() }
    }

    private func sortIn() throws(StorageError) {
        guard let buffer else { return }
        try write { (transaction) throws(StorageError) in
            buffer.turnOver()
        }
        try write { (transaction) throws(StorageError) in
            try transaction.sortIn(atMost: Self.entriesPerSettling)
        }
    }

    /// Sorts in all that is there.
    func settleAll() throws(StorageError) {
        // What other processes have put there is seen by the first write.
        try write { (_) throws(StorageError) in }
        while isBuffering { try sortIn() }
    }

    /// Leaves a file without buffered entries where this process has added some, and nobody else will.
    func settleBeforeClosing() {
        guard let buffer, buffer.hasAdded, options.access == .readWrite else { return }
        let mine = Int(getpid())
        guard (try? statistics().readers.allSatisfy { $0.process == mine }) == true else { return }
        let deadline = ContinuousClock.now + .seconds(2)
        while isBuffering, ContinuousClock.now < deadline, (try? sortIn()) != nil {}
    }
}
