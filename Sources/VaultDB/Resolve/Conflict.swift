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
    public internal(set) var state: State
    /// Where it was seen last.
    public internal(set) var source: String?
    public let firstSeen: Timestamp
    public internal(set) var lastSeen: Timestamp
    /// How often it was seen.
    public internal(set) var count: UInt64
}

extension Conflict {
    static let version: UInt8 = 1

    func encoded(under key: borrowing Key) -> [UInt8] {
        var writer = ByteWriter(format: Self.version)
        writer.byte(state.rawValue)
        writer.time(firstSeen)
        writer.time(lastSeen)
        writer.varint(count)
        writer.text(source)
        return writer.sealed(under: key)
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        let pair = try ConflictKey(key)
        first = pair.one
        second = pair.other
        identifier = pair.identifier
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        guard let state = State(rawValue: try reader.byte()) else {
            throw .corrupted("a conflict is in an unknown state")
        }
        self.state = state
        firstSeen = try reader.time()
        lastSeen = try reader.time()
        count = try reader.varint()
        source = try reader.optionalText()
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

    /// The conflicts in a state, in the order of their pairs, after `cursor` where one is given.
    borrowing func conflicts(
        in state: Conflict.State, after cursor: Conflict?, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Conflict] {
        var found: [Conflict] = []
        guard limit > 0 else { return found }
        var start = Key()
        if let cursor {
            start = ConflictKey(one: cursor.first, other: cursor.second, identifier: cursor.identifier)
                .key(in: organization)
            start.append(UInt8(0))
        }
        try visit(Tables.conflicts, prefix: Key(organization), from: start) { (key, value) throws(VaultError) in
            if value.byteCount == 0 { return .next }
            let conflict = try Conflict(key: key, sealed: value)
            if conflict.state == state { found.append(conflict) }
            return found.count < limit ? .next : .stop
        }
        return found
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Puts a conflict on the review queue, or counts it up where it is there. One that was settled by keeping the
    /// pair apart stays settled.
    /// - Returns: whether anything was written.
    mutating func enqueue(
        _ pair: ConflictKey, source: String?, _ scope: inout WriteScope
    ) throws(VaultError) -> Bool {
        var conflict: Conflict
        if let known = try self.conflict(pair, in: scope.organization) {
            guard known.state != .keptApart else { return false }
            conflict = known
            if conflict.state != .open { scope.ledger.openConflicts += 1 }
        } else {
            conflict = Conflict(
                first: pair.canonical.one, second: pair.canonical.other, identifier: pair.identifier, state: .open,
                source: source, firstSeen: scope.now, lastSeen: scope.now, count: 0)
            scope.ledger.openConflicts += 1
            try put(pair.canonical.mirrored.key(in: scope.organization), [], in: Tables.conflicts)
        }
        conflict.state = .open
        conflict.source = source ?? conflict.source
        conflict.lastSeen = max(conflict.lastSeen, scope.now)
        conflict.count += 1
        let key = pair.canonical.key(in: scope.organization)
        try put(key, conflict.encoded(under: key), in: Tables.conflicts)
        return true
    }
}
