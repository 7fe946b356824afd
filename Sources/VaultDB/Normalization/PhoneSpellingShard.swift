// PhoneSpellingShard is one lock's share of PhoneSpellingCache.

/// A set-associative table: a spelling can lie in the four slots that its hash names, and nowhere else.
///
/// A search reads the four marks of a set, which lie together, and then as a rule one slot: slots are large, and
/// reading four of them would cost more than everything else about a hit.
struct PhoneSpellingShard {
    private struct Slot {
        var key = PhoneSpelling.Key()
        var number: PhoneNumber?
    }

    private static let ways = 4
    private static let freeMark: UInt32 = 0
    /// Set when the slot was asked for since the hand last passed.
    private static let askedBit: UInt32 = 1

    private var slots: [Slot]
    /// For each slot some bits of its spelling's hash, and whether it was asked for lately; `freeMark` if it is free.
    private var marks: [UInt32]
    private let setMask: Int

    /// Where the next search for a slot to reuse begins, so that no way is worn more than another.
    private var hand = 0
    private(set) var hits = 0
    private(set) var misses = 0

    init(slots count: Int) {
        var sets = count == 0 ? 0 : 1
        while sets * Self.ways < count { sets *= 2 }
        slots = Array(repeating: Slot(), count: sets * Self.ways)
        marks = Array(repeating: Self.freeMark, count: sets * Self.ways)
        setMask = sets - 1
    }

    mutating func recall(_ spelling: PhoneSpelling) -> PhoneReading? {
        guard let index = index(of: spelling) else {
            misses &+= 1
            return nil
        }
        hits &+= 1
        marks[index] |= Self.askedBit
        return slots[index].number.map(PhoneReading.valid) ?? .invalid
    }

    mutating func remember(_ spelling: PhoneSpelling, as reading: PhoneReading) {
        guard !slots.isEmpty, index(of: spelling) == nil else { return }
        let index = indexToReuse(in: set(of: spelling))
        slots[index] = Slot(key: spelling.key, number: reading.number)
        marks[index] = Self.mark(of: spelling)
    }

    /// Never `freeMark`, and without the bit that says asked for.
    private static func mark(of spelling: PhoneSpelling) -> UInt32 {
        UInt32(truncatingIfNeeded: spelling.hash >> 28) & ~askedBit | 2
    }

    private func set(of spelling: PhoneSpelling) -> Range<Int> {
        let first = (Int(truncatingIfNeeded: spelling.hash) & setMask) * Self.ways
        return first..<first + Self.ways
    }

    private func index(of spelling: PhoneSpelling) -> Int? {
        guard !slots.isEmpty else { return nil }
        let mark = Self.mark(of: spelling)
        for index in set(of: spelling)
        where marks[index] & ~Self.askedBit == mark && slots[index].key == spelling.key {
            return index
        }
        return nil
    }

    /// A free slot, or one that was not asked for since the hand last passed.
    private mutating func indexToReuse(in set: Range<Int>) -> Int {
        if let free = set.first(where: { marks[$0] == Self.freeMark }) { return free }
        hand &+= 1
        for step in 0..<Self.ways {
            let index = set.lowerBound + (hand &+ step) & (Self.ways - 1)
            guard marks[index] & Self.askedBit != 0 else { return index }
            marks[index] &= ~Self.askedBit
        }
        return set.lowerBound + hand & (Self.ways - 1)
    }
}
