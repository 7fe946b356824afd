internal import Glibc
internal import Storage
internal import Synchronization

/// Small entries of chosen tables in memory, each in one slot of a line or a few, so that what is asked for over and
/// over is answered without a descent through the file's pages.
///
/// It is exact. It holds the state of one commit, `current`, and answers snapshots of that commit alone:
/// - A reader puts in what it has just read from its snapshot, while that is `current`.
/// - A commit of this process first shuts the cache, takes out what it has changed, and then makes itself `current`.
/// - A reader that sees a commit of another process empties the cache and makes that commit `current`.
///
/// Readers take no lock. A slot's first word holds a version, which is odd while the slot is being written and another
/// one afterwards; who reads a slot looks at it before and after.
final class EntryCache: Sendable {
    typealias Word = Atomic<UInt64>

    /// What a write has changed: a table, and the hash of a key in it.
    struct Change {
        let table: Int
        let hash: UInt64
    }

    /// The slots of one table. Their memory is freed with the cache.
    private struct Slots: @unchecked Sendable {
        let words: UnsafeMutablePointer<Word>
        let wordsPerSlot: Int
        let bytes: Int
    }

    private struct Transition {
        var isCommitting = false
    }

    /// A key has at most two places, next to each other.
    private static let ways = 2
    private static let setsAtFirst = 1024
    private static let growth = 4
    /// More than this many changes are not taken out one by one.
    static let changesMax = 100_000

    /// By the tables' ordinals; nil where a table is not cached.
    private let slots: [Slots?]
    private let setsMax: Int
    let hash = KeyHash()
    private let sets: Atomic<Int>
    /// The commit whose state it holds; 0 while it holds none.
    private let current = Atomic<Int>(0)
    /// Slots of another epoch are empty. Whoever sees an epoch sees the number of sets that it began with.
    private let epoch = Atomic<UInt64>(1)
    /// Entries that found all their places taken, since it last grew.
    private let crowded = Atomic<Int>(0)
    private let missed = Atomic<Int>(0)
    private let emptied = Atomic<Int>(0)
    private let transition = Mutex(Transition())

    /// - Parameter bytes: the most it may use.
    /// - Returns: nil where that is too little, no table asks for it, or the system gives no memory.
    init?(bytes: Int, tables: [Table]) {
        let sizes = tables.map { CachedEntry.wordsPerSlot(entryBytes: $0.cachedEntryBytes) }
        let bytesPerSet = sizes.reduce(0, +) * MemoryLayout<Word>.size * Self.ways
        guard bytesPerSet > 0, bytes / bytesPerSet >= Self.setsAtFirst else { return nil }
        setsMax = bytes / bytesPerSet
        sets = Atomic(Self.setsAtFirst)
        var slots: [Slots?] = []
        for words in sizes {
            let bytes = words * MemoryLayout<Word>.size * Self.ways * setsMax
            guard bytes > 0 else {
                slots.append(nil)
                continue
            }
            // Pages that are not touched cost nothing; those that are come zeroed, which is an empty slot.
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
            guard let memory, memory != MAP_FAILED else {
                Self.free(slots)
                return nil
            }
            slots.append(
                Slots(words: memory.assumingMemoryBound(to: Word.self), wordsPerSlot: words, bytes: bytes))
        }
        self.slots = slots
    }

    deinit { Self.free(slots) }

    private static func free(_ slots: [Slots?]) {
        for case let slots? in slots { munmap(slots.words, slots.bytes) }
    }

    var statistics: CacheStatistics {
        CacheStatistics(
            bytes: slots.reduce(0) { $0 + ($1?.bytes ?? 0) } / setsMax * sets.load(ordering: .relaxed),
            bytesMax: slots.reduce(0) { $0 + ($1?.bytes ?? 0) },
            missed: missed.load(ordering: .relaxed), emptied: emptied.load(ordering: .relaxed))
    }

    // MARK: Readers

    /// Copies the entry of `key` as the commit has it, if it is here.
    func copy(_ key: RawSpan, of table: Table, at commit: Int, to entry: inout CachedEntry) -> Bool {
        guard let slots = slots[table.ordinal], current.load(ordering: .acquiring) == commit else { return false }
        let epoch = epoch.load(ordering: .acquiring)
        let place = place(hash(key), in: slots)
        for way in 0..<Self.ways {
            let slot = place + way * slots.wordsPerSlot
            let head = SlotHead(bits: slot.pointee.load(ordering: .acquiring))
            guard !head.isLocked, head.epoch == epoch, head.keyBytes == key.byteCount else { continue }
            entry.take(head, slot + 1)
            atomicMemoryFence(ordering: .acquiring)
            guard slot.pointee.load(ordering: .relaxed) == head.bits, entry.holds(key) else { continue }
            return current.load(ordering: .relaxed) == commit
        }
        return false
    }

