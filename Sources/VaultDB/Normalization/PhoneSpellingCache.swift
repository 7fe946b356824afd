// PhoneSpellingCache remembers what spellings of phone numbers turned out to be, since reading one is slow.

internal import Synchronization

/// A bounded, exact memory of phone spellings and their readings, valid and invalid.
///
/// Exact: an entry answers only for its region and its bytes, all of them compared. Bounded: the memory is taken at
/// once (64 bytes a slot) and never grows; what is new displaces what was not asked for lately. A hit allocates
/// nothing. Any thread may call at any time: the slots are split into shards, each behind a lock of its own.
struct PhoneSpellingCache: ~Copyable, Sendable {
    private let shards: InlineArray<16, Mutex<PhoneSpellingShard>>

    /// `slots` spellings at most, rounded up to a power of two for each shard and cut at 16 million; 0 switches the
    /// cache off.
    init(slots: Int) {
        let perShard = slots <= 0 ? 0 : (min(slots, 1 << 24) + 15) / 16
        shards = InlineArray { _ in Mutex(PhoneSpellingShard(slots: perShard)) }
    }

    /// What `spelling` turned out to be, or nil if that is not remembered.
    func recall(_ spelling: PhoneSpelling) -> PhoneReading? {
        shards[spelling.shard].withLock { $0.recall(spelling) }
    }

    func remember(_ spelling: PhoneSpelling, as reading: PhoneReading) {
        shards[spelling.shard].withLock { $0.remember(spelling, as: reading) }
    }

    /// How often a spelling was asked for and was remembered, or not.
    var counts: (hits: Int, misses: Int) {
        var sum = (hits: 0, misses: 0)
        for index in shards.indices {
            let shard = shards[index].withLock { (hits: $0.hits, misses: $0.misses) }
            sum = (sum.hits + shard.hits, sum.misses + shard.misses)
        }
        return sum
    }
}
