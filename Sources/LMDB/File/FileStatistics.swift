internal import CLMDB
internal import Storage

/// How a store's file is used, for people who look after it.
public struct FileStatistics: Sendable {
    public struct Reader: Equatable, Sendable {
        public let process: Int
        /// The commit it reads, or nil where it is at rest.
        public let commit: Int?

        /// Reads a line of LMDB's table: process, thread, commit or `-`. Nil for its heading.
        init?(line: String) {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard fields.count == 3, let process = Int(fields[0]) else { return nil }
            self.process = process
            self.commit = Int(fields[2])
        }
    }

    public let fileBytes: Int
    public let pageBytes: Int
    public let pagesUsed: Int
    public let pagesFree: Int
    public let mapBytes: Int
    public let lastCommit: Int
    /// Entries that are gathered and have not been sorted in.
    public let entriesBuffered: Int
    public let readersMax: Int
    /// Slots taken over all processes.
    public let readers: [Reader]

    /// How many commits the oldest active reader lags behind: what it keeps from being reused.
    public var oldestReaderLag: Int {
        readers.compactMap(\.commit).min().map { lastCommit &- $0 } ?? 0
    }
}

extension TransactionHandle {
    /// Visits the pages that wait to be used again.
    func forEachFreePage(_ visit: (Int) -> Void) throws(StorageError) {
        try forEachFreed { (_, count, list) in
            for index in 0..<count { visit(list.unsafeLoadUnaligned(fromByteOffset: (index + 1) * 8, as: Int.self)) }
            return .next
        }
    }

    /// Whether there are so many of them that no reader of `oldest` or later can see.
    func hasFreePages(_ count: Int, before oldest: Int) throws(StorageError) -> Bool {
        var missing = count
        try forEachFreed { (commit, count, _) in
            if commit < oldest { missing -= count }
            return commit < oldest && missing > 0 ? .next : .stop
        }
        return missing <= 0
    }

    /// Visits LMDB's own list of free pages, which lies in the table with handle 0, in the order of the commits that have freed
    /// them: each entry is a count and that many page numbers.
    private func forEachFreed(
        _ visit: (_ commit: Int, _ count: Int, _ list: RawSpan) -> ScanStep
    ) throws(StorageError) {
        var cursor = try LMDBCursor(pointer, 0, during: "reading the free list")
        try cursor.moveToFirst()
        while let entry = cursor.entry {
            let list = entry.value
            guard entry.key.byteCount == 8 else { throw .corrupted("the free list has an entry of no commit") }
            guard list.byteCount >= 8 else { throw .corrupted("the free list has an empty entry") }
            let commit = entry.key.unsafeLoadUnaligned(as: Int.self)
            let count = max(0, min(list.unsafeLoadUnaligned(as: Int.self), list.byteCount / 8 - 1))
            if visit(commit, count, list) == .stop { return }
            try cursor.move(.ascending)
        }
    }
}
