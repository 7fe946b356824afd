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
        readers.compactMap(\.commit).min().map { lastCommit - $0 } ?? 0
    }
}

extension TransactionHandle {
    /// Visits the pages of LMDB's own free list, which lies in the table with handle 0: each value is a count and that
    /// many page numbers.
    func forEachFreePage(_ visit: (Int) -> Void) throws(StorageError) {
        var cursor = try LMDBCursor(pointer, 0, during: "reading the free list")
        try cursor.forEach { (entry) throws(StorageError) in
            let list = entry.value
            guard list.byteCount >= 8 else { throw .corrupted("the free list has an empty entry") }
            let count = list.unsafeLoadUnaligned(as: Int.self)
            for index in 0..<max(0, min(count, list.byteCount / 8 - 1)) {
                visit(list.unsafeLoadUnaligned(fromByteOffset: (index + 1) * 8, as: Int.self))
            }
        }
    }

    /// Whether that list has so many pages that no reader of `oldest` or later can see.
    func hasFreePages(_ count: Int, before oldest: Int) throws(StorageError) -> Bool {
        var cursor = try LMDBCursor(pointer, 0, during: "reading the free list")
        var missing = count
        try cursor.moveToFirst()
        while missing > 0, let entry = cursor.entry {
            guard entry.key.byteCount == 8 else { throw .corrupted("the free list has an entry of no commit") }
            if entry.key.unsafeLoadUnaligned(as: Int.self) >= oldest { break }
            guard entry.value.byteCount >= 8 else { throw .corrupted("the free list has an empty entry") }
            missing -= max(0, min(entry.value.unsafeLoadUnaligned(as: Int.self), count))
            try cursor.move(.ascending)
        }
        return missing <= 0
    }
}
