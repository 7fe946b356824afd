internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// The entries of one of the buffer's two segments, in memory: found by their key, as any commit has them.
///
/// One thread adds, any may read meanwhile, and nothing ever moves. An entry says from which commit on it is there and
/// from which on it is not; a key that was put again has both entries, the newer one first.
final class BufferedEntries: @unchecked Sendable {
    /// Where an entry lies in its segment: the commit that wrote it, and its number within that.
    struct Place {
        let commit: Int
        let number: Int
    }

    private struct Head: ~Copyable {
        let place: Place
        /// The first commit that does not have it; 0 for one whose commit never came.
        let end: Atomic<Int>
        let hash: UInt64
        /// Of the key, in `bytes`; the value follows.
        let offset: Int
        let keyBytes: UInt16
        let valueBytes: UInt16
        let table: UInt32
        /// An earlier entry of the same key, from 1; 0 for none.
        let older: UInt32
    }

    /// Longer entries, key and value together, are not for the buffer.
    static let entryBytesMax = 1024
    private static let entryBytesUsual = 128
    /// With more entries there will be many.
    private static let fewMax = 256
    /// So many of the last may be unsorted.
    private static let unsortedMax = 4_096

    /// Which of the two segments this is.
    let segment: Int
    /// How many entries the segment has, as of the last commit that is known.
    var storedCount = 0
    private let capacity: Int
    private let slotCount: Int
    private let bytesMax: Int
    private let memory: UnsafeMutableRawPointer
    private let memoryBytes: Int
    private let heads: UnsafeMutablePointer<Head>
    private let bytes: UnsafeMutableRawPointer
    /// For each hash the newest of its entries, from 1, and above it so many bits of the hash as there is room for; 0 for none.
    private let slots: UnsafeMutablePointer<Atomic<UInt32>>
    private let indexMask: UInt32
    private var bytesUsed = 0
    private let added = Atomic<Int>(0)
    /// A bit for each table that has entries here.
    private let tables = Atomic<UInt64>(0)
    private let order = Mutex(Order())

