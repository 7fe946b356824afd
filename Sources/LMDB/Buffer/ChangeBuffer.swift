internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// New entries of tables whose keys come in no order. A commit appends them to a segment, which is a page or two, where
/// putting them in place would rewrite a page or two for each; later they are sorted in, many thousands at a time.
///
/// There are two segments, both tables of the same file, so what a commit has and has not is decided by the commit alone. New
/// entries go to the one until it is full; then they go to the other while those of the first are sorted in, a few with
/// each commit, and when all are the first segment is emptied. Every process has the segments' entries in memory, and a lookup
/// asks these first: the newer segment, the older one, then the table.
///
/// It is exact. Each entry in memory says from which commit to which it is there. A snapshot of a commit that this process
/// does not know reads what the segments have that memory has not.
final class ChangeBuffer: Sendable {
    /// The segments' entries in memory as a set that only changes as a whole.
    final class View: Sendable {
        let newer: BufferedEntries
        let older: BufferedEntries?
        /// Snapshots of earlier commits need another view.
        let since: Int

        init(newer: BufferedEntries, older: BufferedEntries?, since: Int) {
            self.newer = newer
            self.older = older
            self.since = since
        }

        var isEmpty: Bool { newer.count == 0 && older == nil }

        /// Whether there are entries of a table, whichever commit has them.
        func hasEntries(of table: Int) -> Bool {
            newer.hasEntries(of: table) || older?.hasEntries(of: table) == true
        }

        /// The newer first, as lookups ask them.
        var segments: [BufferedEntries] { older.map { [newer, $0] } ?? [newer] }

        /// The entry that a commit has for a key; nil where the table itself is to be asked.
        func find(
            _ key: RawSpan, in table: Int, hash: UInt64, at commit: Int
        ) -> (entries: BufferedEntries, index: Int)? {
            if let index = newer.find(key, in: table, hash: hash, at: commit) { return (newer, index) }
            guard let older, let index = older.find(key, in: table, hash: hash, at: commit) else { return nil }
            return (older, index)
        }
    }

    static let segmentNames = ["buffer_0", "buffer_1"]

    /// None where no table is buffered.
    static func segments(after tables: [Table]) -> [Table] {
        if !tables.contains(where: \.isBuffered) { return [] }
        return segmentNames.enumerated().map { Table(ordinal: tables.count + $0, name: $1) }
    }

    /// What a transaction adds beyond this goes to its place at once.
    static let entriesPerCommitMax = 65_536
    /// Where transactions add many entries a segment takes so many times as many: the more are sorted in at a time, the more of
    /// them share a page.
    private static let growthWhereMany = 3

    let hash = KeyHash()
    /// A segment with so many entries is full, but where many come together.
    let entriesMax: Int
    private let current: Mutex<View>
    /// Counts the views, so that a change is seen without the lock.
    private let serial = Atomic<Int>(0)
    /// Whether the view has entries: where it has none a snapshot needs none, and no lock.
    private let holdsEntries = Atomic(false)
    /// The last commit whose entries are in memory.
    private let known = Atomic<Int>(0)
    /// The commit that this process is about to make; 0 for none.
    private let pending = Atomic<Int>(0)
    private let added = Atomic(false)
    private let addedMany = Atomic(false)
    /// How many of the older segment's entries, in their order, have their places.
    private let sortedIn = Mutex<(entries: BufferedEntries, count: Int)?>(nil)
    /// For each table the last commit by which it may have gained entries that are not in memory, or not any more.
    private let gained = Mutex([Int](repeating: 0, count: WriteTransaction.tablesMax))
    /// One at a time reads the segments.
    private let reading = Mutex(())
    private let readers: ReaderPool

    /// - Parameters:
    ///   - entriesMax: how many entries a segment takes; 0 where no more are to be buffered.
    ///   - readers: those that look at it.
    init(entriesMax: Int, _ readers: ReaderPool) throws(StorageError) {
        self.entriesMax = entriesMax
        self.readers = readers
        let first = try BufferedEntries(segment: 0, capacity: Self.capacity(entriesMax, for: 0), count: 0)
        current = Mutex(View(newer: first, older: nil, since: 0))
    }

    /// Whether a commit of this process has added entries.
    var hasAdded: Bool { added.load(ordering: .relaxed) }
    /// Whether one has of which thousands were expected.
    var hasAddedMany: Bool { addedMany.load(ordering: .relaxed) }
    var view: View { current.withLock(\.self) }

    /// Gives a reader the view, none where it is empty.
    /// - Returns: the view's number, to be given to `standing`.
    @inline(__always)
    func look(for reader: inout PooledReader) -> Int {
        let serial = serial.load(ordering: .acquiring)
        if !holdsEntries.load(ordering: .acquiring) {
            if reader.viewSerial != PooledReader.noSerial { reader.dropView() }
        } else if reader.viewSerial != serial {
            reader.keep(view, serial)
        }
        return serial
    }

    /// Whether there is another view than that of this number by now.
    func isOutdated(_ serial: Int) -> Bool { self.serial.load(ordering: .sequentiallyConsistent) != serial }

