internal import CLMDB
public import Storage

/// The write transaction. It begins and ends on one thread, inside `Environment.write`.
public struct WriteTransaction: Storage.WriteTransaction, ~Copyable {
    let handle: TransactionHandle
    public private(set) var writeCount = 0
    public var commit: Int { handle.commit }
    /// The first write that failed. LMDB has given up on the transaction then, so `Environment.write` does not commit
    /// it, and runs the closure again where it can grow the map.
    private(set) var failure: StorageError?
    /// What cached tables are to forget; nil where that is too much to be told.
    private(set) var changes: [EntryCache.Change]? = []
    private(set) var bufferedChanges = BufferedChanges()
    public var givesBack = false
    /// Whether the room that is kept for deletions has to be left after it. Who empties a segment of the buffer frees more
    /// than what he takes.
    var mustLeaveRoom: Bool { writeCount > 0 && !givesBack && !bufferedChanges.emptiedOlder }
    /// Puts that are kept back, of tables that are rewritten, one of each.
    private var keptBack: [(table: Table, put: LastPut)] = []
    /// As many as there are bits in `changedTables`, and in what the buffer's entries say of tables.
    static let tablesMax = 64
    /// A bit for each table of which LMDB has other pages by now than the last commit left.
    private var changedTables: UInt64 = 0
    private var expected: ExpectedAbsences?
    /// By table, for puts: each looks for its place from that of the one before. LMDB closes them with the transaction.
    private var cursors: [OpaquePointer?]
    /// What was done to LMDB's tables so far; nil where that is not logged.
    private(set) var record: LogRecord?

    init(handle: TransactionHandle, isLogged: Bool) {
        self.handle = handle
        record = isLogged ? LogRecord() : nil
        cursors = Array(repeating: nil, count: handle.tableCount)
    }

    /// - Returns: false where the commit itself has to be durable.
    mutating func append(to log: WriteAheadLog) throws(StorageError) -> Bool {
        guard writeCount > 0, record != nil else { return false }
        return try log.append(&record!, commit: commit)
    }

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        if table.isRewritten, let put = lastPut(in: table), put.key.span.bytes.equals(key) {
            let bytes = put.value.withUnsafeBytes { $0 }
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
        // A write would move the bytes, and a write needs the transaction exclusively: the borrow forbids it.
        if !isChanged(table.ordinal) {
            return unsafe _overrideLifetime(try getUnchanged(key, from: table), borrowing: self)
        }
        return unsafe _overrideLifetime(try handle.unsafeGet(key, from: table), borrowing: self)
    }

    /// From a table that has gained nothing since the last commit but what the buffer tells.
    @_lifetime(immortal)
    private borrowing func getUnchanged(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        if !table.isBuffered { return try handle.unsafeGetCommitted(key, from: table) }
        let isAbsent = expected?.contains(key, in: table, handle) == true
        if let value = handle.bufferedValue(of: key, in: table) {
            return unsafe _overrideLifetime(value.bytes, copying: ())
        }
        return isAbsent ? nil : try handle.unsafeGetCommitted(key, from: table)
    }

    private func isChanged(_ table: Int) -> Bool { changedTables >> UInt64(table) & 1 != 0 }

    private mutating func noteChange(_ table: Int) { changedTables |= 1 << UInt64(table) }

