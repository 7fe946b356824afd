/// CRC-32C (Castagnoli, reflected, as in RFC 3720), the checksum that ends every record. It finds every burst of
/// damage up to 32 bits, and any other with a chance of one in four thousand million.
struct Checksum {
    private var state: UInt32 = .max

    var value: UInt32 { ~state }

    mutating func add(_ bytes: RawSpan) {
        var crc = state
        let table = Self.table
        for offset in 0..<bytes.byteCount {
            let byte = bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
        }
        state = crc
    }

    /// Of a key and its value together, so that a value under the wrong key is found too.
    static func of(key: RawSpan, value: RawSpan) -> UInt32 {
        var checksum = Checksum()
        checksum.add(key)
        checksum.add(value)
        return checksum.value
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0x82F6_3B78 }
    }
}
