internal import Storage

/// Keys that a transaction is going to be asked for, and what it has for them.
final class Lookahead {
    static let capacity = 32
    /// Longer keys are not worth a place.
    private static let keyBytesMax = 64

    private enum Answer {
        case unknown
        case absent
        /// In the map, among what waits to be sorted in, or among the copies; all of it stays as long as the snapshot.
        case found(UnsafeRawBufferPointer)

        var isUnknown: Bool { if case .unknown = self { true } else { false } }
    }

    private struct Slot {
        let table: Table
        let keyBytes: Int
        var answer = Answer.unknown
        /// The key's in the cache.
        var hash: UInt64 = 0
        /// What the one who added it wants to know of it again.
        let tag: Int
        var search: LeafSearch?
    }

    private(set) var count = 0
    private var lookedUp = 0
    /// Where the next key of a table is looked for first: they are mostly asked for in the order in which they were told.
    private var next = InlineArray<64, UInt8>(repeating: 0)
    private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
    private let keys = UnsafeMutableRawPointer.allocate(byteCount: capacity * keyBytesMax, alignment: 8)
    /// Copies of what the cache has.
    private let copies = UnsafeMutablePointer<CachedEntry>.allocate(capacity: capacity)

    deinit {
        clear()
        copies.deallocate()
        keys.deallocate()
        slots.deallocate()
    }

    func clear() {
        slots.deinitialize(count: count)
        (count, lookedUp) = (0, 0)
        next = .init(repeating: 0)
    }

    private func key(_ place: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: keys + place * Self.keyBytesMax, count: slots[place].keyBytes)
    }

    func add(_ key: RawSpan, in table: Table, tag: Int) {
        guard count < Self.capacity, key.byteCount > 0, key.byteCount <= Self.keyBytesMax else { return }
        (slots + count).initialize(to: Slot(table: table, keyBytes: key.byteCount, tag: tag))
        key.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress {
                (keys + count * Self.keyBytesMax).copyMemory(from: start, byteCount: bytes.count)
            }
        }
        count += 1
    }

    /// The key's place, if there is an answer for it.
    func place(of key: RawSpan, in table: Table) -> Int? {
        var place = Int(next[table.ordinal])
        for _ in 0..<count {
            if place >= count { place = 0 }
            if slots[place].table.ordinal == table.ordinal, self.key(place).bytes.equals(key) {
                next[table.ordinal] = UInt8(place + 1)
                return slots[place].answer.isUnknown ? nil : place
            }
            place += 1
        }
        return nil
    }

    func tag(at place: Int) -> Int { slots[place].tag }

    /// To be used while the snapshot lives, and nothing is added.
    @_lifetime(immortal)
    func value(at place: Int) -> RawSpan? {
        switch slots[place].answer {
        case .unknown, .absent: return nil
        case .found(let bytes): return unsafe _overrideLifetime(bytes.bytes, copying: ())
        }
    }

    // MARK: Looking up

    /// Looks up what was added since the last time.
    func lookUp(_ handle: TransactionHandle) {
        let places = lookedUp..<count
        lookedUp = count
        copyCached(places, handle)
        for place in places { askBuffer(place, handle) }
        search(places, handle, fillingCache: true)
    }

    /// Likewise, in the tables alone, whatever the buffer has: nothing that a cache could be told.
    func lookUpInTables(_ handle: TransactionHandle) {
        let places = lookedUp..<count
        lookedUp = count
        search(places, handle, fillingCache: false)
    }

    func isAbsent(at place: Int) -> Bool { if case .absent = slots[place].answer { true } else { false } }

    private func copyCached(_ places: Range<Int>, _ handle: TransactionHandle) {
        guard let cache = handle.cache else { return }
        cache._withUnsafeGuaranteedRef { cache in
            for place in places where slots[place].table.isCached {
                slots[place].hash = cache.hash(key(place).bytes, of: slots[place].table)
                cache.prefetchPlace(slots[place].hash)
            }
            for place in places where slots[place].table.isCached { cache.prefetchEntry(slots[place].hash) }
            for place in places where slots[place].table.isCached {
                (copies + place).initialize(to: CachedEntry())
                let isThere = cache.copy(
                    key(place).bytes, slots[place].hash, of: slots[place].table, at: handle.commit, to: &copies[place])
                if isThere { slots[place].answer = .found(CachedEntry.unsafeValue(of: copies + place)) }
            }
        }
    }

    private func askBuffer(_ place: Int, _ handle: TransactionHandle) {
        guard slots[place].answer.isUnknown, slots[place].table.isBuffered,
            let value = handle.bufferedValue(of: key(place).bytes, in: slots[place].table)
        else { return }
        slots[place].answer = .found(value)
    }

    /// Goes down the trees for all that are not in memory: one after the other to the last branches, for those above are
    /// looked at often, then from there to the leaves, and in the leaves a step each by turns.
    private func search(_ places: Range<Int>, _ handle: TransactionHandle, fillingCache: Bool) {
        // As many as the capacity.
        var active = InlineArray<32, Int>(repeating: 0)
        var count = 0
        for place in places where slots[place].answer.isUnknown {
            slots[place].search = LeafSearch(key(place), in: slots[place].table, handle)
            active[count] = place
            count += 1
        }
        // Right after one another: the processor looks up where several pages are at the same time.
        for index in 0..<count { slots[active[index]].search?.page.prefetch() }
        for index in 0..<count { slots[active[index]].search?.descend(key(active[index])) }
        for index in 0..<count { slots[active[index]].search?.page.prefetch() }
        while count > 0 {
            var left = 0
            for index in 0..<count {
                let place = active[index]
                if slots[place].search?.step(key(place)) == true {
                    active[left] = place
                    left += 1
                } else {
                    finish(place, fillingCache ? handle : nil)
                }
            }
            count = left
        }
    }

    private func finish(_ place: Int, _ handle: TransactionHandle?) {
        guard let search = slots[place].search, search.isSettled else { return }
        slots[place].answer = search.value.map(Answer.found) ?? .absent
        if let handle, let value = search.value { handle.cache(key(place).bytes, value.bytes, of: slots[place].table) }
    }
}