    /// Takes in what a snapshot of the commit has under `key`, if there is room for it.
    func take(_ key: RawSpan, _ value: RawSpan, of table: Table, at commit: Int) {
        guard let slots = slots[table.ordinal],
            CachedEntry.fits(key: key.byteCount, value: value.byteCount, words: slots.wordsPerSlot - 1)
        else { return }
        let known = current.load(ordering: .acquiring)
        if known != commit {
            if known < commit { adopt(commit) }
            return
        }
        let count = missed.add(1, ordering: .relaxed).newValue
        let epoch = epoch.load(ordering: .acquiring)
        let hash = hash(key)
        let place = place(hash, in: slots)
        let way = (0..<Self.ways).first { way in
            let head = SlotHead(bits: place[way * slots.wordsPerSlot].load(ordering: .relaxed))
            return !head.isLocked && (head.epoch != epoch || head.isEmpty)
        }
        if way == nil {
            crowd()
            // Where everybody is asked for once, most of them need not be written down.
            guard count & 3 == 0 else { return }
        }
        let slot = place + (way ?? (count >> 2) & 1) * slots.wordsPerSlot
        let before = SlotHead(bits: slot.pointee.load(ordering: .relaxed))
        guard let locked = lock(slot, before) else { return }
        // In this order, and the other way round in `didCommit`: whoever passes here is waited for there.
        guard current.load(ordering: .sequentiallyConsistent) == commit else {
            slot.pointee.store(before.bits, ordering: .releasing)
            return
        }
        CachedEntry.write(key, value, to: slot + 1)
        slot.pointee.store(
            locked.unlocked(epoch: epoch, keyBytes: key.byteCount, valueBytes: value.byteCount).bits,
            ordering: .releasing)
    }

    /// Nil where somebody else is writing to it.
    private func lock(_ slot: UnsafeMutablePointer<Word>, _ head: SlotHead) -> SlotHead? {
        guard !head.isLocked else { return nil }
        let locked = head.locked
        guard
            slot.pointee.compareExchange(
                expected: head.bits, desired: locked.bits, ordering: .sequentiallyConsistent
            ).exchanged
        else { return nil }
        // The words that follow are not to be seen before the lock is.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return locked
    }

    private func place(_ hash: UInt64, in slots: Slots) -> UnsafeMutablePointer<Word> {
        let set = Int(hash.multipliedFullWidth(by: UInt64(sets.load(ordering: .relaxed))).high)
        return slots.words + set * Self.ways * slots.wordsPerSlot
    }

    // MARK: Commits

    /// To be called before a commit of this process, with LMDB's write lock held.
    func willCommit() { transition.withLock { $0.isCommitting = true } }

    func didNotCommit() { transition.withLock { $0.isCommitting = false } }

    /// To be called when a commit of this process is there.
    /// - Parameters:
    ///   - changes: what it has changed; nil for too much to be told.
    ///   - before: the commit that it came after.
    func didCommit(_ commit: Int, after before: Int, _ changes: [Change]?) {
        transition.withLock { transition in
            transition.isCommitting = false
            let known = current.exchange(0, ordering: .sequentiallyConsistent)
            if known == before, let changes { for change in changes { remove(change) } } else { empty() }
            current.store(commit, ordering: .releasing)
        }
    }

    /// Another process has committed.
    private func adopt(_ commit: Int) {
        _ = transition.withLockIfAvailable { transition in
            // A commit of this process tells by itself what it has changed.
            guard !transition.isCommitting, current.load(ordering: .relaxed) < commit else { return }
            current.store(0, ordering: .sequentiallyConsistent)
            empty()
            current.store(commit, ordering: .releasing)
        }
    }

    /// Grows where as many entries have found no room as there are places.
    private func crowd() {
        let sets = sets.load(ordering: .relaxed)
        guard sets < setsMax, crowded.add(1, ordering: .relaxed).newValue > sets / 2 else { return }
        grow(from: sets, to: sets * Self.growth)
    }

    /// Makes room at once for what a table of so many entries may need.
    func expect(entries: Int) {
        let sets = sets.load(ordering: .relaxed)
        if entries > sets { grow(from: sets, to: entries) }
    }

    private func grow(from sets: Int, to wanted: Int) {
        _ = transition.withLockIfAvailable { transition in
            guard self.sets.load(ordering: .relaxed) == sets else { return }
            let known = current.exchange(0, ordering: .sequentiallyConsistent)
            crowded.store(0, ordering: .relaxed)
            let grown = min(wanted, setsMax)
            useLargePages(sets: grown)
            self.sets.store(grown, ordering: .relaxed)
            empty()
            current.store(known, ordering: .releasing)
        }
    }

    /// A lookup goes to a random place, and with small pages the processor would have to look that up as well.
    private func useLargePages(sets: Int) {
        for case let slots? in slots {
            let bytes = slots.bytes / setsMax * sets
            if bytes >= 2 << 20 { madvise(slots.words, bytes, MADV_HUGEPAGE) }
        }
    }

