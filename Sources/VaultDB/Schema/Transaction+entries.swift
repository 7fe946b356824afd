internal import Foundation
internal import Storage

/// The seam in the library's own error type, and the few entries that everything is built from.
extension ReadTransaction where Self: ~Copyable {
    @_lifetime(borrow self)
    @inline(__always)
    borrowing func value(_ key: borrowing Key, in table: Table) throws(VaultError) -> RawSpan? {
        do throws(StorageError) {
            return try get(key.bytes, from: table)
        } catch {
            throw VaultError(storage: error)
        }
    }

    /// Lends the value of a key to `body`; it may be a copy.
    @inline(__always)
    borrowing func withValue<Answer>(
        _ key: borrowing Key, in table: Table, _ body: (RawSpan) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer? {
        try withValue(of: key.bytes, in: table, body)
    }

    /// Visits the entries under `prefix`, from `start` on where it is given.
    borrowing func visit(
        _ table: Table, prefix: borrowing Key, from start: borrowing Key = Key(), order: ScanOrder = .ascending,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(VaultError) -> ScanStep
    ) throws(VaultError) {
        try scan(table, prefix: prefix.bytes, from: start.bytes, order: order, body)
    }

    /// What the index says of an identifier; nil where it says nothing.
    @inline(__always)
    borrowing func entry(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> IndexEntry? {
        let key = Key.index(identifier, in: organization)
        return try withValue(key, in: identifier.kind.table) { (bytes) throws(VaultError) in try IndexEntry(bytes) }
    }

    /// The identity with this id, merged or not.
    borrowing func identity(_ id: UUID, in organization: OrganizationNumber) throws(VaultError) -> Identity? {
        let key = Key.identity(id, in: organization)
        guard let bytes = try value(key, in: Tables.identities) else { return nil }
        return try Identity(id: id, sealed: bytes, under: key.bytes)
    }

    /// The identity that an index entry names, which must be there and not be merged.
    borrowing func holder(_ id: UUID, in organization: OrganizationNumber) throws(VaultError) -> Identity {
        guard let identity = try identity(id, in: organization), identity.isLiving else {
            throw .corrupted("an index entry names an identity that is not there")
        }
        return identity
    }

    /// The identity that an id stands for today, at the end of a redirect.
    /// - Throws: `notFound` where the id was never given out, `erased` where its identity was erased.
    borrowing func living(_ id: UUID, in organization: OrganizationNumber) throws(VaultError) -> FoundIdentity {
        guard let asked = try identity(id, in: organization) else { throw .unknownIdentity(id) }
        let found =
            try asked.mergedWith.map { survivor throws(VaultError) in
                guard let identity = try identity(survivor, in: organization), !identity.isMerged else {
                    throw .corrupted("a merged identity redirects to one that is not there")
                }
                return identity
            } ?? asked
        if found.isErased { throw .erased(id) }
        return FoundIdentity(identity: found, redirectedFrom: asked.isMerged ? id : nil)
    }
}

extension WriteTransaction where Self: ~Copyable {
    mutating func put(_ key: borrowing Key, _ value: borrowing ByteWriter, in table: Table) throws(VaultError) {
        try put(key, bytes: value.bytes, in: table)
    }

    mutating func put(_ key: borrowing Key, bytes: RawSpan, in table: Table) throws(VaultError) {
        do throws(StorageError) {
            try put(key.bytes, bytes, in: table)
        } catch {
            throw VaultError(storage: error)
        }
    }

    /// Puts a value in place of a longer one, so that the room that it leaves is given back: LMDB looks how full a page is only
    /// when an entry is taken out of it.
    mutating func shrink(_ key: borrowing Key, to value: borrowing ByteWriter, in table: Table) throws(VaultError) {
        try remove(key, from: table)
        try put(key, value, in: table)
    }

    @discardableResult
    mutating func remove(_ key: borrowing Key, from table: Table) throws(VaultError) -> Bool {
        do throws(StorageError) {
            return try delete(key.bytes, from: table)
        } catch {
            throw VaultError(storage: error)
        }
    }

    mutating func put(_ identity: Identity, in organization: OrganizationNumber) throws(VaultError) {
        let key = Key.identity(identity.id, in: organization)
        try put(key, identity.encoded(under: key), in: Tables.identities)
    }

    /// Stores what is left of an identity that was erased.
    mutating func putErased(_ identity: Identity, in organization: OrganizationNumber) throws(VaultError) {
        let key = Key.identity(identity.id, in: organization)
        try shrink(key, to: identity.encoded(under: key), in: Tables.identities)
    }

    mutating func put(
        _ entry: IndexEntry, of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) {
        // The fast path of a lookup stands on this: what is stored is what normalising it gives.
        assert((try? Identifier(stored: identifier.text, kind: identifier.kind)) == identifier)
        let bytes = entry.encoded
        try put(Key.index(identifier, in: organization), bytes: bytes.span.bytes, in: identifier.kind.table)
    }
}

extension Key {
    @inline(__always)
    static func index(_ identifier: Identifier, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(identifier)
        return key
    }

    @inline(__always)
    static func identity(_ id: UUID, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(id)
        return key
    }
}
