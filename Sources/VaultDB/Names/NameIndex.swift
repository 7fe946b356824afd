internal import Foundation
internal import Storage

// The index of names: an entry for each word of each identity's names. Its value repeats all words of that identity, so
// that a search of several words needs no other look to know whether an entry's identity has them all.

extension WriteTransaction where Self: ~Copyable {
    /// Makes the index say of an identity what its names are now. Belongs into the transaction that changes them.
    mutating func updateNames(
        from before: Identity, to after: Identity, in organization: OrganizationNumber
    ) throws(VaultError) {
        guard before.names != after.names else { return }
        try updateNames(of: after.id, from: NameTokens(of: before), to: NameTokens(of: after), in: organization)
    }

    /// The same with the words at hand.
    mutating func updateNames(
        of id: UUID, from before: NameTokens, to after: NameTokens, in organization: OrganizationNumber
    ) throws(VaultError) {
        guard before != after else { return }
        var old = NameTokenReader(words: before.words)
        while let word = old.next() {
            if !after.contains(word) { try remove(Key.name(word, of: id, in: organization), from: Tables.byName) }
        }
        // All words stand in each value, so where one of them changes every entry does.
        var new = NameTokenReader(words: after.words)
        while let word = new.next() {
            try put(
                Key.name(word, of: id, in: organization), bytes: after.encoded.span.bytes, in: Tables.byName)
        }
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Makes the index of an organization anew: for a file from before there was one, or when folding has changed.
    mutating func rebuildNames(in organization: OrganizationNumber) throws(VaultError) {
        while true {
            let old = try keys(of: Tables.byName, atMost: Self.rebuildChunk, in: organization)
            for bytes in old {
                var key = Key()
                key.append(bytes.span.bytes)
                try remove(key, from: Tables.byName)
            }
            if old.count < Self.rebuildChunk { break }
        }
        var last: UUID?
        while true {
            let identities = try identities(after: last, atMost: Self.rebuildChunk, in: organization)
            for identity in identities {
                try updateNames(of: identity.id, from: .none, to: NameTokens(of: identity), in: organization)
            }
            guard identities.count == Self.rebuildChunk else { return }
            last = identities.last?.id
        }
    }

    /// Entries that are held in memory at a time.
    private static var rebuildChunk: Int { 1_024 }

    private borrowing func keys(
        of table: Table, atMost count: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        try visit(table, prefix: Key(organization)) { (key, _) throws(VaultError) in
            keys.append([UInt8](copying: key))
            return keys.count < count ? .next : .stop
        }
        return keys
    }

    private borrowing func identities(
        after last: UUID?, atMost count: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Identity] {
        var identities: [Identity] = []
        var start = Key()
        if let last {
            start.append(organization.rawValue)
            start.append(last)
        }
        try visit(Tables.identities, prefix: Key(organization), from: start) { (key, value) throws(VaultError) in
            guard key.byteCount == 20 else { throw .corrupted("an identity's key has \(key.byteCount) bytes") }
            let id = key.id(at: 4)
            if id == last { return .next }
            identities.append(try Identity(id: id, sealed: value, under: key))
            return identities.count < count ? .next : .stop
        }
        return identities
    }
}

extension Key {
    /// The zero byte ends the word, so that a whole word comes before those that start with it.
    static func name(_ word: RawSpan, of id: UUID, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(word)
        key.append(0 as UInt8)
        key.append(id)
        return key
    }
}

/// The key of an entry, taken apart.
struct NameKey: ~Escapable {
    let word: RawSpan
    let id: UUID

    @_lifetime(copy key)
    init(_ key: RawSpan) throws(VaultError) {
        let end = key.byteCount - 17
        guard end > 4, key.unsafeLoad(fromByteOffset: end, as: UInt8.self) == 0 else {
            throw .corrupted("the key of a name is cut short")
        }
        word = key.extracting(4..<end)
        id = key.id(at: end + 1)
    }
}
