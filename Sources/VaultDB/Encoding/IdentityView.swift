internal import Foundation

/// An identity's record as it lies in the store, for questions that need no copy of it. Allocates nothing.
///
/// Bounds are checked, the checksum is not: the hit path answers from here in less time than the checksum takes, and
/// whatever is decoded to be shown or changed goes through `Identity`, which verifies it.
struct IdentityView: ~Escapable {
    private let bytes: RawSpan
    private let flags: UInt8
    let lastSequence: UInt64
    /// In microseconds.
    let updatedAt: UInt64
    /// Where the identifiers start.
    let list: ByteReader

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) throws(VaultError) {
        self.bytes = bytes
        var reader = try ByteReader(bytes, format: IdentityFormat.version)
        flags = try reader.byte()
        _ = try reader.long()
        updatedAt = try reader.long()
        lastSequence = try reader.long()
        if flags & IdentityFormat.mergedFlag != 0 { _ = try reader.id() }
        if flags & IdentityFormat.lastMergeFlag != 0 { _ = try reader.id() }
        list = reader
    }

    /// Whether it is neither merged nor erased.
    var isLiving: Bool { flags & (IdentityFormat.mergedFlag | IdentityFormat.erasedFlag) == 0 }

    /// Whether the identity owns every identifier of `wanted` and knows its name already.
    func satisfies(_ wanted: borrowing ResolveQuery) throws(VaultError) -> Bool {
        let name = wanted.name ?? ""
        return try owns(wanted.identifierCount, andKnows: name.utf8.span.bytes) { (tag, text) in
            wanted.contains(tag: tag, text: text)
        }
    }

    /// Whether the identity is living, has so many identifiers that are wanted, and knows the name, if that is not empty.
    /// - Parameter isWanted: asked of each identifier, by its tag and bytes.
    @inline(__always)
    func owns(
        _ wantedCount: Int, andKnows name: RawSpan, _ isWanted: (_ tag: UInt8, _ text: RawSpan) -> Bool
    ) throws(VaultError) -> Bool {
        guard isLiving else { return false }
        var missing = wantedCount
        var reader = list
        for _ in 0..<(try reader.count()) {
            let tag = try reader.byte() & IdentityFormat.kindAndState
            let length = try reader.count()
            if isWanted(tag, try reader.span(length)) { missing -= 1 }
            _ = try reader.varint()
            _ = try reader.varint()
            _ = try reader.varint()
        }
        if missing > 0 { return false }
        if name.isEmpty { return true }
        return try Self.knows(name, &reader)
    }

    /// Passes over the sources, which follow the identifiers, and reads the display name and the aliases.
    private static func knows(_ name: RawSpan, _ reader: inout ByteReader) throws(VaultError) -> Bool {
        for _ in 0..<(try reader.count()) {
            let length = try reader.count()
            _ = try reader.span(length)
        }
        let length = try reader.count()
        if try reader.span(length).equals(name) { return true }
        for _ in 0..<(try reader.count()) {
            let length = try reader.count()
            if try reader.span(length).equals(name) { return true }
        }
        return false
    }
}

extension RawSpan {
    /// Whether these are the UTF-8 bytes of `text`.
    func holds(_ text: String) -> Bool {
        byteCount == text.utf8.count && equals(text.utf8.span.bytes)
    }
}
