public import Foundation
internal import Storage

/// A time during which an identity held an identifier.
public struct Holding: Equatable, Sendable {
    public let identifier: Identifier
    /// The id it was then; a merge may have made it a redirect since.
    public let identity: UUID
    public let state: IdentifierState
    public let from: Timestamp
    /// Nil where it still holds.
    public let until: Timestamp?
}

// Who holds an identifier now is in its index. When that ends, the time it lasted is kept here, under the identifier
// and once more under the identity, so that "who owned this phone then" is a lookup and an erasure finds all of it. The
// times of an identifier follow each other, so one that lasts began when the one before ended or, if later, when its
// holder first saw it.

/// The key of a holding that is over. Each lies in the table twice: by identifier with its value, by identity with none.
struct FormerHolderKey {
    private static let byIdentifier: UInt8 = 0
    private static let byIdentity: UInt8 = 1

    let identifier: Identifier
    let identity: UUID
    /// The event that ended it.
    let sequence: UInt64

    func key(in organization: OrganizationNumber) -> Key {
        var key = Self.prefix(identifier, in: organization)
        key.append(sequence)
        return key
    }

    func mirrored(in organization: OrganizationNumber) -> Key {
        var key = Self.prefix(identity, in: organization)
        key.append(sequence)
        key.append(identifier.kind.rawValue)
        key.append(identifier)
        return key
    }

    /// Ends with a zero byte, which no identifier contains.
    static func prefix(_ identifier: Identifier, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(byIdentifier)
        key.append(identifier.kind.rawValue)
        key.append(identifier)
        key.append(UInt8(0))
        return key
    }

    static func prefix(_ identity: UUID, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(byIdentity)
        key.append(identity)
        return key
    }

    static func isMirrored(_ key: RawSpan) -> Bool {
        key.byteCount > 4 && key.unsafeLoad(fromByteOffset: 4, as: UInt8.self) == byIdentity
    }

    /// A key by identifier; its value says whose it is.
    static func identifier(_ key: RawSpan) throws(VaultError) -> (Identifier, sequence: UInt64) {
        guard key.byteCount > 15 else { throw .corrupted("a former holder's key is cut short") }
        let end = key.byteCount - 9
        return (
            try .init(tagged: key.extracting(5..<end)),
            UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: end + 1, as: UInt64.self))
        )
    }

    /// A key by identity.
    init(mirrored key: RawSpan) throws(VaultError) {
        guard key.byteCount > 30 else { throw .corrupted("a former holder's key is cut short") }
        identity = key.id(at: 5)
        sequence = UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 21, as: UInt64.self))
        identifier = try .init(tagged: key.extracting(droppingFirst: 29))
    }

    init(identifier: Identifier, identity: UUID, sequence: UInt64) {
        self.identifier = identifier
        self.identity = identity
        self.sequence = sequence
    }
}

extension Identifier {
    /// From its kind's byte and its text, as keys hold them.
    init(tagged bytes: RawSpan) throws(VaultError) {
        guard bytes.byteCount > 1, let kind = IdentifierKind(rawValue: bytes.unsafeLoad(as: UInt8.self)) else {
            throw .corrupted("a key names an identifier of an unknown kind")
        }
        try self.init(stored: String(copyingUTF8: bytes.extracting(droppingFirst: 1)), kind: kind)
    }
}

extension Holding {
    private static let version: UInt8 = 1

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.byte(state.rawValue)
        writer.id(identity)
        writer.time(from)
        writer.time(until ?? .max)
        return writer.sealed(under: key)
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        identifier = try FormerHolderKey.identifier(key).0
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        guard let state = IdentifierState(rawValue: try reader.byte()) else {
            throw .corrupted("a former holder held in an unknown state")
        }
        self.state = state
        identity = try reader.id()
        from = try reader.time()
        until = try reader.time()
    }

    /// Whether it lasted at a time.
    public func covers(_ time: Timestamp) -> Bool { from <= time && until.map { time < $0 } ?? true }
}

