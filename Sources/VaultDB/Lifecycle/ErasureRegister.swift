internal import Crypto
public import Foundation
internal import Storage

// The register of erasures: which ids were erased when, so that a restored backup can be brought up to date; and a
// keyed hash of what they were known by, so that the vault can warn when it comes back.

/// An erasure that was done. It names ids only.
public struct Erasure: Equatable, Sendable {
    public let identity: UUID
    /// Ids that were erased with it: they had been merged into it or, where it was replayed, it had been one person with
    /// them elsewhere.
    public let absorbed: [UUID]
    public let time: Timestamp

    public init(identity: UUID, absorbed: [UUID], time: Timestamp) {
        self.identity = identity
        self.absorbed = absorbed
        self.time = time
    }
}

/// The keys of the register.
private enum ErasureKey {
    static let erased: UInt8 = 0
    static let hashed: UInt8 = 1
    static let secret: UInt8 = 2

    static func erasures(in organization: OrganizationNumber) -> Key { prefix(erased, organization) }
    static func hashes(in organization: OrganizationNumber) -> Key { prefix(hashed, organization) }
    /// Of the key that the hashes are made with.
    static func secret(in organization: OrganizationNumber) -> Key { prefix(secret, organization) }

    static func erasure(of identity: UUID, in organization: OrganizationNumber) -> Key {
        var key = erasures(in: organization)
        key.append(identity)
        return key
    }

    static func hash(
        of identifier: Identifier, _ secret: SymmetricKey, in organization: OrganizationNumber
    ) -> Key {
        var code = HMAC<SHA256>(key: secret)
        code.update(data: [identifier.kind.rawValue])
        code.update(data: Array(identifier.text.utf8))
        var key = hashes(in: organization)
        key.append(Array(code.finalize()).prefix(16))
        return key
    }

    private static func prefix(_ part: UInt8, _ organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(part)
        return key
    }
}

extension Erasure {
    private static let version: UInt8 = 1

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.time(time)
        writer.list(absorbed) { $0.id($1) }
        return writer.sealed(under: key)
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        guard key.byteCount == 21 else { throw .corrupted("an erasure's key has \(key.byteCount) bytes") }
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        identity = key.id(at: 5)
        time = try reader.time()
        absorbed = try reader.ids()
    }
}

extension Erasure {
    /// An entry of the register's table; nil where it is a hash or the key of the hashes, which are read too.
    static func read(key: RawSpan, _ value: RawSpan) throws(VaultError) -> Erasure? {
        switch (key.byteCount > 4 ? key.unsafeLoad(fromByteOffset: 4, as: UInt8.self) : .max, key.byteCount) {
        case (ErasureKey.erased, 21): return try Erasure(key: key, sealed: value)
        case (ErasureKey.hashed, 21) where value.byteCount == 0: return nil
        case (ErasureKey.secret, 5):
            _ = try ErasureSecret.decoded(value, under: key)
            return nil
        default: throw .corrupted("an entry of the erasures is of an unknown sort")
        }
    }
}

/// The key that an organization's hashes are made with.
private enum ErasureSecret {
    static let version: UInt8 = 1
    static let bytes = 32

    static func encoded(_ secret: SymmetricKey, under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: version)
        secret.withUnsafeBytes { writer.blob(RawSpan(_unsafeBytes: $0)) }
        return writer.sealed(under: key)
    }

    static func decoded(_ bytes: RawSpan, under key: RawSpan) throws(VaultError) -> SymmetricKey {
        var reader = try ByteReader(sealed: bytes, under: key, format: version)
        return SymmetricKey(data: try reader.blob(Self.bytes))
    }
}

extension ReadTransaction where Self: ~Copyable {
    fileprivate borrowing func erasureSecret(in organization: OrganizationNumber) throws(VaultError) -> SymmetricKey? {
        let key = ErasureKey.secret(in: organization)
        guard let bytes = try value(key, in: Tables.erasures) else { return nil }
        return try ErasureSecret.decoded(bytes, under: key.bytes)
    }

    /// Whether any of these identifiers had belonged to somebody who was erased, under whatever spelling.
    borrowing func wereErased(
        _ identifiers: [Identifier], in organization: OrganizationNumber
    ) throws(VaultError) -> Bool {
        guard !identifiers.isEmpty, let secret = try erasureSecret(in: organization) else { return false }
        for identifier in identifiers.flatMap({ [$0] + $0.variants }) {
            let key = ErasureKey.hash(of: identifier, secret, in: organization)
            if try value(key, in: Tables.erasures) != nil { return true }
        }
        return false
    }

    borrowing func isErasureRegistered(
        of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> Bool {
        try value(ErasureKey.erasure(of: identity, in: organization), in: Tables.erasures) != nil
    }

    /// The erasures of an organization, in the order of their ids, after `cursor` where one is given.
    borrowing func erasures(
        after cursor: UUID?, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Erasure] {
        var list: [Erasure] = []
        guard limit > 0 else { return list }
        let start = cursor.map { ErasureKey.erasure(of: $0, in: organization) } ?? Key()
        try visit(Tables.erasures, prefix: ErasureKey.erasures(in: organization), from: start) {
            (key, value) throws(VaultError) in
            let erasure = try Erasure(key: key, sealed: value)
            if erasure.identity != cursor { list.append(erasure) }
            return list.count < limit ? .next : .stop
        }
        return list
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Enters an erasure, and hashes what is about to be forgotten.
    mutating func remember(
        _ erasure: Erasure, of identity: Identity, _ scope: WriteScope
    ) throws(VaultError) {
        let key = ErasureKey.erasure(of: identity.id, in: scope.organization)
        try put(key, erasure.encoded(under: key), in: Tables.erasures)
        let secret = try ownErasureSecret(scope)
        for held in identity.identifiers {
            let key = ErasureKey.hash(of: held.identifier, secret, in: scope.organization)
            try put(key, bytes: RawSpan(), in: Tables.erasures)
        }
    }

    private mutating func ownErasureSecret(_ scope: WriteScope) throws(VaultError) -> SymmetricKey {
        if let known = try erasureSecret(in: scope.organization) { return known }
        let fresh = SymmetricKey(size: .bits256)
        let key = ErasureKey.secret(in: scope.organization)
        try put(key, ErasureSecret.encoded(fresh, under: key), in: Tables.erasures)
        return fresh
    }

    /// Deletes the key of the hashes and the hashes: nothing tells any more that an identifier was erased.
    /// - Returns: how many hashes there were.
    mutating func forgetErasures(_ scope: inout WriteScope) throws(VaultError) -> Int {
        givesBack = true
        var hashes: [[UInt8]] = []
        try visit(Tables.erasures, prefix: ErasureKey.hashes(in: scope.organization)) { (key, _) throws(VaultError) in
            hashes.append([UInt8](copying: key))
            return .next
        }
        for bytes in hashes {
            var key = Key()
            key.append(bytes)
            try remove(key, from: Tables.erasures)
        }
        let had = try remove(ErasureKey.secret(in: scope.organization), from: Tables.erasures)
        if had { try append(Event(.erasuresForgotten, at: scope.now, actor: scope.actor), &scope) }
        return hashes.count
    }
}
