internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// Small entries of chosen tables in memory, so that what is asked for over and over is answered without a descent
/// through the file's pages.
///
/// Entries lie in a ring, one after the other; the newest takes the place of the oldest. An index of sets, a cache line
/// each, says where.
///
/// It is exact. It holds the state of one commit, `current`, and answers snapshots of that commit alone:
/// - A reader puts in what it has just read from its snapshot, while that is `current`.
/// - A commit of this process first shuts the cache, takes out what it has changed, and then makes itself `current`.
/// - A reader that sees a commit of another process empties the cache and makes that commit `current`.
///
/// Readers take no lock: who has copied an entry looks again at its place in the index and at the ring's end, and knows by
/// them whether it was taken out or written over meanwhile.
final class EntryCache: Sendable {
    typealias Word = Atomic<UInt64>

    /// What a write has changed: the hash of a key and its table.
    typealias Change = UInt64

    /// Zeroed memory of the system's, freed with the cache.
    private struct Memory: @unchecked Sendable {
        let words: UnsafeMutablePointer<Word>
        let count: Int

        /// Pages that are not touched cost nothing.
        init?(count: Int) {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            let memory = mmap(nil, count * MemoryLayout<Word>.size, PROT_READ | PROT_WRITE, flags, -1, 0)
            guard let memory, memory != MAP_FAILED else { return nil }
            words = memory.assumingMemoryBound(to: Word.self)
            self.count = count
        }

        func free() { munmap(words, count * MemoryLayout<Word>.size) }

        /// A lookup goes to a random place, and with small pages the processor would have to look that up as well.
        func useLargePages(count: Int) {
            let bytes = count * MemoryLayout<Word>.size
            if bytes >= 2 << 20 { madvise(words, bytes, MADV_HUGEPAGE) }
        }
    }

    /// A key has so many places in the index, in one cache line.
    private static let ways = 8
    private static let setsAtFirst = 128
    private static let growth = 4
    /// The index has one part in so many of the memory: about a word for each of the smallest entries.
    private static let indexShare = 6
    /// Entries of the indexes are this short, those of people mostly not.
    private static let wordsShort = 10
    /// More than this many changes are not taken out one by one.
    static let changesMax = 100_000

    private let index: Memory
    private let ring: Memory
    private let setsMax: Int
    /// Words that the ring has for entries. More are there for who reads an entry whose length is being written over.
    private let ringWords: Int
    private let hash = KeyHash()
    private let sets = Atomic(EntryCache.setsAtFirst)
    /// The commit whose state it holds; 0 while it holds none.
    private let current = Atomic<Int>(0)
    /// Where the ring's next entry goes; what a whole lap behind it is gone.
    private let end = Atomic<UInt64>(EntryPlace(lap: EntryPlace.firstLap, offset: 0).bits)
    /// The lap in which the cache was last empty. Afterwards the ring is full.
    private let emptyLap = Atomic<Int>(EntryPlace.firstLap)
    /// Readers that are putting something in.
    private let writers = Atomic<Int>(0)
    /// Entries that found all places of their set taken, since it last grew.
    private let crowded = Atomic<Int>(0)
    private let missed = Atomic<Int>(0)
    private let emptied = Atomic<Int>(0)
    /// Words of the ring that were ever written.
    private let touched = Atomic<Int>(0)
    private let isCommitting = Mutex(false)

    /// - Parameter bytes: the most it may use.
    /// - Returns: nil where that is too little, no table asks for it, or the system gives no memory.
    init?(bytes: Int, tables: [Table]) {
        let words = min(bytes / MemoryLayout<Word>.size, EntryPlace.offsetMax)
        setsMax = words / Self.indexShare / Self.ways
        ringWords = words - setsMax * Self.ways - CachedEntry.wordsInRingMax
        guard setsMax >= Self.setsAtFirst, tables.contains(where: \.isCached),
            let index = Memory(count: setsMax * Self.ways)
        else { return nil }
        guard let ring = Memory(count: ringWords + CachedEntry.wordsInRingMax) else {
            index.free()
            return nil
        }
        ring.useLargePages(count: ring.count)
        (self.index, self.ring) = (index, ring)
    }

    deinit {
        index.free()
        ring.free()
    }

    var statistics: CacheStatistics {
        let end = EntryPlace(bits: end.load(ordering: .relaxed))
        let written = isFull(end) ? ringWords : max(touched.load(ordering: .relaxed), end.offset)
        return CacheStatistics(
            bytes: (sets.load(ordering: .relaxed) * Self.ways + written) * MemoryLayout<Word>.size,
            bytesMax: (index.count + ringWords) * MemoryLayout<Word>.size,
            missed: missed.load(ordering: .relaxed), emptied: emptied.load(ordering: .relaxed))
    }

    func hash(_ key: RawSpan, of table: Table) -> UInt64 {
        hash(key) ^ UInt64(table.ordinal) &* 0x9E37_79B9_7F4A_7C15
    }

    // MARK: Readers

    /// Copies the entry of `key` as the commit has it, if it is here.
    func copy(_ key: RawSpan, of table: Table, at commit: Int, to entry: inout CachedEntry) -> Bool {
        copy(key, hash(key, of: table), of: table, at: commit, to: &entry)
    }

