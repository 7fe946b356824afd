public import Foundation
internal import Storage

/// Two identities that one request named at once: probably one person, for somebody to look at.
public struct Conflict: Equatable, Sendable {
    public enum State: UInt8, Sendable, CaseIterable, CustomStringConvertible {
        case open = 0
        /// Settled: they are two people, and this identifier does not bring the pair up again.
        case keptApart = 1
        /// Settled by a merge.
        case merged = 2

        public var description: String {
            switch self {
            case .open: "open"
            case .keptApart: "kept_apart"
            case .merged: "merged"
            }
        }
    }

    /// The pair, the smaller id first.
    public let first: UUID
    public let second: UUID
    /// The identifier that one of them owns and a request for the other brought.
    public let identifier: Identifier
    public let state: State
    /// Where it was seen last.
    public let source: String?
    public let firstSeen: Timestamp
    public let lastSeen: Timestamp
    /// How often it was seen.
    public let count: UInt64
}

extension Conflict {
    init(_ pair: ConflictKey, _ entry: ConflictEntry) {
        first = pair.one
        second = pair.other
        identifier = pair.identifier
        state = entry.state
        source = entry.source
        firstSeen = entry.firstSeen
        lastSeen = entry.lastSeen
        count = entry.count
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        self.init(try ConflictKey(key), try ConflictEntry(sealed: bytes, under: key))
    }

    var entry: ConflictEntry {
        ConflictEntry(state: state, source: source, firstSeen: firstSeen, lastSeen: lastSeen, count: count)
    }

    /// The other side of the pair.
    func other(than identity: UUID) -> UUID { identity == first ? second : first }
}

/// What is stored of a conflict.
struct ConflictEntry: Equatable {
    private static let version: UInt8 = 1

    var state: Conflict.State
    var source: String?
    var firstSeen: Timestamp
    var lastSeen: Timestamp
    var count: UInt64

    init(state: Conflict.State, source: String?, firstSeen: Timestamp, lastSeen: Timestamp, count: UInt64) {
        self.state = state
        self.source = source
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.count = count
    }

    /// What this and another conflict of one pair by one identifier are together. Keeping apart sticks.
    func joined(with other: ConflictEntry?) -> ConflictEntry {
        guard let other else { return self }
        let (later, earlier) = lastSeen > other.lastSeen ? (self, other) : (other, self)
        return ConflictEntry(
            state: state == .keptApart ? .keptApart : other.state, source: later.source ?? earlier.source,
            firstSeen: min(firstSeen, other.firstSeen), lastSeen: max(lastSeen, other.lastSeen),
            count: count + other.count)
    }

    func write(to writer: inout ByteWriter) {
        writer.byte(state.rawValue)
        writer.time(firstSeen)
        writer.time(lastSeen)
        writer.varint(count)
        writer.text(source)
    }

    @_lifetime(reader: copy reader)
    init(_ reader: inout ByteReader) throws(VaultError) {
        guard let state = Conflict.State(rawValue: try reader.byte()) else {
            throw .corrupted("a conflict is in an unknown state")
        }
        self.state = state
        firstSeen = try reader.time()
        lastSeen = try reader.time()
        count = try reader.varint()
        source = try reader.optionalText()
    }

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        write(to: &writer)
        return writer.sealed(under: key)
    }

    init(sealed bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        try self.init(&reader)
    }
}

/// The key of a conflict. Each lies in the table twice: under (smaller, larger) with its value, and under (larger,
/// smaller) with none, so that the conflicts of either identity are a range.
struct ConflictKey: Equatable {
    let one: UUID
    let other: UUID
    let identifier: Identifier

    /// Whether this is the one of the two that holds the value.
    var holdsValue: Bool { (one.high, one.low) < (other.high, other.low) }
    var mirrored: ConflictKey { ConflictKey(one: other, other: one, identifier: identifier) }
    var canonical: ConflictKey { holdsValue ? self : mirrored }

    func key(in organization: OrganizationNumber) -> Key {
        var key = Key.identity(one, in: organization)
        key.append(other)
        key.append(identifier.kind.rawValue)
        key.append(identifier)
        return key
    }
}

