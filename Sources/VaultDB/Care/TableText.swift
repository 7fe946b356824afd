internal import Foundation
internal import Storage

/// Keys as people read and type them: what `keys` prints is what `get` takes.
enum TableText {
    /// Tables whose keys start with an organization.
    static func isPerOrganization(_ table: Table) -> Bool {
        table != Tables.meta && table != Tables.organizations && table != Tables.tokens
    }

    // MARK: Printing

    /// The key in words, without its organization.
    static func text(of key: RawSpan, in table: Table) throws(VaultError) -> String {
        guard isPerOrganization(table) else {
            return table == Tables.organizations ? try id(key, at: 0).text : String(copyingUTF8: key)
        }
        guard key.byteCount >= 4 else { throw .corrupted("a key of \(table.name) is cut short") }
        let rest = key.extracting(droppingFirst: 4)
        switch table {
        case Tables.ledgers: return "ledger"
        case Tables.identities: return try id(key, at: 4).text
        case Tables.byName:
            let name = try NameKey(key)
            return "\(String(copyingUTF8: name.word))/\(name.id.text)"
        case Tables.records: return try recordText(rest)
        case Tables.timeline:
            let place = try TimelineKey(key)
            return "\(place.identity.text)/\(place.time)/\(place.kind)/\(place.id)"
        case Tables.merges: return try id(key, at: 4).text
        case Tables.erasures, Tables.formerHolders: return [UInt8](copying: rest).hex
        case Tables.conflicts:
            let pair = try ConflictKey(key)
            return "\(pair.one.text)/\(pair.other.text)/\(pair.identifier.kind)/\(pair.identifier.text)"
        case Tables.audit: return String(try long(key, at: 4))
        case Tables.idempotency: return [UInt8](copying: rest).hex
        default: return String(copyingUTF8: rest)
        }
    }

    private static func recordText(_ bytes: RawSpan) throws(VaultError) -> String {
        let key = try RecordKey(bytes)
        return "\(key.kind)/\(key.id)"
    }

    private static func id(_ key: RawSpan, at offset: Int) throws(VaultError) -> UUID {
        guard key.byteCount >= offset + 16 else { throw .corrupted("a key is cut short") }
        return key.id(at: offset)
    }

    private static func long(_ key: RawSpan, at offset: Int) throws(VaultError) -> UInt64 {
        guard key.byteCount >= offset + 8 else { throw .corrupted("a key is cut short") }
        return UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    // MARK: Reading

    /// A typed key, or the beginning of one, after its organization. The numbers of events are whole.
    static func prefix(_ text: String, in table: Table) throws(VaultError) -> KeyPrefix {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch table {
        case Tables.ledgers: return KeyPrefix("ledger".hasPrefix(text) ? [] : Array(text.utf8))
        case Tables.organizations, Tables.identities, Tables.merges: return try idPrefix(text)
        case Tables.byName: return try namePrefix(parts)
        case Tables.records: return KeyPrefix(recordBytes(parts))
        case Tables.timeline: return try timelinePrefix(parts)
        case Tables.conflicts: return try conflictPrefix(parts)
        case Tables.audit:
            guard !text.isEmpty else { return KeyPrefix([]) }
            guard let sequence = UInt64(text) else { throw unreadable(table, "a whole sequence number such as 42") }
            return KeyPrefix(bigEndian(sequence))
        case Tables.idempotency, Tables.erasures, Tables.formerHolders:
            guard let prefix = KeyPrefix(hex: text) else { throw unreadable(table, "hexadecimal digits") }
            return prefix
        default: return KeyPrefix(Array(text.utf8))
        }
    }

    /// A whole id, or the beginning of one.
    private static func idPrefix(_ text: String) throws(VaultError) -> KeyPrefix {
        guard let prefix = KeyPrefix(id: text) else {
            throw .invalid("that is no id nor the beginning of one", advice: "an id is 32 hexadecimal digits")
        }
        return prefix
    }

    /// A word, or the beginning of one; with a slash, the whole word and an id or the beginning of one.
    private static func namePrefix(_ parts: [String]) throws(VaultError) -> KeyPrefix {
        let word = Array(parts[0].utf8)
        if parts.count == 1 { return KeyPrefix(word) }
        return try idPrefix(parts[1...].joined(separator: "/")).behind(word + [0])
    }

    private static func recordBytes(_ parts: [String]) -> [UInt8] {
        guard parts.count > 1 else { return Array((parts.first ?? "").utf8) }
        return Array(parts[0].utf8) + [0] + Array(parts[1...].joined(separator: "/").utf8)
    }

    private static func timelinePrefix(_ parts: [String]) throws(VaultError) -> KeyPrefix {
        let id = try idPrefix(parts[0])
        guard parts.count > 1, id.bytes.count == 16, !parts[1].isEmpty else { return id }
        guard let time = Timestamp(iso8601: parts[1]) else {
            throw unreadable(Tables.timeline, "a time such as 2025-01-31T09:00:00Z behind the id")
        }
        let bytes = id.bytes + bigEndian(UInt64(bitPattern: time.microseconds))
        return KeyPrefix(parts.count > 2 ? bytes + recordBytes(Array(parts[2...])) : bytes)
    }

    private static func conflictPrefix(_ parts: [String]) throws(VaultError) -> KeyPrefix {
        let first = try idPrefix(parts[0])
        guard parts.count > 1, first.bytes.count == 16 else { return first }
        let pair = try idPrefix(parts[1]).behind(first.bytes)
        guard parts.count > 2, pair.bytes.count == 32 else { return pair }
        guard let kind = IdentifierKind(name: parts[2]) else {
            throw unreadable(Tables.conflicts, "email, phone or external behind the ids")
        }
        return KeyPrefix(pair.bytes + [kind.rawValue] + Array(parts[3...].joined(separator: "/").utf8))
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - $0 * 8)) }
    }

    private static func unreadable(_ table: Table, _ expected: String) -> VaultError {
        .invalid("that is no key of \(table.name)", advice: "give \(expected)")
    }
}

extension Vault {
    /// Whether the keys of the table with this name start with an organization; not where there is no such table.
    package static func isPerOrganization(_ table: String) -> Bool {
        Tables.all.contains { $0.name == table && TableText.isPerOrganization($0) }
    }
}
