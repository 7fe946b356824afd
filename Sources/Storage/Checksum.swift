internal import CChecksum

/// CRC-32C (Castagnoli, reflected, as in RFC 3720), the checksum of records in tables and logs. It finds every burst of
/// damage up to 32 bits, and any other with a chance of one in four thousand million.
///
/// By the instruction that x86-64 processors have, or else eight bytes at a time by eight tables ("slicing-by-8": Kounavis and
/// Berry, 2005).
package struct Checksum {
    private var state: UInt32 = .max

    package var value: UInt32 { ~state }

    package init() {}

    package mutating func add(_ bytes: RawSpan) {
        guard Self.hasInstruction else { return addByTables(bytes) }
        state = bytes.withUnsafeBytes { vault_crc32c(state, $0.baseAddress, $0.count) }
    }

    private static let hasInstruction = vault_has_crc32c() != 0

    package mutating func addByTables(_ bytes: RawSpan) {
        let tables = Self.tables.span
        var crc = state
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let word = UInt64(
                littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
            crc = Self.step(word ^ UInt64(crc), tables)
            offset += 8
        }
        while offset < bytes.byteCount {
            let byte = bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
            offset += 1
        }
        state = crc
    }

    /// The first byte has seven more behind it, and so goes through the last table.
    @inline(__always)
    private static func step(_ word: UInt64, _ tables: Span<UInt32>) -> UInt32 {
        var crc: UInt32 = 0
        for place in 0..<8 {
            crc ^= tables[(7 - place) << 8 | Int(UInt8(truncatingIfNeeded: word >> UInt64(place * 8)))]
        }
        return crc
    }

    /// Of a key and its value together, so that a value under the wrong key is found too.
    package static func of(key: RawSpan, value: RawSpan) -> UInt32 {
        var checksum = Checksum()
        checksum.add(key)
        checksum.add(value)
        return checksum.value
    }

    /// Table n holds what each byte contributes from n bytes before the end.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = []
        for index in 0..<UInt32(256) {
            var crc = index
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F6_3B78 }
            tables.append(crc)
        }
        for entry in 256..<2_048 {
            let before = tables[entry - 256]
            tables.append((before >> 8) ^ tables[Int(before & 0xFF)])
        }
        return tables
    }()
}