extension ConflictKey {
    init(_ key: RawSpan) throws(VaultError) {
        let head = 4 + 16 + 16 + 1
        guard key.byteCount > head,
            let kind = IdentifierKind(rawValue: key.unsafeLoad(fromByteOffset: head - 1, as: UInt8.self))
        else { throw .corrupted("a conflict's key is cut short") }
        one = key.id(at: 4)
        other = key.id(at: 20)
        identifier = try Identifier(stored: String(copyingUTF8: key.extracting(droppingFirst: head)), kind: kind)
    }
}

extension RawSpan {
    /// The id at an offset that is known to be inside.
    func id(at offset: Int) -> UUID {
        UUID(
            high: UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            low: UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func conflict(
        _ pair: ConflictKey, in organization: OrganizationNumber
    ) throws(VaultError) -> Conflict? {
        let key = pair.canonical.key(in: organization)
        guard let bytes = try value(key, in: Tables.conflicts) else { return nil }
        return try Conflict(key: key.bytes, sealed: bytes)
    }

    /// All conflicts of one identity, in whatever state.
    borrowing func conflicts(
        of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [Conflict] {
        var pairs: [ConflictKey] = []
        try visit(Tables.conflicts, prefix: Key.identity(identity, in: organization)) { (key, _) throws(VaultError) in
            pairs.append(try ConflictKey(key))
            return .next
        }
        return try pairs.map { pair throws(VaultError) in
            guard let conflict = try conflict(pair, in: organization) else {
                throw .corrupted("a conflict has no other side")
            }
            return conflict
        }
    }

    /// What there is between two identities: their open conflicts, or where there are none, those that were settled.
    borrowing func conflicts(
        between one: UUID, _ other: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [Conflict] {
        let all = try conflicts(of: one, in: organization).filter { $0.other(than: one) == other }
        let open = all.filter { $0.state == .open }
        return open.isEmpty ? all : open
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Puts a conflict on the review queue, or counts it up where it is there. One that was settled by keeping the
    /// pair apart stays settled.
    /// - Returns: whether anything was written.
    mutating func enqueue(
        _ pair: ConflictKey, source: String?, _ scope: inout WriteScope
    ) throws(VaultError) -> Bool {
        let known = try conflict(pair, in: scope.organization)?.entry
        guard known?.state != .keptApart else { return false }
        var entry =
            known ?? ConflictEntry(state: .open, source: nil, firstSeen: scope.now, lastSeen: scope.now, count: 0)
        entry.state = .open
        entry.source = source ?? entry.source
        entry.lastSeen = max(entry.lastSeen, scope.now)
        entry.count += 1
        try put(entry, at: pair, &scope)
        return true
    }

    /// Puts on the review queue what a record was given and somebody else owns, unless the pair is known by it.
    mutating func enqueueMentions(
        of contacts: RecordContacts, by identity: UUID, source: String?, _ scope: inout WriteScope
    ) throws(VaultError) {
        for identifier in contacts.identifiers {
            guard let entry = try entry(of: identifier, in: scope.organization), entry.state == .owned,
                entry.holder != identity
            else { continue }
            let pair = ConflictKey(one: identity, other: entry.holder, identifier: identifier)
            if try conflict(pair, in: scope.organization) == nil { _ = try enqueue(pair, source: source, &scope) }
        }
    }

    /// Stores a conflict under both orders of its pair.
    mutating func put(_ entry: ConflictEntry, at pair: ConflictKey, _ scope: inout WriteScope) throws(VaultError) {
        let before = try conflict(pair, in: scope.organization)
        if before?.state == .open { try scope.ledger.take(\.openConflicts) }
        if entry.state == .open { scope.ledger.openConflicts += 1 }
        let key = pair.canonical.key(in: scope.organization)
        try put(key, entry.encoded(under: key), in: Tables.conflicts)
        if before != nil { return }
        try put(pair.canonical.mirrored.key(in: scope.organization), bytes: RawSpan(), in: Tables.conflicts)
    }

    /// Takes a conflict away, if it is there.
    mutating func removeConflict(at pair: ConflictKey, _ scope: inout WriteScope) throws(VaultError) {
        if try conflict(pair, in: scope.organization)?.state == .open { try scope.ledger.take(\.openConflicts) }
        try remove(pair.canonical.key(in: scope.organization), from: Tables.conflicts)
        try remove(pair.canonical.mirrored.key(in: scope.organization), from: Tables.conflicts)
    }
}