extension ReadTransaction where Self: ~Copyable {
    /// The times that are over during which an identifier was held, oldest first.
    borrowing func formerHoldings(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> [Holding] {
        try formerHolders(of: identifier, in: organization).map(\.holding)
    }

    /// The same of an identity, whatever it held.
    borrowing func formerHoldings(
        by identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [Holding] {
        try formerHolderKeys(by: identity, in: organization).map { name throws(VaultError) in
            let key = name.key(in: organization)
            guard let bytes = try value(key, in: Tables.formerHolders) else {
                throw .corrupted("a former holder's entry has no other side")
            }
            return try Holding(key: key.bytes, sealed: bytes)
        }
    }

    borrowing func formerHolderKeys(
        by identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [FormerHolderKey] {
        var list: [FormerHolderKey] = []
        try visit(Tables.formerHolders, prefix: FormerHolderKey.prefix(identity, in: organization)) {
            (key, _) throws(VaultError) in
            list.append(try FormerHolderKey(mirrored: key))
            return .next
        }
        return list
    }

    /// The times that are over during which an identifier was held, and their names, in the order in which they ended.
    borrowing func formerHolders(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> [(name: FormerHolderKey, holding: Holding)] {
        var list: [(name: FormerHolderKey, holding: Holding)] = []
        try visit(Tables.formerHolders, prefix: FormerHolderKey.prefix(identifier, in: organization)) {
            (key, value) throws(VaultError) in
            let holding = try Holding(key: key, sealed: value)
            let sequence = try FormerHolderKey.identifier(key).sequence
            let name = FormerHolderKey(identifier: identifier, identity: holding.identity, sequence: sequence)
            list.append((name, holding))
            return .next
        }
        return list
    }

    /// Since when an identity holds what it holds.
    borrowing func holding(
        _ held: HeldIdentifier, by identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> Holding {
        var from = held.firstSeen
        let prefix = FormerHolderKey.prefix(held.identifier, in: organization)
        try visit(Tables.formerHolders, prefix: prefix, order: .descending) { (key, value) throws(VaultError) in
            if let until = try Holding(key: key, sealed: value).until { from = max(from, until) }
            return .stop
        }
        return Holding(identifier: held.identifier, identity: identity, state: held.state, from: from, until: nil)
    }

    /// All times during which an identifier was held, under whatever spelling, oldest first, the present one last.
    borrowing func holdings(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> [Holding] {
        var list = try formerHoldings(of: identifier, in: organization)
        for variant in identifier.variants {
            list += try formerHoldings(of: variant, in: organization)
            list.sort { $0.from < $1.from }
        }
        if let (identifier, entry) = try knownEntry(of: identifier, in: organization), entry.holder != .nobody {
            let identity = try holder(entry.holder, in: organization)
            if let held = identity.identifiers.first(where: { $0.identifier == identifier }) {
                list.append(try holding(held, by: identity.id, in: organization))
            }
        }
        return list
    }

    /// All times during which an identity held identifiers: what it holds now, then what is over.
    borrowing func holdings(
        by identity: Identity, in organization: OrganizationNumber
    ) throws(VaultError) -> [Holding] {
        try identity.identifiers.map { held throws(VaultError) in
            try holding(held, by: identity.id, in: organization)
        } + formerHoldings(by: identity.id, in: organization)
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Keeps the time during which an identity held an identifier that it holds no longer, or in another state; one of
    /// no length where the clock has gone back behind its beginning. To be called before the event that says so.
    mutating func end(
        _ held: HeldIdentifier, of identity: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        let present = try holding(held, by: identity, in: scope.organization)
        let name = FormerHolderKey(
            identifier: held.identifier, identity: identity, sequence: scope.ledger.sequence + 1)
        let past = Holding(
            identifier: held.identifier, identity: identity, state: held.state, from: present.from,
            until: max(present.from, scope.now))
        try keep(past, name, scope)
    }

    /// Puts both sides of an entry.
    private mutating func keep(_ past: Holding, _ name: FormerHolderKey, _ scope: WriteScope) throws(VaultError) {
        let key = name.key(in: scope.organization)
        try put(key, past.encoded(under: key), in: Tables.formerHolders)
        try put(name.mirrored(in: scope.organization), bytes: RawSpan(), in: Tables.formerHolders)
    }

    /// Has the times during which identifiers were held under the identifiers that these are spelled as from now on.
    mutating func respellFormerHolders(
        _ spellings: [Identifier: Identifier], _ scope: WriteScope
    ) throws(VaultError) {
        // All are read first: one may get the spelling that another had.
        var moved: [(name: FormerHolderKey, holding: Holding)] = []
        for old in spellings.keys { moved += try formerHolders(of: old, in: scope.organization) }
        for (name, _) in moved { try forget(name, scope) }
        for (name, holding) in moved {
            guard let new = spellings[name.identifier] else { continue }
            try keep(
                holding, FormerHolderKey(identifier: new, identity: name.identity, sequence: name.sequence), scope)
        }
    }

    /// Forgets who held an identifier before.
    mutating func forgetFormerHolders(of identifier: Identifier, _ scope: WriteScope) throws(VaultError) {
        for (name, _) in try formerHolders(of: identifier, in: scope.organization) { try forget(name, scope) }
    }

    /// Forgets when some identities held an identifier, and when others did who had it of them by a merge. To be called
    /// with the trail finished.
    mutating func forgetFormerHolders(
        of identifier: Identifier, claimedBy identities: [UUID], _ scope: WriteScope
    ) throws(VaultError) {
        var claimant = UUID.nobody
        var heir: UUID?
        for (name, holding) in try formerHolders(of: identifier, in: scope.organization) {
            if name.identity != heir { claimant = name.identity }
            heir = try event(name.sequence, in: scope.organization)?.heir(of: name.identity, holding.state)
            if identities.contains(claimant) || identities.contains(name.identity) { try forget(name, scope) }
        }
    }

    /// Takes both sides of an entry away.
    private mutating func forget(_ name: FormerHolderKey, _ scope: WriteScope) throws(VaultError) {
        try remove(name.key(in: scope.organization), from: Tables.formerHolders)
        try remove(name.mirrored(in: scope.organization), from: Tables.formerHolders)
    }
}

extension Event {
    /// To whom an identifier goes by this event, which ended the time during which it was held in a state; nil where it
    /// is free.
    fileprivate func heir(of holder: UUID, _ state: IdentifierState) -> UUID? {
        switch action {
        case .identityMerged: other
        case .identityUnmerged: identity
        case .identifierReleased where state == .owned: nil
        default: holder
        }
    }
}
