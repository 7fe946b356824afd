internal import Foundation
internal import Storage

// The index of names: an entry for each word of each identity's names. Its value repeats all words of that identity, so
// that a search of several words needs no other look to know whether an entry's identity has them all.

/// Changes of names that a write operation has made and the index does not say yet. An import makes many of them; in the
/// order of their keys they cost a fraction.
struct NameChanges {
    /// The words of an identity before a change and after it, as places in `encoded`.
    private struct Change {
        let id: UUID
        var before: Range<Int>
        let after: Range<Int>
    }

    private var changes: [Change] = []
    /// The words of all of them, as entries of the index hold them.
    private var encoded: [UInt8] = []

    mutating func note(from before: Identity, to after: Identity) {
        if before.displayName == after.displayName, before.aliases == after.aliases { return }
        note(from: NameTokens(of: before), to: NameTokens(of: after), of: after.id)
    }

    /// Somebody new, who has one name.
    /// - Parameter tokens: of that name.
    mutating func note(_ tokens: NameTokens, of id: UUID) { note(from: .none, to: tokens, of: id) }

    private mutating func note(from before: NameTokens, to after: NameTokens, of id: UUID) {
        changes.append(Change(id: id, before: place(of: before), after: place(of: after)))
    }

    private mutating func place(of tokens: NameTokens) -> Range<Int> {
        let start = encoded.count
        encoded += tokens.encoded
        return start..<encoded.count
    }

    /// Visits the words that the change noted last puts.
    fileprivate func forEachWordOfLast(_ visit: (_ word: RawSpan, _ id: UUID) -> Void) {
        guard let last = changes.last else { return }
        NameTokens.forEachWord(in: encoded.span.bytes.extracting(last.after)) { word, _ in visit(word, last.id) }
    }

    /// In the order of their ids, those of one identity as one, from the words before the first to those after the last.
    private var joined: [Change] {
        // As they come where people are new.
        if zip(changes, changes.dropFirst()).allSatisfy({ $0.id.isBefore($1.id) }) { return changes }
        let order = changes.indices.sorted { a, b in
            changes[a].id == changes[b].id ? a < b : changes[a].id.isBefore(changes[b].id)
        }
        var joined: [Change] = []
        joined.reserveCapacity(changes.count)
        for index in order {
            var change = changes[index]
            if joined.last?.id == change.id, let earlier = joined.popLast() { change.before = earlier.before }
            joined.append(change)
        }
        return joined
    }

    /// Visits the keys that are to be put or, without a value, removed, in their order.
    func forEachEntry(
        _ visit: (_ word: RawSpan, _ id: UUID, _ value: RawSpan?) throws(VaultError) -> Void
    ) throws(VaultError) {
        let changes = joined
        let bytes = encoded.span.bytes
        var entries: [Entry] = []
        entries.reserveCapacity(changes.count * 3)
        for (index, change) in changes.enumerated() {
            let (before, after) = (bytes.extracting(change.before), bytes.extracting(change.after))
            if before.equals(after) { continue }
            NameTokens.forEachWord(in: before) { word, place in
                if NameTokens.contains(word, in: after) { return }
                entries.append(Entry(word, place, in: change.before, of: index, isPut: false))
            }
            // All words stand in each value, so where one of them changes every entry does.
            NameTokens.forEachWord(in: after) { word, place in
                entries.append(Entry(word, place, in: change.after, of: index, isPut: true))
            }
        }
        entries.sort { a, b in
            if a.head != b.head { return a.head < b.head }
            if a.next != b.next { return a.next < b.next }
            // A word has no zero byte, so those that are short enough are equal here.
            if a.isLong || b.isLong {
                let (one, other) = (encoded[a.place], encoded[b.place])
                if one != other { return one.lexicographicallyPrecedes(other) }
            }
            return a.change < b.change
        }
        for entry in entries {
            let change = changes[entry.change]
            try visit(bytes.extracting(entry.place), change.id, entry.isPut ? bytes.extracting(change.after) : nil)
        }
    }

    /// What sorts like a key, for changes that are in the order of their ids.
    private struct Entry {
        /// The first sixteen bytes of the word, with zeros behind it.
        let head: UInt64
        let next: UInt64
        private let changeNumber: UInt32
        /// Where the word stands.
        private let start: UInt32
        private let count: UInt16
        let isPut: Bool

        /// - Parameters:
        ///   - place: the word's among those of its change.
        ///   - words: where these stand.
        init(_ word: RawSpan, _ place: Range<Int>, in words: Range<Int>, of change: Int, isPut: Bool) {
            head = Self.bytes(of: word, from: 0)
            next = Self.bytes(of: word, from: 8)
            changeNumber = UInt32(change)
            start = UInt32(words.lowerBound + place.lowerBound)
            count = UInt16(place.count)
            self.isPut = isPut
        }

        var change: Int { Int(changeNumber) }
        var place: Range<Int> { Int(start)..<Int(start) + Int(count) }
        var isLong: Bool { count > 16 }

        private static func bytes(of word: RawSpan, from offset: Int) -> UInt64 {
            if offset + 8 <= word.byteCount {
                return UInt64(bigEndian: word.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            var bytes: UInt64 = 0
            for place in offset..<offset + 8 {
                bytes = bytes << 8
                if place < word.byteCount { bytes |= UInt64(word.unsafeLoad(fromByteOffset: place, as: UInt8.self)) }
            }
            return bytes
        }
    }
}

extension UUID {
    /// As keys sort.
    fileprivate func isBefore(_ other: UUID) -> Bool { (high, low) < (other.high, other.low) }
}

extension WriteTransaction where Self: ~Copyable {
    /// Tells of the entries that the change noted last will put.
    borrowing func expectNames(of changes: borrowing NameChanges, in organization: OrganizationNumber) {
        changes.forEachWordOfLast { word, id in
            expectPut(Key.name(word, of: id, in: organization).bytes, in: Tables.byName)
        }
    }

    /// Makes the index say what names are now. Belongs into the transaction that changed them.
    mutating func put(_ changes: NameChanges, in organization: OrganizationNumber) throws(VaultError) {
        try changes.forEachEntry { (word, id, value) throws(VaultError) in
            let key = Key.name(word, of: id, in: organization)
            if let value {
                try put(key, bytes: value, in: Tables.byName)
            } else {
                try remove(key, from: Tables.byName)
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
