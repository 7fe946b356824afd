internal import Foundation
internal import Storage

/// Values decoded for people, table by table. A value that can't be decoded is shown as its fault and its bytes.
enum TableValue {
    static func json(key: RawSpan, value: RawSpan, in table: Table) -> JSONValue {
        do throws(VaultError) {
            return try decoded(key: key, value: value, in: table)
        } catch {
            return ["fault": .string(error.message), "bytes": .string([UInt8](copying: value).hex)]
        }
    }

    private static func decoded(key: RawSpan, value: RawSpan, in table: Table) throws(VaultError) -> JSONValue {
        switch table {
        case Tables.meta:
            let meta = try Meta(value)
            return [
                "format": JSONValue(Meta.formatVersion), "created_at": JSONValue(meta.createdAt),
                "bytes_max": JSONValue(meta.bytesMax), "region": .string(meta.region.code),
                "normalizer": .string(meta.normalizer),
            ]
        case Tables.organizations:
            let record = try OrganizationRecord(value, under: key)
            return [
                "number": JSONValue(record.number.rawValue), "created_at": JSONValue(record.createdAt),
                "region": JSONValue(record.region?.code),
            ]
        case Tables.ledgers: return try Ledger(sealed: value, under: key).json
        case Tables.identities: return try identity(key, value)
        case Tables.byEmail, Tables.byPhone, Tables.byExternal:
            let entry = try IndexEntry(value)
            return [
                "state": .string(entry.state.description),
                "identity_id": entry.holder == .nobody ? nil : .string(entry.holder.text),
            ]
        case Tables.byName: return try words(value)
        case Tables.records:
            let place = try RecordPlace(value)
            return ["identity_id": .string(place.identity.text), "created_at": JSONValue(place.time)]
        case Tables.timeline: return try Record(key: key, sealed: value).json
        case Tables.conflicts: return value.byteCount == 0 ? [:] : try Conflict(key: key, sealed: value).json
        case Tables.audit: return ["events": .array(try AuditEntry.events(key: key, value).map(\.json))]
        case Tables.idempotency: return try firstAnswer(key, value)
        case Tables.merges: return try MergeJournal(key: key, sealed: value).summary.json
        case Tables.erasures: return try erasure(key, value)
        case Tables.formerHolders:
            return value.byteCount == 0 ? [:] : try Holding(key: key, sealed: value).json
        case Tables.tokens: return try AccessToken(key: key, sealed: value).json
        default: return [:]
        }
    }

    private static func firstAnswer(_ key: RawSpan, _ value: RawSpan) throws(VaultError) -> JSONValue {
        switch try IdempotencyKey.entry(key) {
        case .answer: return try StoredAnswer.decoded(value, under: key).answer.json
        case .age: return ["sequence": JSONValue(try IdempotencyKey.sequence(ofAge: value))]
        case .naming: return [:]
        }
    }

    private static func identity(_ key: RawSpan, _ value: RawSpan) throws(VaultError) -> JSONValue {
        guard key.byteCount == 20 else { throw .corrupted("an identity's key has \(key.byteCount) bytes") }
        let identity = try Identity(id: key.id(at: 4), sealed: value, under: key)
        return identity.json.adding([
            "last_sequence": JSONValue(identity.lastSequence),
            "identifiers": .array(identity.identifiers.map(\.json)),
        ])
    }

    /// The secret is not shown.
    private static func erasure(_ key: RawSpan, _ value: RawSpan) throws(VaultError) -> JSONValue {
        try Erasure.read(key: key, value)?.json ?? [:]
    }

    private static func words(_ value: RawSpan) throws(VaultError) -> JSONValue {
        var reader = try NameTokenReader(value: value)
        var words: [JSONValue] = []
        while let word = reader.next() { words.append(.string(String(copyingUTF8: word))) }
        return ["words": .array(words)]
    }
}