    public borrowing func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        guard keptBackIndex(of: table) == nil else {
            throw Failure(storage: .misuse("\(table.name) is scanned by a transaction that has put into it"))
        }
        let isChanged = isChanged(table.ordinal)
        try handle.scan(table, isChanged: isChanged, prefix: prefix, from: start, order: order, visit)
    }

    public borrowing func statistics(of table: Table) throws(StorageError) -> TableStatistics {
        try handle.statistics(of: table)
    }

    public mutating func put(_ key: RawSpan, _ value: RawSpan, in table: Table) throws(StorageError) {
        let length = key.byteCount
        guard length > 0, length <= StorageLimits.keyBytesMax else { throw .keyLength(length) }
        if table.isRewritten { return try keepBack(key, value, of: table) }
        if try !buffer(key, value, of: table) {
            _ = try unbuffer(key, of: table)
            try store(key, value, in: table)
        }
        note(key, table)
    }

    private mutating func store(_ key: RawSpan, _ value: RawSpan, in table: Table) throws(StorageError) {
        // Refuses a table of some other engine.
        _ = handle[table]
        try place(key, value, in: table.ordinal, during: "writing \(table.name)")
        if table.isBuffered { bufferedChanges.notePassedBy(table.ordinal) }
        record?.add(.put, table.ordinal, key, value)
    }

    /// Puts an entry in its place.
    private mutating func place(
        _ key: RawSpan, _ value: RawSpan, in table: Int, during operation: @autoclosure () -> String
    ) throws(StorageError) {
        if cursors[table] == nil {
            var opened: OpaquePointer?
            try check(mdb_cursor_open(handle.pointer, handle.tables[table], &opened), during: operation())
            cursors[table] = opened
        }
        let code = key.withUnsafeBytes { name in
            value.withUnsafeBytes { bytes in
                var name = MDB_val(name)
                var content = MDB_val(bytes)
                return mdb_cursor_put(cursors[table], &name, &content, 0)
            }
        }
        try checkWrite(code, during: operation())
        noteChange(table)
    }

    public mutating func expectMany() { bufferedChanges.areOfMany = true }

    public mutating func expect(_ foresight: Foresight) {
        let isValid = handle.buffer?._withUnsafeGuaranteedRef { $0.tells(of: foresight.keys, since: foresight.commit) }
        expected = ExpectedAbsences(isValid == true ? foresight : handle.foresee(foresight.keys))
    }

    /// Asks for the memory by which the buffer finds the key: that takes longer than all the rest of adding to it.
    public borrowing func expectPut(_ key: RawSpan, in table: Table) {
        if belongsInBuffer(table) { handle.prefetchBuffered(key) }
    }

    @discardableResult
    public mutating func delete(_ key: RawSpan, from table: Table) throws(StorageError) -> Bool {
        guard key.byteCount > 0 else { throw .keyLength(0) }
        if table.isRewritten { try storeKeptBack(of: table) }
        let wasBuffered = try unbuffer(key, of: table)
        // A deletion may merge or free the pages that the cursor stands on.
        if let cursor = cursors[table.ordinal].take() { mdb_cursor_close(cursor) }
        let code = key.withUnsafeBytes { name in
            var name = MDB_val(name)
            return mdb_del(handle.pointer, handle[table], &name, nil)
        }
        if code != MDB_NOTFOUND {
            try checkWrite(code, during: "deleting from \(table.name)")
            noteChange(table.ordinal)
            record?.add(.delete, table.ordinal, key, RawSpan())
        }
        guard wasBuffered || code == MDB_SUCCESS else { return false }
        note(key, table)
        return true
    }

    private mutating func note(_ key: RawSpan, _ table: Table) {
        guard table.isCached, let cache = handle.cache, let count = changes?.count else { return }
        if count == EntryCache.changesMax { return changes = nil }
        changes?.append(cache._withUnsafeGuaranteedRef { $0.hash(key, of: table) })
    }

    /// To be called with what a write has led to.
    private mutating func checkWrite(_ code: Int32, during operation: @autoclosure () -> String) throws(StorageError) {
        try check(code, during: operation())
        writeCount += 1
    }

    private mutating func check(_ code: Int32, during operation: @autoclosure () -> String) throws(StorageError) {
        if code == MDB_SUCCESS { return }
        let error = failure ?? StorageError(code: code, during: operation())
        failure = error
        throw error
    }
}

// MARK: Puts that are kept back

extension WriteTransaction {
    public borrowing func lastPut(in table: Table) -> LastPut? {
        keptBackIndex(of: table).map { keptBack[$0].put }
    }

    private borrowing func keptBackIndex(of table: Table) -> Int? {
        keptBack.firstIndex { $0.table.ordinal == table.ordinal }
    }

    public mutating func extendLastPut(in table: Table, by bytes: RawSpan) throws(StorageError) {
        guard let index = keptBackIndex(of: table) else {
            throw .misuse("nothing was put into \(table.name) that could be extended")
        }
        writeCount += 1
        bytes.withUnsafeBytes { keptBack[index].put.value.append(contentsOf: $0) }
    }

    public mutating func finishLastPut(in table: Table) throws(StorageError) { try storeKeptBack(of: table) }

    private mutating func keepBack(_ key: RawSpan, _ value: RawSpan, of table: Table) throws(StorageError) {
        writeCount += 1
        if let index = keptBackIndex(of: table) {
            let known = keptBack[index].put.key
            if known.span.bytes.equals(key) { return keptBack[index].put.value = Array(copying: value) }
            try storeKeptBack(of: table)
        }
        keptBack.append((table, LastPut(key: Array(copying: key), value: Array(copying: value))))
    }

    private mutating func storeKeptBack(of table: Table) throws(StorageError) {
        guard let index = keptBackIndex(of: table) else { return }
        let put = keptBack.remove(at: index).put
        let (key, value) = (put.key, put.value)
        try store(key.span.bytes, value.span.bytes, in: table)
    }

    /// To be called before the transaction is committed.
    mutating func storeKeptBack() throws(StorageError) {
        while let table = keptBack.last?.table { try storeKeptBack(of: table) }
    }
}

// MARK: The buffer

extension WriteTransaction {
    private var buffer: (buffer: ChangeBuffer, view: ChangeBuffer.View)? {
        guard let buffer = handle.buffer, let view = handle.view else { return nil }
        return (buffer.takeUnretainedValue(), view.takeUnretainedValue())
    }

    /// Appends an entry to the buffer's segment instead of putting it in its place.
    /// - Returns: false where it belongs in its place.
    private mutating func buffer(_ key: RawSpan, _ value: RawSpan, of table: Table) throws(StorageError) -> Bool {
        guard belongsInBuffer(table), let buffer = handle.buffer, let view = handle.view else { return false }
        // No retain: readers of other threads would share its count.
        let code = buffer._withUnsafeGuaranteedRef { buffer in
            view._withUnsafeGuaranteedRef { add(key, value, of: table, to: $0.newer, buffer) }
        }
        guard let code else { return false }
        try checkWrite(code, during: "writing \(table.name)")
        return true
    }

