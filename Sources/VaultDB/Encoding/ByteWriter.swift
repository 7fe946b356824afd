internal import Foundation
internal import Storage

/// Builds a value: big-endian integers, LEB128 varints, length-prefixed UTF-8.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter format: the format byte that every value starts with.
    init(format: UInt8, capacity: Int = 128) {
        bytes.reserveCapacity(capacity)
        bytes.append(format)
    }

    /// For a part of a value.
    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func word(_ value: UInt32) { append(value.bigEndian) }
    mutating func long(_ value: UInt64) { append(value.bigEndian) }
    mutating func time(_ value: Timestamp) { long(UInt64(bitPattern: value.microseconds)) }

    mutating func id(_ value: UUID) {
        long(value.high)
        long(value.low)
    }

    private mutating func append(_ value: some FixedWidthInteger & BitwiseCopyable) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    /// Seven bits a byte, the low ones first.
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Signed, with the sign in the lowest bit, so that small differences stay short either way.
    mutating func difference(_ value: Int64) {
        varint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    mutating func text(_ value: String) {
        let text = value.utf8.span.bytes
        varint(UInt64(text.byteCount))
        text.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// Empty stands for none.
    mutating func text(_ value: String?) { text(value ?? "") }

    mutating func blob(_ value: [UInt8]) { bytes.append(contentsOf: value) }

    mutating func texts(_ values: [String]) {
        varint(UInt64(values.count))
        for value in values { text(value) }
    }

    /// Ends the value with the checksum over `key` and all of it.
    consuming func sealed(under key: borrowing Key) -> [UInt8] {
        let checksum = Checksum.of(key: key.bytes, value: bytes.span.bytes)
        word(checksum)
        return bytes
    }
}