/// A search in the leaf that has a key, if any has. It goes a step at a time, by turns with others, and asks for the memory
/// that its next step needs.
private struct LeafSearch {
    private let tree: Tree
    /// The branch above the leaf, and then the leaf.
    private(set) var page: Page
    private var search: PageSearch?
    private(set) var isSettled = false
    private(set) var value: UnsafeRawBufferPointer?

    /// Nil where the tree can't be searched: whoever asks for the key finds out why.
    init?(_ key: UnsafeRawBufferPointer, in table: Table, _ handle: TransactionHandle) {
        guard let tree = try? handle.trees?.tree(of: table, handle), var page = try? tree.top() else { return nil }
        for _ in 2..<max(tree.depth, 2) {
            guard let below = try? tree.below(page, for: key) else { return nil }
            page = below
        }
        (self.tree, self.page) = (tree, page)
    }

    /// From the branch to the leaf.
    mutating func descend(_ key: UnsafeRawBufferPointer) {
        guard tree.depth > 1 else { return }
        if let leaf = try? tree.below(page, for: key) { page = leaf }
    }

    /// - Returns: whether there is more to do.
    mutating func step(_ key: UnsafeRawBufferPointer) -> Bool {
        do throws(StorageError) {
            guard search != nil else {
                search = try PageSearch(page)
                search?.prefetchNext()
                return true
            }
            if search?.isUndecided == true {
                try search?.compare(key)
                search?.prefetchNext()
                return true
            }
            if let search { value = try tree.value(of: search) }
            if let value { Page.prefetch(value) }
            isSettled = true
        } catch {}
        return false
    }
}