    /// - Parameters:
    ///   - capacity: how many entries it takes.
    ///   - count: how many of them are there already, of whatever length.
    init(segment: Int, capacity: Int, count: Int) throws(StorageError) {
        self.segment = segment
        self.capacity = capacity
        var slotCount = 2
        while slotCount < 2 * capacity { slotCount *= 2 }
        self.slotCount = slotCount
        indexMask = UInt32(clamping: slotCount - 1)
        bytesMax = capacity * Self.entryBytesUsual + (count + 4) * Self.entryBytesMax
        let headsBytes = capacity * MemoryLayout<Head>.stride
        let slotsBytes = slotCount * MemoryLayout<Atomic<UInt32>>.stride
        memoryBytes = headsBytes + slotsBytes + bytesMax
        // Pages that are not touched cost nothing; those that are come zeroed, which is an empty slot.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, memoryBytes, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .system(code: errno, during: "reserving memory")
        }
        self.memory = memory
        heads = memory.assumingMemoryBound(to: Head.self)
        slots = (memory + headsBytes).assumingMemoryBound(to: Atomic<UInt32>.self)
        bytes = memory + headsBytes + slotsBytes
    }

    deinit { munmap(memory, memoryBytes) }

    var count: Int { added.load(ordering: .acquiring) }

    /// Whether there are entries of a table. Whoever asks as of a commit has waited until that is known, which orders the two.
    func hasEntries(of table: Int) -> Bool { tables.load(ordering: .relaxed) >> UInt64(table) & 1 != 0 }

    func hasRoom(for bytes: Int) -> Bool { count < capacity && bytesUsed + bytes <= bytesMax }

    // MARK: Adding

    /// There has to be room. The entry is there for whoever asks as of the commit in `place` or a later one.
    /// - Returns: its index.
    @discardableResult
    func add(_ key: RawSpan, _ value: RawSpan, in table: Int, hash: UInt64, at place: Place) -> Int {
        let index = count
        if index == Self.fewMax { touchSlots() }
        let slot = slot(of: key, in: table, hash: hash)
        let target = bytes + bytesUsed
        Self.copy(key, to: target)
        Self.copy(value, to: target + key.byteCount)
        let older = slots[slot].load(ordering: .relaxed) & indexMask
        (heads + index).initialize(
            to: Head(
                place: place, end: Atomic(.max), hash: hash, offset: bytesUsed, keyBytes: UInt16(key.byteCount),
                valueBytes: UInt16(value.byteCount), table: UInt32(table), older: older))
        bytesUsed += key.byteCount + value.byteCount
        if !hasEntries(of: table) { tables.bitwiseOr(1 << UInt64(table), ordering: .relaxed) }
        added.store(index + 1, ordering: .releasing)
        slots[slot].store(tag(hash) | UInt32(index + 1), ordering: .releasing)
        return index
    }

    /// Has the system give memory to all slots at once, where there are more than a few entries. Slots are looked at before they
    /// are written to, anywhere among them: for each page two faults, of which the second interrupts the other processors.
    private func touchSlots() {
        let page = UInt(getpagesize())
        let start = UInt(bitPattern: slots) & ~(page - 1)
        let end = UInt(bitPattern: slots + slotCount)
        // Where the system can't (Linux before 5.14), the faults come as they come.
        madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_POPULATE_WRITE)
    }

    private static func copy(_ span: RawSpan, to target: UnsafeMutableRawPointer) {
        span.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { target.copyMemory(from: start, byteCount: bytes.count) }
        }
    }

    /// From this commit on the entry is not there; `.max` takes that back, and 0 says that it never was.
    func end(_ index: Int, at commit: Int) { heads[index].end.store(commit, ordering: .relaxed) }

    // MARK: Finding

    /// The entry that a commit has for a key.
    func find(_ key: RawSpan, in table: Int, hash: UInt64, at commit: Int) -> Int? {
        if !hasEntries(of: table) { return nil }
        var index = newest(of: key, in: table, hash: hash)
        while index >= 0 {
            let end = heads[index].end.load(ordering: .relaxed)
            if end != 0, heads[index].place.commit <= commit { return commit < end ? index : nil }
            index = Int(heads[index].older) - 1
        }
        return nil
    }

    /// Asks for what is said of an entry, and then for the entry itself and what a search for its key begins with: visited in the
    /// order of their keys, each of them lies elsewhere in memory.
    func prefetchHead(_ index: Int) { vault_prefetch(heads + index) }

    func prefetchEntry(_ index: Int) {
        vault_prefetch(bytes + heads[index].offset)
        prefetch(heads[index].hash)
    }

    /// Asks for the memory that a search for a key begins with.
    func prefetch(_ hash: UInt64) { vault_prefetch(slots + (Int(truncatingIfNeeded: hash) & (slotCount - 1))) }

    /// Every entry of the key that lies in the segment, the newest first.
    func all(of key: RawSpan, in table: Int, hash: UInt64) -> [Int] {
        if !hasEntries(of: table) { return [] }
        var found: [Int] = []
        var index = newest(of: key, in: table, hash: hash)
        while index >= 0 {
            if heads[index].end.load(ordering: .relaxed) == .max { found.append(index) }
            index = Int(heads[index].older) - 1
        }
        return found
    }

    /// The newest entry of a key, whichever commit has it; -1 for none.
    private func newest(of key: RawSpan, in table: Int, hash: UInt64) -> Int {
        Int(slots[slot(of: key, in: table, hash: hash)].load(ordering: .acquiring) & indexMask) - 1
    }

    /// The slot of a key, or the empty one where it would go.
    private func slot(of key: RawSpan, in table: Int, hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & (slotCount - 1)
        let tag = tag(hash)
        while true {
            let found = slots[slot].load(ordering: .acquiring)
            if found == 0 { return slot }
            // Another tag is another key, and saves a look at its entry, which lies elsewhere in memory.
            if found & ~indexMask == tag, holds(Int(found & indexMask) - 1, key, in: table, hash: hash) { return slot }
            slot = (slot + 1) & (slotCount - 1)
        }
    }

    private func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) & ~indexMask }

    private func holds(_ index: Int, _ key: RawSpan, in table: Int, hash: UInt64) -> Bool {
        heads[index].hash == hash && heads[index].table == UInt32(table) && self.key(index).equals(key)
    }

    // MARK: Entries

    /// Valid as long as these entries are.
    @_lifetime(immortal)
    func key(_ index: Int) -> RawSpan {
        let key = UnsafeRawBufferPointer(start: bytes + heads[index].offset, count: Int(heads[index].keyBytes))
        return unsafe _overrideLifetime(key.bytes, copying: ())
    }

    /// Likewise.
    @_lifetime(immortal)
    func value(_ index: Int) -> RawSpan { unsafe _overrideLifetime(unsafeValue(index).bytes, copying: ()) }

    /// Likewise.
    func unsafeValue(_ index: Int) -> UnsafeRawBufferPointer {
        let start = bytes + heads[index].offset + Int(heads[index].keyBytes)
        return UnsafeRawBufferPointer(start: start, count: Int(heads[index].valueBytes))
    }

    func place(_ index: Int) -> Place { heads[index].place }
    func table(_ index: Int) -> Int { Int(heads[index].table) }
    func hash(_ index: Int) -> UInt64 { heads[index].hash }
}