    /// - Parameter hash: the key's in that table.
    func copy(
        _ key: RawSpan, _ hash: UInt64, of table: Table, at commit: Int, to entry: inout CachedEntry
    ) -> Bool {
        guard current.load(ordering: .acquiring) == commit else { return false }
        let set = set(of: hash)
        for way in 0..<Self.ways {
            let place = EntryPlace(bits: set[way].load(ordering: .acquiring))
            guard place.isTagged(hash), place.isIntact(at: end.load(ordering: .relaxed)) else { continue }
            guard entry.take(ring.words + place.offset, of: table, keyBytes: key.byteCount) else { continue }
            atomicMemoryFence(ordering: .acquiring)
            guard set[way].load(ordering: .relaxed) == place.bits, place.isIntact(at: end.load(ordering: .relaxed)),
                entry.holds(key)
            else { continue }
            return current.load(ordering: .relaxed) == commit
        }
        return false
    }

    /// Asks for the memory that says where an entry is.
    func prefetchPlace(_ hash: UInt64) { vault_prefetch(set(of: hash)) }

    /// Asks for the memory of an entry that may be the one.
    func prefetchEntry(_ hash: UInt64) {
        let set = set(of: hash)
        for way in 0..<Self.ways {
            let place = EntryPlace(bits: set[way].load(ordering: .relaxed))
            guard place.isTagged(hash), place.isIntact(at: end.load(ordering: .relaxed)) else { continue }
            CachedEntry.prefetch(ring.words + place.offset)
        }
    }

    /// Takes in what a snapshot of the commit has under `key`.
    func take(_ key: RawSpan, _ value: RawSpan, of table: Table, at commit: Int) {
        guard table.isCached, CachedEntry.fits(key: key.byteCount, value: value.byteCount) else { return }
        let known = current.load(ordering: .acquiring)
        if known != commit {
            if known < commit { adopt(commit) }
            return
        }
        let count = missed.add(1, ordering: .relaxed).newValue
        let words = CachedEntry.words(key: key.byteCount, value: value.byteCount)
        guard !isFull(EntryPlace(bits: end.load(ordering: .relaxed))) || Self.isChosen(count, words) else { return }
        // In this order, and the other way round in `shut`: whoever passes here is waited for there.
        writers.add(1, ordering: .sequentiallyConsistent)
        let found = current.load(ordering: .sequentiallyConsistent) == commit ? put(key, value, of: table) : .room
        writers.subtract(1, ordering: .releasing)
        switch found {
        case .room: break
        case .crowd: crowd()
        case .noLap: if current.load(ordering: .relaxed) == commit { begin(sets: sets.load(ordering: .relaxed)) }
        }
    }

    /// Where everybody is asked for once, most entries need not be written down; least of all the long ones, each of which
    /// saves one descent and keeps several short ones out.
    private static func isChosen(_ count: Int, _ words: Int) -> Bool {
        // Evenly spread, whatever kinds of entries are missed by turns.
        let chance = (UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15) >> 56
        return chance < (words <= wordsShort ? 16 : 1)
    }

    private enum Room { case room, crowd, noLap }

    private func put(_ key: RawSpan, _ value: RawSpan, of table: Table) -> Room {
        guard let place = reserve(CachedEntry.words(key: key.byteCount, value: value.byteCount)) else { return .noLap }
        // The entry's words are not to be seen before the ring's new end is.
        atomicMemoryFence(ordering: .releasing)
        CachedEntry.write(key, value, of: table, to: ring.words + place.offset)
        let hash = hash(key, of: table)
        let set = set(of: hash)
        var oldest = (way: 0, age: UInt64(0))
        for way in 0..<Self.ways {
            let age = EntryPlace(bits: set[way].load(ordering: .relaxed)).age(at: place)
            if age > oldest.age { oldest = (way, age) }
        }
        let replaced = EntryPlace(bits: set[oldest.way].load(ordering: .relaxed))
        set[oldest.way].store(place.tagged(hash).bits, ordering: .releasing)
        return replaced.isIntact(at: place.bits) ? .crowd : .room
    }

    /// Room for so many words at the ring's end; nil where laps can't be counted further.
    private func reserve(_ words: Int) -> EntryPlace? {
        var known = end.load(ordering: .relaxed)
        while true {
            let end = EntryPlace(bits: known)
            let fits = end.offset + words <= ringWords
            if !fits, end.lap == EntryPlace.lapMax { return nil }
            let start = fits ? end : EntryPlace(lap: end.lap + 1, offset: 0)
            let (exchanged, original) = self.end.weakCompareExchange(
                expected: known, desired: start.bits + UInt64(words), ordering: .acquiringAndReleasing)
            if exchanged { return start }
            known = original
        }
    }

    private func isFull(_ end: EntryPlace) -> Bool { end.lap != emptyLap.load(ordering: .relaxed) }

    private func set(of hash: UInt64) -> UnsafeMutablePointer<Word> {
        let set = Int(hash.multipliedFullWidth(by: UInt64(sets.load(ordering: .relaxed))).high)
        return index.words + set * Self.ways
    }

