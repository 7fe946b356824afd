public import Storage

extension Environment {
    /// Sorts what was gathered as well: the writer has more to do than who reads for it.
    public func foresee(_ keys: ExpectedKeys) throws(StorageError) -> Foresight {
        buffer?.view.newer.sortByAndBy()
        let reader = try beginSnapshot()
        defer { endSnapshot(reader) }
        return reader.foresee(keys)
    }
}

extension TransactionHandle {
    /// Looks for keys of buffered tables in the tables alone, as the commit left them that this transaction reads or begins from.
    func foresee(_ keys: ExpectedKeys) -> Foresight {
        let lookahead = Lookahead()
        var isAbsent = [Bool](repeating: false, count: keys.count)
        for first in stride(from: 0, to: keys.count, by: Lookahead.capacity) {
            lookahead.clear()
            for index in first..<min(first + Lookahead.capacity, keys.count) where keys.table(index).isBuffered {
                lookahead.add(keys.key(index), in: keys.table(index), tag: index)
            }
            lookahead.lookUpInTables(self)
            for place in 0..<lookahead.count { isAbsent[lookahead.tag(at: place)] = lookahead.isAbsent(at: place) }
        }
        return Foresight(keys, isAbsent: isAbsent, commit: commit)
    }
}

/// What a transaction that writes knows of the keys that it is going to be asked for: which of them are not in the tables, as
/// the last commit left these. Such a key is in the buffer, or nowhere.
final class ExpectedAbsences {
    /// A key that is asked for is not further away from the one before, unless it was not expected.
    private static let window = 12
    /// So many keys on, the memory by which the buffer finds one is asked for.
    private static let distance = 12

    private let foresight: Foresight
    private var next = 0
    private var prefetched = 0

    init(_ foresight: Foresight) { self.foresight = foresight }

    func contains(_ key: RawSpan, in table: Table, _ handle: TransactionHandle) -> Bool {
        let keys = foresight.keys
        for index in next..<min(next + Self.window, foresight.isAbsent.count) {
            guard keys.table(index).ordinal == table.ordinal, keys.key(index).equals(key) else { continue }
            // One or two before it may be asked for once more.
            next = max(index - 2, 0)
            prefetch(upTo: min(index + Self.distance, foresight.isAbsent.count), handle)
            return foresight.isAbsent[index]
        }
        return false
    }

    private func prefetch(upTo end: Int, _ handle: TransactionHandle) {
        let keys = foresight.keys
        while prefetched < end {
            handle.prefetchBuffered(keys.key(prefetched))
            prefetched += 1
        }
    }
}
