internal import Storage

/// A page of the review queue.
public struct ConflictPage: Equatable, Sendable {
    public internal(set) var conflicts: [Conflict]
    /// Where the next page starts; nil at the end.
    public internal(set) var next: ConflictCursor?
}

/// A place in the review queue. Conflicts that come and go meanwhile change nothing about where it is.
public struct ConflictCursor: Equatable, Sendable, CustomStringConvertible {
    let pair: ConflictKey

    init(_ pair: ConflictKey) { self.pair = pair }

    /// Opaque text that `init(_:)` reads back: hexadecimal digits.
    public var description: String {
        let key = pair.key(in: OrganizationNumber(0))
        return [UInt8](copying: key.bytes.extracting(droppingFirst: 4)).hex
    }

    /// - Throws: `invalidArgument` where the text is no cursor.
    public init(_ text: String) throws(VaultError) {
        guard text.utf8.count <= 2 * Limits.typedKeyBytesMax, let bytes = [UInt8](hex: text),
            let pair = try? ConflictKey(([0, 0, 0, 0] + bytes).span.bytes)
        else { throw .invalid("that is no cursor", advice: "give the one that the page before ended with") }
        self.pair = pair
    }

    /// The first key behind it.
    func start(in organization: OrganizationNumber) -> Key {
        var key = pair.key(in: organization)
        key.append(UInt8(0))
        return key
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// A page of the conflicts in a state, in the order of their pairs. It looks at a bounded number of them, so a page
    /// may hold fewer than `limit`, or none, and still have a next.
    borrowing func conflictPage(
        in state: Conflict.State, from cursor: ConflictCursor?, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> ConflictPage {
        var page = ConflictPage(conflicts: [])
        var (looked, last): (Int, ConflictKey?) = (0, nil)
        let start = cursor?.start(in: organization) ?? Key()
        try visit(Tables.conflicts, prefix: Key(organization), from: start) { (key, value) throws(VaultError) in
            guard page.conflicts.count < limit, looked < Limits.scanEntriesMax else {
                page.next = last.map(ConflictCursor.init)
                return .stop
            }
            looked += 1
            last = try ConflictKey(key)
            if value.byteCount == 0 { return .next }
            let conflict = try Conflict(key: key, sealed: value)
            if conflict.state == state { page.conflicts.append(conflict) }
            return .next
        }
        return page
    }
}
