public import Foundation
internal import Storage

/// Walking an organization's identities and identifiers, a page at a time.
extension Organization {
    public enum ScanKind: String, Sendable, CaseIterable { case identity, email, phone }

    /// One page of a walk.
    public struct ScanPage: Equatable, Sendable {
        public struct Entry: Equatable, Sendable {
            /// The email or the phone; nil in a walk over identities.
            public let identifier: String?
            /// Nil where nobody holds the identifier.
            public let identity: UUID?
        }

        public let entries: [Entry]
        /// Where the walk goes on; nil at its end.
        public let next: [UInt8]?
    }

    /// The entries after `cursor` in the order of their keys. An entry that is there during the whole walk is seen
    /// exactly once, whatever is written meanwhile. Identities that were merged into others are passed over.
    /// - Parameters:
    ///   - cursor: the `next` of the page before; nil to begin.
    ///   - limit: the entries to look at, 1 to `Limits.scanEntriesMax`.
    public func scan(
        _ kind: ScanKind, prefix: String = "", after cursor: [UInt8]? = nil, limit: Int
    ) throws(VaultError) -> ScanPage {
        try Self.validate(limit: limit)
        let prefix = try KeyPrefix(prefix, kind)
        if let cursor {
            guard cursor.starts(with: prefix.bytes), prefix.covers(cursor.span.bytes, from: prefix.bytes.count),
                cursor.count <= Limits.typedKeyBytesMax - 5
            else { throw .invalid("the cursor is of another walk", advice: "begin again with cursor 0") }
        }
        let page = try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.page(kind, prefix, after: cursor, limit: limit, in: number)
        }
        return page ?? ScanPage(entries: [], next: nil)
    }
}

extension KeyPrefix {
    fileprivate init(_ text: String, _ kind: Organization.ScanKind) throws(VaultError) {
        guard kind == .identity else {
            self.init(Array(text.utf8.prefix(Limits.typedKeyBytesMax - 5)))
            return
        }
        guard let prefix = KeyPrefix(id: text) else { throw .invalid("the prefix of an id is hexadecimal digits") }
        self = prefix
    }
}

extension Organization.ScanKind {
    fileprivate var table: Table {
        switch self {
        case .identity: Tables.identities
        case .email: Tables.byEmail
        case .phone: Tables.byPhone
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    fileprivate borrowing func page(
        _ kind: Organization.ScanKind, _ scanned: KeyPrefix, after cursor: [UInt8]?, limit: Int,
        in organization: OrganizationNumber
    ) throws(VaultError) -> Organization.ScanPage {
        var prefix = Key(organization)
        prefix.append(scanned.bytes)
        var start = Key(organization)
        start.append(cursor.map { $0 + [0] } ?? scanned.first)
        var entries: [Organization.ScanPage.Entry] = []
        var (looked, last): (Int, [UInt8]?) = (0, nil)
        try visit(kind.table, prefix: prefix, from: start) { (key, value) throws(VaultError) in
            let rest = key.extracting(droppingFirst: 4)
            guard looked < limit, scanned.covers(rest, from: scanned.bytes.count) else { return .stop }
            looked += 1
            if looked == limit { last = [UInt8](copying: rest) }
            if kind == .identity {
                guard rest.byteCount == 16 else { throw .corrupted("an identity's key has \(key.byteCount) bytes") }
                guard try IdentityView(value).isLiving else { return .next }
                entries.append(.init(identifier: nil, identity: rest.id(at: 0)))
            } else {
                let holder = try IndexEntry(value).holder
                entries.append(.init(identifier: String(copyingUTF8: rest), identity: holder == .nobody ? nil : holder))
            }
            return .next
        }
        return Organization.ScanPage(entries: entries, next: last)
    }
}
