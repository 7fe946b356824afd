internal import Foundation

/// The identity record, byte by byte in docs/FORMAT.md ("identities").
enum IdentityFormat {
    static let version: UInt8 = 1
    static let mergedFlag: UInt8 = 0x01
    static let lastMergeFlag: UInt8 = 0x02
    static let erasedFlag: UInt8 = 0x04
    static let patientFlag: UInt8 = 0x08

    /// An identifier's tag: its kind, its state, whether it is primary and whether a patient gave it.
    static func tag(_ held: HeldIdentifier) -> UInt8 {
        held.identifier.kind.rawValue | held.state.rawValue << 2 | (held.isPrimary ? primaryBit : 0)
            | (held.isClinical ? clinicalBit : 0)
    }

    /// The tag of an owned identifier of a kind, as far as `kindAndState` goes.
    static func ownedTag(_ kind: IdentifierKind) -> UInt8 { kind.rawValue }
    static let kindAndState: UInt8 = 0x0F
    static let primaryBit: UInt8 = 0x10
    static let clinicalBit: UInt8 = 0x20
}

extension Identity {
    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: IdentityFormat.version)
        writer.byte(flags)
        writer.time(createdAt)
        writer.time(updatedAt)
        writer.long(lastSequence)
        if let mergedWith { writer.id(mergedWith) }
        if let lastMerge { writer.id(lastMerge) }

        var sources: [String] = []
        writer.varint(UInt64(identifiers.count))
        for held in identifiers {
            writer.byte(IdentityFormat.tag(held))
            writer.text(of: held.identifier)
            writer.varint(Self.place(of: held.source, in: &sources))
            writer.difference(held.firstSeen.microseconds - createdAt.microseconds)
            writer.difference(held.lastSeen.microseconds - held.firstSeen.microseconds)
        }
        writer.texts(sources)
        writer.text(displayName)
        writer.texts(aliases)
        return writer.sealed(under: key)
    }

    private var flags: UInt8 {
        (isMerged ? IdentityFormat.mergedFlag : 0) | (lastMerge == nil ? 0 : IdentityFormat.lastMergeFlag)
            | (isErased ? IdentityFormat.erasedFlag : 0) | (isPatient ? IdentityFormat.patientFlag : 0)
    }

    /// Each source is written once and then named by its place, from 1; 0 is none.
    private static func place(of source: String?, in sources: inout [String]) -> UInt64 {
        guard let source else { return 0 }
        if let known = sources.firstIndex(of: source) { return UInt64(known + 1) }
        sources.append(source)
        return UInt64(sources.count)
    }

    init(id: UUID, sealed bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: IdentityFormat.version)
        let flags = try reader.byte()
        self.init(id: id, createdAt: try reader.time())
        updatedAt = try reader.time()
        lastSequence = try reader.long()
        if flags & IdentityFormat.mergedFlag != 0 { mergedWith = try reader.id() }
        if flags & IdentityFormat.lastMergeFlag != 0 { lastMerge = try reader.id() }
        isErased = flags & IdentityFormat.erasedFlag != 0
        isPatient = flags & IdentityFormat.patientFlag != 0

        var places: [Int] = []
        var drafts: [(tag: UInt8, text: String, first: Timestamp, last: Timestamp)] = []
        for _ in 0..<(try reader.count()) {
            let tag = try reader.byte()
            let text = try reader.text()
            places.append(Int(truncatingIfNeeded: try reader.varint()))
            let first = try Timestamp(stored: createdAt.microseconds &+ (try reader.difference()))
            let last = try Timestamp(stored: first.microseconds &+ (try reader.difference()))
            drafts.append((tag, text, first, last))
        }
        let sources = try reader.texts()
        identifiers.reserveCapacity(drafts.count)
        for (draft, place) in zip(drafts, places) {
            guard let kind = IdentifierKind(rawValue: draft.tag & 0x03),
                let state = IdentifierState(rawValue: draft.tag >> 2 & 0x03), (0...sources.count).contains(place)
            else { throw .corrupted("an identity holds an identifier of an unknown kind") }
            identifiers.append(
                HeldIdentifier(
                    identifier: try Identifier(stored: draft.text, kind: kind),
                    isPrimary: draft.tag & IdentityFormat.primaryBit != 0,
                    isClinical: draft.tag & IdentityFormat.clinicalBit != 0, state: state,
                    source: place == 0 ? nil : sources[place - 1], firstSeen: draft.first, lastSeen: draft.last))
        }
        displayName = try reader.optionalText()
        aliases = try reader.texts()
        guard reader.isAtEnd else { throw .corrupted("an identity has bytes too many") }
    }
}
