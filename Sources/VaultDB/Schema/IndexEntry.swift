internal import Foundation

/// What an index says of an identifier: a format-and-state byte and the identity that holds it.
struct IndexEntry: Equatable {
    private static let format: UInt8 = 0x10

    var state: IdentifierState
    /// `UUID.nobody` where nobody holds it.
    var holder: UUID

    /// The identity that it identifies, if it does.
    var owner: UUID? { state == .owned ? holder : nil }

    var encoded: InlineArray<17, UInt8> {
        var bytes = InlineArray<17, UInt8>(repeating: 0)
        bytes[0] = Self.format | state.rawValue
        for index in 0..<8 {
            bytes[1 + index] = UInt8(truncatingIfNeeded: holder.high >> UInt64(56 - index * 8))
            bytes[9 + index] = UInt8(truncatingIfNeeded: holder.low >> UInt64(56 - index * 8))
        }
        return bytes
    }

    init(state: IdentifierState, holder: UUID) {
        self.state = state
        self.holder = holder
    }

    init(_ bytes: RawSpan) throws(VaultError) {
        guard bytes.byteCount == 17 else { throw .corrupted("an index entry has \(bytes.byteCount) bytes") }
        let head = bytes.unsafeLoad(as: UInt8.self)
        guard head & 0xF0 == Self.format, let state = IdentifierState(rawValue: head & 0x0F) else {
            throw .corrupted("an index entry has an unknown format")
        }
        self.state = state
        holder = UUID(
            high: UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt64.self)),
            low: UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 9, as: UInt64.self)))
    }
}
