internal import Storage

/// The entries that a commit has in the buffer, of one table and in the order of a scan.
struct BufferedScan {
    /// Sorted entries of one segment that may be visited, whichever commit has them.
    private struct Run {
        let entries: BufferedEntries
        var ranks: ArraySlice<BufferedEntries.Rank>
    }

    struct Entry {
        let entries: BufferedEntries
        let index: Int

        var key: RawSpan {
            @_lifetime(immortal)
            get { entries.key(index) }
        }

        var value: RawSpan {
            @_lifetime(immortal)
            get { entries.value(index) }
        }
    }

    private let view: ChangeBuffer.View
    private let hash: KeyHash
    private let table: Int
    private let order: ScanOrder
    private let commit: Int
    private var runs: [Run] = []
    /// The one to be visited.
    private(set) var next: Entry?

    init(
        _ view: ChangeBuffer.View, _ hash: KeyHash, at commit: Int, of table: Table, prefix: RawSpan,
        from start: RawSpan, _ order: ScanOrder
    ) {
        self.view = view
        self.hash = hash
        self.table = table.ordinal
        self.order = order
        self.commit = commit
        for entries in view.segments where entries.count > 0 {
            for ranks in entries.range(of: table.ordinal, prefix: prefix, from: start, order) where !ranks.isEmpty {
                self.runs.append(Run(entries: entries, ranks: ranks))
            }
        }
        advance()
    }

    mutating func advance() {
        next = nil
        while let candidate = takeFirst() {
            let key = candidate.key
            // The others are older, deleted, or not there yet.
            let found = view.find(key, in: table, hash: hash(key), at: commit)
            guard let found, found.entries === candidate.entries, found.index == candidate.index else { continue }
            next = candidate
            return
        }
    }

    private mutating func takeFirst() -> Entry? {
        var first: (run: Int, entry: Entry)?
        for run in runs.indices {
            guard let rank = order == .ascending ? runs[run].ranks.first : runs[run].ranks.last else { continue }
            let entry = Entry(entries: runs[run].entries, index: Int(rank.index))
            if let other = first?.entry {
                let side = entry.key.compare(other.key)
                if order == .ascending ? side >= 0 : side <= 0 { continue }
            }
            first = (run, entry)
        }
        guard let first else { return nil }
        if order == .ascending { runs[first.run].ranks.removeFirst() } else { runs[first.run].ranks.removeLast() }
        return first.entry
    }
}