    /// Forgets everything. To be called while nothing is current.
    private func empty() {
        emptied.add(1, ordering: .relaxed)
        let next = epoch.load(ordering: .relaxed) + 1
        if next <= SlotHead.epochMax { return epoch.store(next, ordering: .releasing) }
        // Epochs begin anew, so no slot may be left that has one.
        for case let slots? in slots {
            for slot in 0..<(setsMax * Self.ways) { clear(slots.words + slot * slots.wordsPerSlot) }
        }
        epoch.store(1, ordering: .releasing)
    }

    private func remove(_ change: Change) {
        guard let slots = slots[change.table] else { return }
        let place = place(change.hash, in: slots)
        for way in 0..<Self.ways { clear(place + way * slots.wordsPerSlot) }
    }

    /// Empties a slot, and waits for whoever is writing to it: he may have looked at `current` before it was shut.
    private func clear(_ slot: UnsafeMutablePointer<Word>) {
        while true {
            let head = SlotHead(bits: slot.pointee.load(ordering: .sequentiallyConsistent))
            if head.isEmpty, !head.isLocked { return }
            guard let locked = lock(slot, head) else {
                sched_yield()
                continue
            }
            // The bytes as well: what was erased is not to stay anywhere.
            CachedEntry.erase(head, slot + 1)
            return slot.pointee.store(
                locked.unlocked(epoch: 0, keyBytes: 0, valueBytes: 0).bits, ordering: .releasing)
        }
    }
}

/// The first word of a slot, from its low bits on: 24 of a version whose lowest says that it is being written, 26 of the
/// epoch, 6 of the key's length and 8 of the value's.
private struct SlotHead {
    static let epochMax: UInt64 = 1 << 26 - 1
    private static let versionMask: UInt64 = 1 << 24 - 1

    let bits: UInt64

    var isLocked: Bool { bits & 1 == 1 }
    var isEmpty: Bool { keyBytes == 0 }
    var epoch: UInt64 { bits >> 24 & Self.epochMax }
    var keyBytes: Int { Int(bits >> 50 & 0x3F) }
    var valueBytes: Int { Int(bits >> 56) }
    /// Of the entry, without this one.
    var words: Int { (keyBytes + valueBytes + 7) / 8 }
    var locked: SlotHead { SlotHead(bits: bits | 1) }

    /// The next version.
    func unlocked(epoch: UInt64, keyBytes: Int, valueBytes: Int) -> SlotHead {
        let version = (bits & Self.versionMask &+ 1) & Self.versionMask
        return SlotHead(bits: version | epoch << 24 | UInt64(keyBytes) << 50 | UInt64(valueBytes) << 56)
    }
}

/// A copy of an entry on the stack: its key, and its value right after it.
@usableFromInline
struct CachedEntry {
    private static let keyBytesMax = 63
    private static let valueBytesMax = 255
    /// Of the longest slot, without its head.
    private static let wordsMax = 31

    private var words = InlineArray<31, UInt64>(repeating: 0)
    private var keyBytes = 0
    private var valueBytes = 0

    @usableFromInline init() {}

    @usableFromInline
    var value: RawSpan {
        @_lifetime(borrow self)
        get { words.span.bytes.extracting(keyBytes..<(keyBytes + valueBytes)) }
    }

    /// Whole halves of cache lines, the head included; 0 for a table whose entries are not kept. The two slots of a set then
    /// fill whole lines.
    static func wordsPerSlot(entryBytes: Int) -> Int {
        entryBytes == 0 ? 0 : min((entryBytes + 8 + 31) / 32 * 4, wordsMax + 1)
    }

    static func fits(key: Int, value: Int, words: Int) -> Bool {
        key > 0 && key <= keyBytesMax && value <= valueBytesMax && key + value <= words * 8
    }

    fileprivate mutating func take(_ head: SlotHead, _ slot: UnsafeMutablePointer<EntryCache.Word>) {
        keyBytes = head.keyBytes
        valueBytes = head.valueBytes
        for index in 0..<head.words { words[index] = slot[index].load(ordering: .relaxed) }
    }

    fileprivate static func erase(_ head: SlotHead, _ slot: UnsafeMutablePointer<EntryCache.Word>) {
        for index in 0..<head.words { slot[index].store(0, ordering: .relaxed) }
    }

    func holds(_ key: RawSpan) -> Bool { words.span.bytes.extracting(first: keyBytes).equals(key) }

    static func write(_ key: RawSpan, _ value: RawSpan, to slot: UnsafeMutablePointer<EntryCache.Word>) {
        var words = InlineArray<31, UInt64>(repeating: 0)
        var span = words.mutableSpan
        span.withUnsafeMutableBytes { bytes in
            key.withUnsafeBytes { bytes.copyMemory(from: $0) }
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[key.byteCount...])
            value.withUnsafeBytes { rest.copyMemory(from: $0) }
        }
        for index in 0..<((key.byteCount + value.byteCount + 7) / 8) {
            slot[index].store(words[index], ordering: .relaxed)
        }
    }
}
