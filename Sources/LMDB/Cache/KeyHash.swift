internal import Storage

/// Hashes keys for tables in memory. Seeded anew in each, so that nobody can choose keys that fall together.
struct KeyHash: Sendable {
    private let seed = UInt64.random(in: .min ... .max)

    func callAsFunction(_ key: RawSpan) -> UInt64 {
        var hash = seed ^ UInt64(key.byteCount)
        var offset = 0
        while offset + 8 <= key.byteCount {
            hash = Self.mix(hash ^ key.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < key.byteCount {
            rest = rest << 8 | UInt64(key.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return Self.mix(hash ^ rest)
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
