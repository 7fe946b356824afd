internal import Foundation
internal import Storage

/// Builds a value: big-endian integers, LEB128 varints, length-prefixed UTF-8.
///
/// It owns its memory, and no array: most values are handed on to a table and forgotten, and a write makes several.
struct ByteWriter: ~Copyable {
    /// What is written so far, and room for more behind it.
    private var room: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    /// - Parameter format: the format byte that every value starts with.
    init(format: UInt8, capacity: Int = 160) {
        self.init(capacity: capacity)
        byte(format)
    }

    /// For a part of a value.
    init(capacity: Int) { room = .allocate(byteCount: capacity, alignment: 1) }

    deinit { room.deallocate() }

    /// What is written so far.
    var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: room[..<count]))
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) { append(value) }

    mutating func word(_ value: UInt32) { append(value.bigEndian) }
    mutating func long(_ value: UInt64) { append(value.bigEndian) }
    mutating func time(_ value: Timestamp) { long(UInt64(bitPattern: value.microseconds)) }

    mutating func id(_ value: UUID) {
        long(value.high)
        long(value.low)
    }

    @inline(__always)
    mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        makeRoom(MemoryLayout<Value>.size)
        room.storeBytes(of: value, toByteOffset: count, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    private mutating func append(_ bytes: RawSpan) {
        makeRoom(bytes.byteCount)
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(from: $0) }
        count += bytes.byteCount
    }

    @inline(__always)
    private mutating func makeRoom(_ bytes: Int) {
        if room.count - count < bytes { grow(by: bytes) }
    }

    private mutating func grow(by bytes: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: room.count + max(room.count, bytes), alignment: 1)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<count]))
        room.deallocate()
        room = larger
    }

    /// Seven bits a byte, the low ones first.
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    /// Signed, with the sign in the lowest bit, so that small differences stay short either way.
    mutating func difference(_ value: Int64) {
        varint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    mutating func text(_ value: String) { text(value.utf8.span.bytes) }

    /// Empty stands for none.
    mutating func text(_ value: String?) { if let value { text(value) } else { byte(0) } }

    /// As `identifier.text`.
    mutating func text(of identifier: Identifier) {
        if case .phone(let phone) = identifier {
            phone.withASCII { text($0.bytes) }
        } else {
            text(identifier.text)
        }
    }

    private mutating func text(_ utf8: RawSpan) {
        varint(UInt64(utf8.byteCount))
        append(utf8)
    }

    mutating func blob(_ value: RawSpan) { append(value) }

    mutating func texts(_ values: [String]) {
        varint(UInt64(values.count))
        for value in values { text(value) }
    }

    /// Ends the value with the checksum over `key` and all of it.
    consuming func sealed(under key: borrowing Key) -> ByteWriter {
        let checksum = Checksum.of(key: key.bytes, value: bytes)
        word(checksum)
        return self
    }
}

extension [UInt8] {
    init(_ writer: consuming ByteWriter) { self.init(copying: writer.bytes) }
}
