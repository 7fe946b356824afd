internal import Foundation
internal import Storage

/// A key under construction, on the stack. Integers are big-endian, so that keys sort as numbers do.
///
/// What goes in has been bounded by the type it comes from, so that no key exceeds the engine's limit.
struct Key: ~Copyable {
    private var storage = InlineArray<512, UInt8>(repeating: 0)
    private(set) var count = 0

    init() {}

    init(_ organization: OrganizationNumber) { append(organization.rawValue) }

    init(copying bytes: RawSpan) { append(bytes) }

    var bytes: RawSpan {
        @_lifetime(borrow self)
        get { storage.span.bytes.extracting(first: count) }
    }

    mutating func append(_ byte: UInt8) {
        storage[count] = byte
        count += 1
    }

    mutating func append(_ value: UInt32) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func append(_ value: UInt64) {
        append(UInt32(truncatingIfNeeded: value >> 32))
        append(UInt32(truncatingIfNeeded: value))
    }

    mutating func append(_ id: UUID) {
        append(id.high)
        append(id.low)
    }

    /// Times before 1970 are not stored, so the order of the bits is the order of time.
    mutating func append(_ time: Timestamp) { append(UInt64(bitPattern: time.microseconds)) }

    mutating func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { append(byte) }
    }

    mutating func append(_ text: String) {
        for byte in text.utf8 { append(byte) }
    }

    mutating func append(_ bytes: RawSpan) {
        for offset in 0..<bytes.byteCount {
            append(bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
        }
    }

    mutating func append(_ identifier: Identifier) {
        switch identifier {
        case .email(let email): append(email.rawValue)
        case .phone(let phone): phone.withASCII { append($0.bytes) }
        case .external(let external): append(external.rawValue)
        }
    }
}

/// The short name of an organization inside one vault's keys. Given out once, in order, never again.
package struct OrganizationNumber: Hashable, Sendable, Comparable {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
