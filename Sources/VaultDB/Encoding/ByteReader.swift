internal import Foundation
internal import Storage

/// Reads a value in the order it was written. Every step checks its bounds, so a damaged value is an error and never
/// a read outside of it.
struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    private(set) var offset = 0

    /// - Parameter format: the format byte the value must start with.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, format: UInt8) throws(VaultError) {
        self.bytes = bytes
        let found = try byte()
        guard found == format else {
            throw VaultError(
                .unknownFormat, "a value has format \(found), this program knows \(format)",
                advice: "open the vault with the program version that wrote it")
        }
    }

    /// Checks the checksum at the end first, then reads what is before it.
    @_lifetime(copy bytes)
    init(sealed bytes: RawSpan, under key: RawSpan, format: UInt8) throws(VaultError) {
        let end = bytes.byteCount - 4
        guard end > 0 else { throw .corrupted("a value is cut short") }
        let content = bytes.extracting(first: end)
        let stored = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: end, as: UInt32.self))
        // The format is told apart from damage: a newer program may seal in another way.
        try self.init(content, format: format)
        guard stored == Checksum.of(key: key, value: content) else {
            throw .corrupted("a value does not match its checksum")
        }
    }

    var isAtEnd: Bool { offset == bytes.byteCount }

    @_lifetime(self: copy self)
    mutating func byte() throws(VaultError) -> UInt8 {
        try advance(by: 1)
        return bytes.unsafeLoad(fromByteOffset: offset - 1, as: UInt8.self)
    }

    @_lifetime(self: copy self)
    mutating func word() throws(VaultError) -> UInt32 {
        try advance(by: 4)
        return UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset - 4, as: UInt32.self))
    }

    @_lifetime(self: copy self)
    mutating func long() throws(VaultError) -> UInt64 {
        try advance(by: 8)
        return UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset - 8, as: UInt64.self))
    }

    @_lifetime(self: copy self)
    mutating func time() throws(VaultError) -> Timestamp {
        try Timestamp(stored: Int64(bitPattern: try long()))
    }

    @_lifetime(self: copy self)
    mutating func id() throws(VaultError) -> UUID {
        UUID(high: try long(), low: try long())
    }

    @_lifetime(self: copy self)
    mutating func varint() throws(VaultError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw .corrupted("a number in a value has no end")
    }

    @_lifetime(self: copy self)
    mutating func difference() throws(VaultError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A length or count, which can't exceed the bytes that are left.
    @_lifetime(self: copy self)
    mutating func count() throws(VaultError) -> Int {
        let value = try varint()
        guard value <= UInt64(bytes.byteCount - offset) else { throw .corrupted("a value is cut short") }
        return Int(value)
    }

    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func span(_ count: Int) throws(VaultError) -> RawSpan {
        try advance(by: count)
        return bytes.extracting(offset - count..<offset)
    }

    @_lifetime(self: copy self)
    mutating func text() throws(VaultError) -> String {
        String(copyingUTF8: try textSpan())
    }

    /// A text's bytes.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func textSpan() throws(VaultError) -> RawSpan {
        let length = try count()
        return try span(length)
    }

    /// Where a text is among the bytes.
    @_lifetime(self: copy self)
    mutating func textPlace() throws(VaultError) -> Range<Int> {
        let length = try count()
        try advance(by: length)
        return offset - length..<offset
    }

    /// Empty stands for none.
    @_lifetime(self: copy self)
    mutating func optionalText() throws(VaultError) -> String? {
        let text = try text()
        return text.isEmpty ? nil : text
    }

    @_lifetime(self: copy self)
    mutating func blob(_ count: Int) throws(VaultError) -> [UInt8] {
        Array(copying: try span(count))
    }

    @_lifetime(self: copy self)
    mutating func texts() throws(VaultError) -> [String] {
        var list: [String] = []
        for _ in 0..<(try count()) { list.append(try text()) }
        return list
    }

    @_lifetime(self: copy self)
    private mutating func advance(by count: Int) throws(VaultError) {
        guard count <= bytes.byteCount - offset else { throw .corrupted("a value is cut short") }
        offset += count
    }
}

extension String {
    /// Damage that still passes as a value shows as replacement characters.
    init(copyingUTF8 span: RawSpan) {
        self = span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    init(copying span: RawSpan) {
        self = span.withUnsafeBytes { Array($0) }
    }
}

extension RawSpan {
    /// Word by word: what is compared here is a few words long.
    @inline(__always)
    func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        var offset = 0
        while offset + 8 <= byteCount {
            let mine = unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if mine != other.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) { return false }
            offset += 8
        }
        while offset < byteCount {
            let mine = unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if mine != other.unsafeLoad(fromByteOffset: offset, as: UInt8.self) { return false }
            offset += 1
        }
        return true
    }
}

extension Timestamp {
    init(stored microseconds: Int64) throws(VaultError) {
        guard let time = Timestamp(microseconds: microseconds) else { throw .corrupted("a time is out of range") }
        self = time
    }
}
