// PhoneSpelling is what PhoneSpellingCache remembers readings by: the exact bytes of a spelling, and the region.

/// A spelling of a phone number in a region, short enough to be remembered, with its hash.
struct PhoneSpelling {
    /// The spelling itself: its bytes in five words, and what tells it from others with the same words.
    struct Key {
        /// The bytes, little-endian, with zeros after them.
        var words = InlineArray<5, UInt64>(repeating: 0)

        /// Region and length. Never 0 for a spelling, so that no spelling equals the content of a free slot.
        var tag: UInt32 = 0
    }

    let key: Key
    let hash: UInt64

    static let bytesMax = 40

    /// Nil if the spelling is longer than `bytesMax`.
    init?(_ utf8: Span<UInt8>, region: Region) {
        guard utf8.count <= Self.bytesMax else { return nil }
        var key = Key(tag: UInt32(region.packed) << 8 | UInt32(utf8.count))
        var hash = Self.mixed(UInt64(key.tag), 0)
        for (word, offset) in stride(from: 0, to: utf8.count, by: 8).enumerated() {
            key.words[word] = Self.word(of: utf8, at: offset)
            hash = Self.mixed(hash, key.words[word])
        }
        self.key = key
        self.hash = hash
    }

    /// The top bits name the shard; the bottom ones name the place in it.
    var shard: Int { Int(truncatingIfNeeded: hash >> 60) }

    private static func word(of utf8: Span<UInt8>, at offset: Int) -> UInt64 {
        // Any eight bytes are a word, and the load is within bounds, so it is safe.
        if offset + 8 <= utf8.count {
            return UInt64(littleEndian: utf8.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        var word: UInt64 = 0
        for index in offset..<utf8.count {
            word |= UInt64(utf8[index]) << UInt64(8 * (index - offset))
        }
        return word
    }

    /// Both halves of a product, folded together, so that every bit of both factors counts.
    private static func mixed(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = (left ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: right ^ 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}

extension PhoneSpelling.Key: Equatable {
    // Inlined, so that a slot is compared where it lies.
    @inline(__always)
    static func == (left: Self, right: Self) -> Bool {
        guard left.tag == right.tag else { return false }
        for index in left.words.indices where left.words[index] != right.words[index] {
            return false
        }
        return true
    }
}