extension BufferedEntries {
    /// What sorts like an entry: by its table and then by its key, as LMDB does.
    struct Rank {
        let index: UInt32
        let table: UInt32
        /// The first bytes of the key, which decide most comparisons.
        fileprivate let head: UInt128

        fileprivate init(_ index: Int, in table: Int, _ key: RawSpan) {
            self.index = UInt32(index)
            self.table = UInt32(table)
            head = UInt128(Self.word(of: key, at: 0)) << 64 | UInt128(Self.word(of: key, at: 8))
        }

        private static func word(of key: RawSpan, at offset: Int) -> UInt64 {
            if offset + 8 <= key.byteCount {
                return UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return (offset..<offset + 8).reduce(0) { word, place in
                word << 8 | (place < key.byteCount ? UInt64(key.unsafeLoad(fromByteOffset: place, as: UInt8.self)) : 0)
            }
        }
    }

    private func rank(_ index: Int) -> Rank { Rank(index, in: table(index), key(index)) }

    private func isBefore(_ a: Rank, _ b: Rank) -> Bool {
        if a.table != b.table { return a.table < b.table }
        if a.head != b.head { return a.head < b.head }
        return key(Int(a.index)).compare(key(Int(b.index))) < 0
    }

    /// The first entries in sorted runs, each of them at least twice as long as the next.
    fileprivate struct Order {
        var runs: [[Rank]] = []
        var count = 0
    }

    /// Sorts those that were added last, where they are many, so that no more than some thousands are ever sorted at a time.
    func sortByAndBy() {
        order.withLock { order in
            guard count - order.count > Self.unsortedMax else { return }
            sortRest(&order)
            while let last = order.runs.last, let before = order.runs.dropLast().last, before.count < 2 * last.count {
                mergeLast(&order)
            }
        }
    }

    /// All entries in order, whichever commit has them.
    func sorted() -> [Rank] {
        order.withLock { order in
            if count > order.count { sortRest(&order) }
            while order.runs.count > 1 { mergeLast(&order) }
            return order.runs.first ?? []
        }
    }

    private func sortRest(_ order: inout Order) {
        let count = count
        order.runs.append(sortedRanks(order.count..<count))
        order.count = count
    }

    private func sortedRanks(_ indices: Range<Int>) -> [Rank] {
        var ranks = indices.map(rank)
        ranks.sort(by: isBefore)
        return ranks
    }

    private func mergeLast(_ order: inout Order) {
        let last = order.runs.removeLast()
        let before = order.runs.removeLast()
        order.runs.append(merge(before, last))
    }

    private func merge(_ a: [Rank], _ b: [Rank]) -> [Rank] {
        var merged: [Rank] = []
        merged.reserveCapacity(a.count + b.count)
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            if isBefore(b[j], a[i]) {
                merged.append(b[j])
                j += 1
            } else {
                merged.append(a[i])
                i += 1
            }
        }
        merged += a[i...]
        merged += b[j...]
        return merged
    }

    /// The entries of a table whose keys have a prefix, from a key on or down from it, in some runs, each of them sorted.
    func range(
        of table: Int, prefix: RawSpan, from start: RawSpan, _ scanOrder: ScanOrder
    ) -> [ArraySlice<Rank>] {
        sortByAndBy()
        let (runs, sortedCount) = order.withLock { ($0.runs, $0.count) }
        return (runs + [sortedRanks(sortedCount..<count)]).map { ranks in
            let first = ranks.firstIndex { rank in
                if rank.table != table { return rank.table > table }
                let from = scanOrder == .ascending && start.byteCount > 0 ? start : prefix
                return key(Int(rank.index)).compare(from) >= 0
            }
            let end = ranks[first...].firstIndex { rank in
                if rank.table != table { return true }
                let key = key(Int(rank.index))
                if scanOrder == .descending, start.byteCount > 0 { return key.compare(start) > 0 }
                return !key.starts(with: prefix)
            }
            return ranks[first..<end]
        }
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first place from which on a condition holds, for elements in order.
    fileprivate func firstIndex(_ holds: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