    private func publish(_ view: View) {
        current.withLock { current in
            current = view
            if !view.isEmpty { holdsEntries.store(true, ordering: .releasing) }
            serial.add(1, ordering: .sequentiallyConsistent)
            // After the number: who still has the one before must not believe that there was nothing then.
            if view.isEmpty { holdsEntries.store(false, ordering: .releasing) }
        }
        // What nobody asks for any more is not to be kept by readers that rest.
        readers.forEachResting { if isOutdated($0.viewSerial) { $0.dropView() } }
    }

    /// To be called before an entry is added.
    func willAdd() {
        if !holdsEntries.load(ordering: .relaxed) { holdsEntries.store(true, ordering: .sequentiallyConsistent) }
    }

    /// A new segment's worth of memory, with room for `count` entries that are there already.
    private func entries(segment: Int, for count: Int = 0) throws(StorageError) -> BufferedEntries {
        try BufferedEntries(segment: segment, capacity: Self.capacity(entriesMax, for: count), count: count)
    }

    private static func capacity(_ entriesMax: Int, for count: Int) -> Int {
        max(growthWhereMany * entriesMax, count) + entriesPerCommitMax
    }

    // MARK: Readers

    enum Freshness {
        /// What was looked at has what the snapshot has.
        case good
        /// Memory changed as a whole in between: look again, with a new snapshot.
        case changed
        /// Another process has committed since, so the segments are to be read.
        case behind
    }

    /// Whether what was looked at before a snapshot of this commit began is right for it.
    func freshness(of view: Unmanaged<View>?, _ serial: Int, at commit: Int) -> Freshness {
        var patience = Backoff()
        while commit > known.load(ordering: .acquiring) {
            // While this process is making a commit it alone can tell, and is about to.
            if pending.load(ordering: .acquiring) != 0 { patience.wait(); continue }
            if commit > known.load(ordering: .acquiring) { return .behind }
        }
        // In this order, and the other way round in `publish`.
        if view == nil, holdsEntries.load(ordering: .acquiring) { return .changed }
        guard self.serial.load(ordering: .acquiring) == serial else { return .changed }
        if let view, view._withUnsafeGuaranteedRef({ $0.since }) > commit { return .changed }
        return .good
    }

    /// Reads what other processes have committed up to this snapshot.
    /// - Returns: the view for it; nil where memory is further ahead than that and can't tell any more.
    func catchUp(_ handle: TransactionHandle, at commit: Int) throws(StorageError) -> View? {
        try reading.withLock { (_) throws(StorageError) in
            if commit > known.load(ordering: .acquiring) {
                if try !readOn(handle, at: commit) { try readAnew(handle, at: commit) }
                // Another process may have sorted in what it had added itself.
                noteGained(.max, by: commit)
                known.store(commit, ordering: .releasing)
            }
            let view = view
            return view.since <= commit ? view : nil
        }
    }

    /// Adds what was appended to the newer segment.
    /// - Returns: false where something else happened to the segments as well.
    private func readOn(_ handle: TransactionHandle, at commit: Int) throws(StorageError) -> Bool {
        let view = view
        let newer = view.newer
        let other = try handle.entryCount(of: handle.segment(1 - newer.segment))
        guard other == view.older?.storedCount ?? 0 else { return false }
        // Who takes the older segment for the only one may have added there, and deleted as many.
        var isAddedTo = false
        let first = known.load(ordering: .relaxed) + 1
        try handle.forEachEntry(in: 1 - newer.segment, from: first) { (_, _, _, _) throws(StorageError) in
            isAddedTo = true
            return .stop
        }
        if isAddedTo { return false }
        let before = newer.storedCount
        let after = try handle.entryCount(of: handle.segment(newer.segment))
        guard after >= before else { return false }
        guard try read(handle, from: first, to: newer) else { return false }
        guard newer.storedCount == after else { return false }
        // What one commit added and the next one sorted in shows in no count: who reads as of the first looks anew.
        if commit > first { publish(View(newer: newer, older: view.older, since: commit)) }
        return true
    }

    private func readAnew(_ handle: TransactionHandle, at commit: Int) throws(StorageError) {
        var found: [(entries: BufferedEntries, first: BufferedEntries.Place)] = []
        for segment in 0..<2 {
            let count = try handle.entryCount(of: handle.segment(segment))
            if count == 0 { continue }
            let entries = try entries(segment: segment, for: count)
            guard try read(handle, from: 0, to: entries), entries.storedCount == count else {
                throw .corrupted("\(Self.segmentNames[segment]) does not have the entries it says")
            }
            found.append((entries, entries.place(0)))
        }
        found.sort { ($0.first.commit, $0.first.number) > ($1.first.commit, $1.first.number) }
        let newer: BufferedEntries
        if let newest = found.first { newer = newest.entries } else { newer = try entries(segment: 0) }
        publish(View(newer: newer, older: found.count > 1 ? found[1].entries : nil, since: commit))
    }

