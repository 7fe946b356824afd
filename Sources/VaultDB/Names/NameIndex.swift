internal import Foundation
internal import Storage

// The index of names: an entry for each word of each identity's names. Its value repeats all words of that identity, so
// that a search of several words needs no other look to know whether an entry's identity has them all.

/// Changes of names that a write operation has made and the index does not say yet. An import makes many of them; in the
/// order of their keys they cost a fraction.
struct NameChanges {
    /// The words of an identity before the operation, and now.
    private var changes: [UUID: (before: NameTokens, after: NameTokens)] = [:]

    mutating func note(from before: Identity, to after: Identity) {
        guard before.names != after.names else { return }
        changes[after.id, default: (NameTokens(of: before), .none)].after = NameTokens(of: after)
    }

    /// A key that is put or, with an empty value, removed.
    struct Entry {
        let word: ArraySlice<UInt8>
        let id: UUID
        let value: [UInt8]
        /// The first bytes of the word, which decide most comparisons.
        let head: UInt64
    }

    /// In the order of their keys.
    var entries: [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(changes.count * 3)
        for (id, change) in changes where change.before != change.after {
            for place in change.before.places
            where !change.after.contains(change.before.encoded.span.bytes.extracting(place)) {
                entries.append(Entry(change.before.encoded[place], id, []))
            }
            // All words stand in each value, so where one of them changes every entry does.
            for place in change.after.places {
                entries.append(Entry(change.after.encoded[place], id, change.after.encoded))
            }
        }
        entries.sort()
        return entries
    }
}

extension NameChanges.Entry: Comparable {
    init(_ word: ArraySlice<UInt8>, _ id: UUID, _ value: [UInt8]) {
        self.word = word
        self.id = id
        self.value = value
        head = (0..<8).reduce(0) { $0 << 8 | UInt64($1 < word.count ? word[word.startIndex + $1] : 0) }
    }

    static func < (a: Self, b: Self) -> Bool {
        if a.head != b.head { return a.head < b.head }
        if a.word != b.word { return a.word.lexicographicallyPrecedes(b.word) }
        return (a.id.high, a.id.low) < (b.id.high, b.id.low)
    }

    static func == (a: Self, b: Self) -> Bool { a.id == b.id && a.word == b.word }
}

extension WriteTransaction where Self: ~Copyable {
    /// Makes the index say what names are now. Belongs into the transaction that changed them.
    mutating func put(_ changes: NameChanges, in organization: OrganizationNumber) throws(VaultError) {
        for entry in changes.entries {
            let key = Key.name(entry.word.span.bytes, of: entry.id, in: organization)
            if entry.value.isEmpty {
                try remove(key, from: Tables.byName)
            } else {
                try put(key, entry.value, in: Tables.byName)
            }
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
            var changes = NameChanges()
            for identity in identities {
                changes.note(from: Identity(id: identity.id, createdAt: identity.createdAt), to: identity)
            }
            try put(changes, in: organization)
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
