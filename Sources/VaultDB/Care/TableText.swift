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

    /// The bytes of a typed key, or of the beginning of one, after its organization.
    static func bytes(of text: String, in table: Table) throws(VaultError) -> [UInt8] {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch table {
        case Tables.ledgers: return []
        case Tables.organizations, Tables.identities, Tables.merges: return try idBytes(text)
        case Tables.byName: return try nameBytes(parts)
        case Tables.records: return recordBytes(parts)
        case Tables.timeline: return try timelineBytes(parts)
        case Tables.conflicts: return try conflictBytes(parts)
        case Tables.audit:
            guard !text.isEmpty else { return [] }
            guard let sequence = UInt64(text) else { throw unreadable(text, table, "a sequence number such as 42") }
            return bigEndian(sequence)
        case Tables.idempotency, Tables.erasures, Tables.formerHolders:
            guard let bytes = [UInt8](hex: text) else { throw unreadable(text, table, "hexadecimal digits") }
            return bytes
        default: return Array(text.utf8)
        }
    }

    /// A whole id, or the beginning of one at a whole byte.
    private static func idBytes(_ text: String) throws(VaultError) -> [UInt8] {
        let digits = text.filter { $0 != "-" }
        let whole = digits.count % 2 == 0 ? digits : String(digits.dropLast())
        guard let bytes = [UInt8](hex: whole), bytes.count <= 16 else {
            throw .invalid("'\(text)' is no id nor the beginning of one", advice: "an id is 32 hexadecimal digits")
        }
        return bytes
    }

    /// A word, or the beginning of one; with a slash, the whole word and an id or the beginning of one.
    private static func nameBytes(_ parts: [String]) throws(VaultError) -> [UInt8] {
        let word = Array(parts[0].utf8)
        return parts.count == 1 ? word : word + [0] + (try idBytes(parts[1...].joined(separator: "/")))
    }

    private static func recordBytes(_ parts: [String]) -> [UInt8] {
        guard parts.count > 1 else { return Array((parts.first ?? "").utf8) }
        return Array(parts[0].utf8) + [0] + Array(parts[1...].joined(separator: "/").utf8)
    }

    private static func timelineBytes(_ parts: [String]) throws(VaultError) -> [UInt8] {
        var bytes = try idBytes(parts[0])
        guard parts.count > 1, bytes.count == 16, !parts[1].isEmpty else { return bytes }
        guard let time = Timestamp(iso8601: parts[1]) else {
            throw unreadable(parts[1], Tables.timeline, "a time such as 2025-01-31T09:00:00Z")
        }
        bytes += bigEndian(UInt64(bitPattern: time.microseconds))
        return parts.count > 2 ? bytes + recordBytes(Array(parts[2...])) : bytes
    }

    private static func conflictBytes(_ parts: [String]) throws(VaultError) -> [UInt8] {
        var bytes = try idBytes(parts[0])
        guard parts.count > 1, bytes.count == 16 else { return bytes }
        bytes += try idBytes(parts[1])
        guard parts.count > 2, bytes.count == 32 else { return bytes }
        guard let kind = IdentifierKind(name: parts[2]) else {
            throw unreadable(parts[2], Tables.conflicts, "email, phone or external")
        }
        return bytes + [kind.rawValue] + Array(parts[3...].joined(separator: "/").utf8)
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - $0 * 8)) }
    }

    private static func unreadable(_ text: String, _ table: Table, _ expected: String) -> VaultError {
        .invalid("'\(text)' is no key of \(table.name)", advice: "give \(expected)")
    }
}

extension Vault {
    /// Whether the keys of the table with this name start with an organization; not where there is no such table.
    package static func isPerOrganization(_ table: String) -> Bool {
        Tables.all.contains { $0.name == table && TableText.isPerOrganization($0) }
    }
}