    /// - Returns: false where they don't fit.
    private func read(
        _ handle: TransactionHandle, from commit: Int, to entries: BufferedEntries
    ) throws(StorageError) -> Bool {
        var fits = true
        try handle.forEachEntry(in: entries.segment, from: commit) { (place, table, key, value) throws(StorageError) in
            fits = entries.hasRoom(for: key.byteCount + value.byteCount)
            guard fits else { return .stop }
            willAdd()
            entries.add(key, value, in: table, hash: hash(key), at: place)
            entries.storedCount += 1
            return .next
        }
        return fits
    }

    // MARK: Commits

    /// To be called with LMDB's write lock held, before the commit.
    func willCommit(_ commit: Int) { pending.store(commit, ordering: .releasing) }

    func didNotCommit(_ changes: BufferedChanges) {
        changes.takeBack()
        pending.store(0, ordering: .releasing)
    }

    /// - Parameter changes: what the commit has done to the segments.
    func didCommit(_ commit: Int, _ changes: BufferedChanges) {
        changes.count()
        if changes.addedCount > 0 {
            added.store(true, ordering: .relaxed)
            if changes.areOfMany { addedMany.store(true, ordering: .relaxed) }
        }
        let view = view
        sortedIn.withLock { $0?.count += changes.sortedIn }
        noteGained(changes.emptiedOlder ? .max : changes.passedBy, by: commit)
        if changes.emptiedOlder {
            sortedIn.withLock { $0 = nil }
            publish(View(newer: view.newer, older: nil, since: commit))
        }
        known.store(commit, ordering: .releasing)
        let full = max(changes.areOfMany ? Self.growthWhereMany * entriesMax : entriesMax, 1)
        if view.newer.count >= full || !view.newer.hasRoom(for: BufferedEntries.entryBytesMax) { turnOver() }
        // Last: until then who sees a commit of another process does not read its segments into a view that is about to change.
        pending.store(0, ordering: .releasing)
        // Of many, whoever makes the next ready does: see `Environment.foresee`.
        if !changes.areOfMany { view.newer.sortByAndBy() }
    }

    /// - Parameter tables: a bit for each.
    private func noteGained(_ tables: UInt64, by commit: Int) {
        if tables == 0 { return }
        gained.withLock { gained in
            for table in gained.indices where tables >> UInt64(table) & 1 != 0 { gained[table] = commit }
        }
    }

    /// Whether a key that was not in its table at a commit is in memory, if it is anywhere by now. For who writes.
    func tells(of keys: ExpectedKeys, since commit: Int) -> Bool {
        gained.withLock { gained in
            gained.indices.allSatisfy { keys.tables >> UInt64($0) & 1 == 0 || gained[$0] <= commit }
        }
    }

    /// The next entries of the older segment that are to be put in their places, and whether they are the last.
    func next(
        of older: BufferedEntries, atMost count: Int
    ) -> (ranks: ArraySlice<BufferedEntries.Rank>, areLast: Bool) {
        let order = older.sorted()
        return sortedIn.withLock { sortedIn in
            if sortedIn?.entries !== older { sortedIn = (older, 0) }
            let done = sortedIn?.count ?? 0
            let end = min(done + count, order.count)
            return (order[done..<end], end == order.count)
        }
    }

    /// From now on new entries go to the other segment, and those of this one can be sorted in. To be called by the writer.
    func turnOver() {
        let view = view
        guard view.older == nil, view.newer.count > 0,
            let fresh = try? entries(segment: 1 - view.newer.segment)
        else { return }
        publish(View(newer: fresh, older: view.newer, since: view.since))
    }
}

/// What a transaction has done to the segments.
struct BufferedChanges {
    /// What was added, one after the other.
    private var added = 0..<0
    private var addedTo: BufferedEntries?
    private var ended: [(entries: BufferedEntries, index: Int)] = []
    /// Whether thousands were expected.
    var areOfMany = false
    /// A bit for each table that entries were put into without the segments.
    private(set) var passedBy: UInt64 = 0
    /// How many entries of the older segment have their places now.
    var sortedIn = 0
    var emptiedOlder = false

    var addedCount: Int { added.count }

    mutating func note(added index: Int, to entries: BufferedEntries) {
        if addedTo == nil { (added, addedTo) = (index..<index, entries) }
        // Nobody else adds while a transaction writes, and the segment changes after its end.
        assert(addedTo === entries && index == added.upperBound)
        added = added.lowerBound..<index + 1
    }

    mutating func notePassedBy(_ table: Int) { passedBy |= 1 << UInt64(table) }

    mutating func note(ended index: Int, in entries: BufferedEntries) { ended.append((entries, index)) }

    /// How many entries a segment has left.
    func left(in entries: BufferedEntries) -> Int { entries.storedCount - ended.count { $0.entries === entries } }

    /// It was not committed.
    fileprivate func takeBack() {
        for (entries, index) in ended { entries.end(index, at: .max) }
        for index in added { addedTo?.end(index, at: 0) }
    }

    /// It was.
    fileprivate func count() {
        addedTo?.storedCount += added.count
        for (entries, _) in ended { entries.storedCount -= 1 }
    }
}
