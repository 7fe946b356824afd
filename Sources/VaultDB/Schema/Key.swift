internal import Foundation
internal import Storage

/// A key under construction, on the stack. Integers are big-endian, so that keys sort as numbers do.
///
/// What goes in has been bounded by the type it comes from, so that no key exceeds its room.
struct Key: ~Copyable {

    /// Room for the longest: a conflict's, with an organization, two ids, a kind and an external id.
    private var storage = InlineArray<328, UInt8>(repeating: 0)
    private(set) var count = 0

    @inline(__always)
    init() {}

    @inline(__always)
    init(_ organization: OrganizationNumber) { append(organization.rawValue) }

    var bytes: RawSpan {
        @_lifetime(borrow self)
        @inline(__always)
        get { storage.span.bytes.extracting(first: count) }
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        storage[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ value: UInt32) { store(value.bigEndian) }

    @inline(__always)
    mutating func append(_ value: UInt64) { store(value.bigEndian) }

    @inline(__always)
    mutating func append(_ id: UUID) {
        append(id.high)
        append(id.low)
    }

    /// Times before 1970 are not stored, so the order of the bits is the order of time.
    mutating func append(_ time: Timestamp) { append(UInt64(bitPattern: time.microseconds)) }

    @inline(__always)
    mutating func append(_ text: String) { append(text.utf8.span.bytes) }

    mutating func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { append(byte) }
    }

    /// Word by word, for most keys are a few words long.
    @inline(__always)
    mutating func append(_ bytes: RawSpan) {
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            store(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        while offset < bytes.byteCount {
            append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
    }

    @inline(__always)
    mutating func append(_ identifier: Identifier) {
        switch identifier {
        case .email(let email): append(email.rawValue)
        case .phone(let phone): phone.withASCII { append($0.bytes) }
        case .external(let external): append(external.rawValue)
        }
    }

    @inline(__always)
    private mutating func store<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word) {
        var span = storage.mutableSpan
        var bytes = span.mutableBytes
        bytes.storeBytes(of: word, toByteOffset: count, as: Word.self)
        count += MemoryLayout<Word>.size
    }
}

/// The short name of an organization inside one vault's keys. Given out once, in order, never again.
package struct OrganizationNumber: Hashable, Sendable, Comparable {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension RawSpan {
    /// The organization that a key begins with. At least four bytes.
    var organization: OrganizationNumber {
        OrganizationNumber(UInt32(bigEndian: unsafeLoadUnaligned(as: UInt32.self)))
    }
}