    /// - Returns: LMDB's code; nil where there is no room for it.
    private mutating func add(
        _ key: RawSpan, _ value: RawSpan, of table: Table, to entries: BufferedEntries, _ buffer: ChangeBuffer
    ) -> Int32? {
        let byteCount = key.byteCount + value.byteCount
        guard buffer.entriesMax > 0, bufferedChanges.addedCount < ChangeBuffer.entriesPerCommitMax,
            byteCount <= BufferedEntries.entryBytesMax, entries.hasRoom(for: byteCount)
        else { return nil }
        let place = BufferedEntries.Place(commit: handle.commit, number: bufferedChanges.addedCount)
        let code = handle.append(key, value, of: table, to: entries.segment, at: place, &record)
        guard code == MDB_SUCCESS else { return code }
        buffer.willAdd()
        let index = entries.add(key, value, in: table.ordinal, hash: buffer.hash(key), at: place)
        bufferedChanges.note(added: index, to: entries)
        return code
    }

    private borrowing func belongsInBuffer(_ table: Table) -> Bool {
        table.isBuffered && !(bufferedChanges.areOfMany && table.isSortedWhereMany)
    }

    /// Takes an entry out of the buffer, whatever its place has.
    /// - Returns: whether it was there.
    private mutating func unbuffer(_ key: RawSpan, of table: Table) throws(StorageError) -> Bool {
        guard table.isBuffered, let (buffer, view) = buffer, view.hasEntries(of: table.ordinal) else { return false }
        let hash = buffer.hash(key)
        var wasThere = false
        for entries in view.segments {
            for index in entries.all(of: key, in: table.ordinal, hash: hash) {
                let code = handle.removeEntry(entries.place(index), from: entries.segment, &record)
                try checkWrite(code, during: "deleting from \(table.name)")
                entries.end(index, at: handle.commit)
                bufferedChanges.note(ended: index, in: entries)
                wasThere = true
            }
        }
        return wasThere
    }

    /// Puts entries of the older segment in their places, so many of them that as a rule it is empty before the newer one
    /// is full.
    mutating func sortInAsManyAsWereAdded() throws(StorageError) {
        if bufferedChanges.addedCount > 0 {
            try sortIn(atMost: 2 * bufferedChanges.addedCount, isForItself: false)
        }
    }

    /// Puts the next entries of the older segment in their places, and empties it after the last.
    /// - Parameter isForItself: whether nobody has asked for a write: then damage on the way is looked for before LMDB meets
    ///   it. Others pay for that with a tenth of their time, and meet what they write to anyway.
    mutating func sortIn(atMost count: Int, isForItself: Bool = true) throws(StorageError) {
        guard let (buffer, view) = buffer, let older = view.older else { return }
        let (ranks, areLast) = buffer.next(of: older, atMost: count)
        var way: [UnsafeRawPointer] = []
        for (number, rank) in zip(ranks.indices, ranks) {
            // Far enough ahead for memory to have come, near enough for it to be there still.
            if number + 8 < ranks.endIndex { older.prefetchHead(Int(ranks[number + 8].index)) }
            if number + 4 < ranks.endIndex { older.prefetchEntry(Int(ranks[number + 4].index)) }
            let (index, table) = (Int(rank.index), Int(rank.table))
            // An entry that was deleted since, or has a newer one of the same key, has no place.
            let key = older.key(index)
            guard older.find(key, in: table, hash: older.hash(index), at: handle.commit) == index else { continue }
            if isForItself { try refuseDamage(onTheWayTo: key, in: table, &way) }
            try place(key, older.value(index), in: table, during: "sorting in the buffer")
            handle.noteSortedIn(older.place(index), from: older.segment, &record)
        }
        bufferedChanges.sortedIn = ranks.count
        guard areLast else { return }
        // All that the segment has is in memory and has its place by now.
        guard try handle.entryCount(of: handle.segment(older.segment)) == bufferedChanges.left(in: older) else {
            throw .corrupted("\(ChangeBuffer.segmentNames[older.segment]) has entries that nobody knows of")
        }
        try checkWrite(mdb_drop(handle.pointer, handle.segment(older.segment), 0), during: "emptying the buffer")
        record?.add(.empty, handle.tableCount + older.segment, RawSpan(), RawSpan())
        bufferedChanges.emptiedOlder = true
    }

    /// Of the pages as the last commit left them: those that the transaction has made from them are as sound.
    private borrowing func refuseDamage(
        onTheWayTo key: RawSpan, in table: Int, _ way: inout [UnsafeRawPointer]
    ) throws(StorageError) {
        guard let tree = handle.trees?.known(table) else { return }
        try key.withUnsafeBytes { key throws(StorageError) in try tree.refuseDamage(onTheWayTo: key, &way) }
    }
}
