internal import CLMDB
internal import Storage
internal import Synchronization

/// A copy of an entry on the stack: its key, and its value right after it.
@usableFromInline
struct CachedEntry {
    /// Longer ones are not kept.
    private static let wordsMax = 31
    static let wordsInRingMax = 1 + wordsMax

    private var words = InlineArray<31, UInt64>(repeating: 0)
    private var keyBytes = 0
    private var valueBytes = 0

    @usableFromInline init() {}

    @usableFromInline
    var value: RawSpan {
        @_lifetime(borrow self)
        get { words.span.bytes.extracting(keyBytes..<(keyBytes + valueBytes)) }
    }

    /// Of an entry that stays where it is.
    static func unsafeValue(of entry: UnsafePointer<CachedEntry>) -> UnsafeRawBufferPointer {
        // The words come first.
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(entry) + entry.pointee.keyBytes, count: entry.pointee.valueBytes)
    }

    func holds(_ key: RawSpan) -> Bool { words.span.bytes.extracting(first: keyBytes).equals(key) }

    static func fits(key: Int, value: Int) -> Bool { key > 0 && key + value <= wordsMax * 8 }

    /// How many words it takes in the ring: one for the table and the lengths, and the bytes.
    static func words(key: Int, value: Int) -> Int { 1 + (key + value + 7) / 8 }

    // MARK: In the ring

    // Others may be writing there: what is read counts once that is ruled out.

    /// - Returns: false where the entry is another table's or its key has another length.
    mutating func take(_ place: UnsafeMutablePointer<EntryCache.Word>, of table: Table, keyBytes: Int) -> Bool {
        let head = Head(bits: place.pointee.load(ordering: .relaxed))
        guard head.table == table.ordinal, head.keyBytes == keyBytes, head.words <= Self.wordsMax else { return false }
        self.keyBytes = keyBytes
        valueBytes = head.valueBytes
        for index in 0..<head.words { words[index] = place[1 + index].load(ordering: .relaxed) }
        return true
    }

    static func write(
        _ key: RawSpan, _ value: RawSpan, of table: Table, to place: UnsafeMutablePointer<EntryCache.Word>
    ) {
        let head = Head(table: table.ordinal, keyBytes: key.byteCount, valueBytes: value.byteCount)
        var words = InlineArray<31, UInt64>(repeating: 0)
        var span = words.mutableSpan
        span.withUnsafeMutableBytes { bytes in
            key.withUnsafeBytes { bytes.copyMemory(from: $0) }
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[key.byteCount...])
            value.withUnsafeBytes { rest.copyMemory(from: $0) }
        }
        place.pointee.store(head.bits, ordering: .relaxed)
        for index in 0..<head.words { place[1 + index].store(words[index], ordering: .relaxed) }
    }

    /// Asks for what most entries take.
    static func prefetch(_ place: UnsafeMutablePointer<EntryCache.Word>) {
        for line in 0..<3 { vault_prefetch(place + 8 * line) }
    }

    static func erase(_ place: UnsafeMutablePointer<EntryCache.Word>) {
        let head = Head(bits: place.pointee.load(ordering: .relaxed))
        for index in 0..<head.words { place[1 + index].store(0, ordering: .relaxed) }
    }
}

/// What comes before an entry in the ring: its table and the lengths of key and value.
private struct Head {
    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    init(table: Int, keyBytes: Int, valueBytes: Int) {
        bits = UInt64(table) | UInt64(keyBytes) << 16 | UInt64(valueBytes) << 32
    }

    var table: Int { Int(bits & 0xFFFF) }
    var keyBytes: Int { Int(bits >> 16 & 0xFFFF) }
    var valueBytes: Int { Int(bits >> 32) }
    var words: Int { (keyBytes + valueBytes + 7) / 8 }
}