    // MARK: Commits

    /// To be called before a commit of this process, with LMDB's write lock held.
    func willCommit() { isCommitting.withLock { $0 = true } }

    func didNotCommit() { isCommitting.withLock { $0 = false } }

    /// To be called when a commit of this process is there.
    /// - Parameters:
    ///   - changes: what it has changed; nil for too much to be told.
    ///   - before: the commit that it came after.
    func didCommit(_ commit: Int, after before: Int, _ changes: [Change]?) {
        isCommitting.withLock { isCommitting in
            isCommitting = false
            let known = shut()
            if known == before, let changes { for change in changes { remove(change) } } else { empty() }
            current.store(commit, ordering: .releasing)
        }
    }

    /// Another process has committed.
    private func adopt(_ commit: Int) {
        _ = isCommitting.withLockIfAvailable { isCommitting in
            // A commit of this process tells by itself what it has changed.
            guard !isCommitting, current.load(ordering: .relaxed) < commit else { return }
            _ = shut()
            empty()
            current.store(commit, ordering: .releasing)
        }
    }

    /// Grows where half as many entries have found no place as there are places.
    private func crowd() {
        let sets = sets.load(ordering: .relaxed)
        guard sets < setsMax, crowded.add(1, ordering: .relaxed).newValue > sets * Self.ways / 2 else { return }
        begin(sets: sets * Self.growth)
    }

    /// Makes room at once for so many entries.
    func expect(entries: Int) {
        let wanted = entries / Self.ways * 5 / 4
        if wanted > sets.load(ordering: .relaxed) { begin(sets: wanted) }
    }

    /// Begins anew with so many sets.
    private func begin(sets wanted: Int) {
        _ = isCommitting.withLockIfAvailable { _ in
            let known = shut()
            crowded.store(0, ordering: .relaxed)
            let sets = min(wanted, setsMax)
            index.useLargePages(count: sets * Self.ways)
            self.sets.store(sets, ordering: .relaxed)
            empty()
            current.store(known, ordering: .releasing)
        }
    }

    /// Sees to it that nobody puts anything in until a commit is `current` again.
    /// - Returns: the commit that was.
    private func shut() -> Int {
        let known = current.exchange(0, ordering: .sequentiallyConsistent)
        var patience = Backoff()
        while writers.load(ordering: .sequentiallyConsistent) > 0 { patience.wait() }
        return known
    }

    /// Forgets everything. To be called while it is shut.
    private func empty() {
        emptied.add(1, ordering: .relaxed)
        let end = EntryPlace(bits: end.load(ordering: .relaxed))
        touched.store(isFull(end) ? ringWords : max(touched.load(ordering: .relaxed), end.offset), ordering: .relaxed)
        // Whatever the index names is a whole lap behind then.
        var lap = end.lap + 2
        if lap >= EntryPlace.lapMax {
            for word in 0..<index.count { index.words[word].store(0, ordering: .relaxed) }
            lap = EntryPlace.firstLap
        }
        emptyLap.store(lap, ordering: .relaxed)
        self.end.store(EntryPlace(lap: lap, offset: 0).bits, ordering: .releasing)
    }

    /// To be called while it is shut.
    private func remove(_ hash: UInt64) {
        let set = set(of: hash)
        for way in 0..<Self.ways {
            let place = EntryPlace(bits: set[way].load(ordering: .relaxed))
            guard place.isTagged(hash) else { continue }
            set[way].store(0, ordering: .relaxed)
            guard place.isIntact(at: end.load(ordering: .relaxed)) else { continue }
            // The bytes as well: what was erased is not to stay anywhere.
            atomicMemoryFence(ordering: .releasing)
            CachedEntry.erase(ring.words + place.offset)
        }
    }
}

/// Where an entry lies, from the low bits on: 32 of its offset in the ring in words, 20 of the lap in which it was written,
/// 12 of its hash.
private struct EntryPlace {
    static let offsetMax = 1 << 32 - 1
    static let lapMax = 1 << 20 - 1
    /// A word of zeros is a whole lap behind it.
    static let firstLap = 2
    private static let positionMask: UInt64 = 1 << 52 - 1

    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    init(lap: Int, offset: Int) { bits = UInt64(lap) << 32 | UInt64(offset) }

    var offset: Int { Int(bits & 0xFFFF_FFFF) }
    var lap: Int { Int(bits >> 32 & 0xF_FFFF) }

    // The low bits of the hash; its high ones choose the set.
    func tagged(_ hash: UInt64) -> EntryPlace { EntryPlace(bits: bits | hash << 52) }
    func isTagged(_ hash: UInt64) -> Bool { bits >> 52 == hash & 0xFFF }

    /// Whether nothing was written over it before the ring's end came here.
    func isIntact(at end: UInt64) -> Bool {
        let end = EntryPlace(bits: end)
        return lap == end.lap ? offset < end.offset : lap + 1 == end.lap && offset >= end.offset
    }

    func age(at end: EntryPlace) -> UInt64 { (end.bits &- bits) & Self.positionMask }
}
