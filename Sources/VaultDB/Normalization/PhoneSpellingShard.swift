// PhoneSpellingShard is one lock's share of PhoneSpellingCache.

/// A set-associative table: a spelling can lie in the four slots that its hash names, and nowhere else.
struct PhoneSpellingShard {
    private struct Slot {
        var key = PhoneSpelling.Key()
        var number: PhoneNumber?
        var wasAskedFor = false
    }

    private static let ways = 4

    private var slots: [Slot]
    private let setMask: Int

    /// Where the next search for a slot to reuse begins, so that no way is worn more than another.
    private var hand = 0
    private(set) var hits = 0
    private(set) var misses = 0

    init(slots count: Int) {
        var sets = count == 0 ? 0 : 1
        while sets * Self.ways < count { sets *= 2 }
        slots = Array(repeating: Slot(), count: sets * Self.ways)
        setMask = sets - 1
    }

    mutating func recall(_ spelling: PhoneSpelling) -> PhoneReading? {
        guard let index = index(of: spelling) else {
            misses &+= 1
            return nil
        }
        hits &+= 1
        slots[index].wasAskedFor = true
        return slots[index].number.map(PhoneReading.valid) ?? .invalid
    }

    mutating func remember(_ spelling: PhoneSpelling, as reading: PhoneReading) {
        guard !slots.isEmpty, index(of: spelling) == nil else { return }
        let index = indexToReuse(in: set(of: spelling))
        slots[index] = Slot(key: spelling.key, number: reading.number)
    }

    private func set(of spelling: PhoneSpelling) -> Range<Int> {
        let first = (Int(truncatingIfNeeded: spelling.hash) & setMask) * Self.ways
        return first..<first + Self.ways
    }

    private func index(of spelling: PhoneSpelling) -> Int? {
        guard !slots.isEmpty else { return nil }
        return set(of: spelling).first { slots[$0].key == spelling.key }
    }

    /// A free slot, or one that was not asked for since the hand last passed.
    private mutating func indexToReuse(in set: Range<Int>) -> Int {
        if let free = set.first(where: { slots[$0].key.isFree }) { return free }
        hand &+= 1
        for step in 0..<Self.ways {
            let index = set.lowerBound + (hand &+ step) & (Self.ways - 1)
            guard slots[index].wasAskedFor else { return index }
            slots[index].wasAskedFor = false
        }
        return set.lowerBound + hand & (Self.ways - 1)
    }
}
