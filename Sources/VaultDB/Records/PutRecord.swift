public import Foundation
internal import Storage

/// What putting a record did.
public struct PutAnswer: Equatable, Sendable {
    public enum Change: String, Sendable { case created, updated, unchanged }

    public let change: Change
    /// The identity the record belongs to.
    public let identity: UUID
    /// How the identity was found; nil where the record was there already and nothing about it changed.
    public let resolution: Resolution?
}

extension Key {
    static func record(_ kind: RecordKind, _ id: String, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(kind, id)
        return key
    }

    static func timeline(_ record: Record, in organization: OrganizationNumber) -> Key {
        var key = Key.identity(record.identity, in: organization)
        key.append(record.createdAt)
        key.append(record.kind, record.id)
        return key
    }

    /// The kind ends with a zero byte, which no kind contains.
    private mutating func append(_ kind: RecordKind, _ id: String) {
        append(kind.rawValue)
        append(UInt8(0))
        append(id)
    }
}

/// The end of a record's key: its kind, a zero byte, its id.
struct RecordKey: Equatable {
    let kind: RecordKind
    let id: String
}

extension RecordKey {
    init(_ bytes: RawSpan) throws(VaultError) {
        let parts = [UInt8](copying: bytes).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = RecordKind(String(decoding: parts[0], as: UTF8.self)) else {
            throw .corrupted("a record's key has no kind")
        }
        // Bounded, so that whatever key is built of it fits.
        guard (1...Limits.recordIDBytesMax).contains(parts[1].count),
            let id = String(validating: parts[1], as: UTF8.self)
        else { throw .corrupted("a record's key has no usable id") }
        self.kind = kind
        self.id = id
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func record(
        _ kind: RecordKind, _ id: String, in organization: OrganizationNumber
    ) throws(VaultError) -> Record? {
        // No longer id was ever put, and its key would not fit.
        guard id.utf8.count <= Limits.recordIDBytesMax else { return nil }
        let key = Key.record(kind, id, in: organization)
        guard let bytes = try value(key, in: Tables.records) else { return nil }
        return try Record(kind: kind, id: id, sealed: bytes, under: key.bytes)
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Links a record to the identity that its own identifiers resolve to, in one step. A record that is there keeps
    /// its identity, and what it brings enriches that one.
    /// - Parameter query: the draft's identifiers, normalised; nil where none is usable.
    mutating func put(
        _ draft: RecordDraft, _ query: ResolveQuery?, _ scope: inout WriteScope
    ) throws(VaultError) -> PutAnswer {
        let old = try record(draft.kind, draft.id, in: scope.organization)
        if let old, old.says(draft) { return PutAnswer(change: .unchanged, identity: old.identity, resolution: nil) }

        var (resolution, identity) = try owner(of: old, query, &scope)
        let new = Record(draft, identity: identity.id, replacing: old, at: scope.now)
        try store(new, replacing: old, &scope)
        try note(
            old == nil ? .recordCreated : .recordUpdated, record: .init(kind: new.kind.rawValue, id: new.id),
            source: try draft.eventSource(query), on: &identity, &scope)
        try put(identity, in: scope.organization)
        resolution?.sequence = identity.lastSequence
        return PutAnswer(change: old == nil ? .created : .updated, identity: identity.id, resolution: resolution)
    }

    /// The identity a record belongs to, with what the record brings, not stored yet.
    private mutating func owner(
        of old: Record?, _ query: ResolveQuery?, _ scope: inout WriteScope
    ) throws(VaultError) -> (Resolution?, Identity) {
        let known = try old.map { old throws(VaultError) in try holder(old.identity, in: scope.organization) }
        guard let query else {
            guard let known else { throw .noUsableIdentifier }
            return (nil, known)
        }
        let plan = try plan(query, for: known, in: scope.organization)
        return try apply(plan, query, &scope)
    }

    private mutating func store(
        _ new: Record, replacing old: Record?, _ scope: inout WriteScope
    ) throws(VaultError) {
        let key = Key.record(new.kind, new.id, in: scope.organization)
        try put(key, new.encoded(under: key), in: Tables.records)
        if let old, old.createdAt != new.createdAt || old.identity != new.identity {
            try remove(Key.timeline(old, in: scope.organization), from: Tables.timeline)
        }
        try put(Key.timeline(new, in: scope.organization), [], in: Tables.timeline)
        if old == nil { scope.ledger.records += 1 }
    }
}

extension Record {
    init(_ draft: RecordDraft, identity: UUID, replacing old: Record?, at now: Timestamp) {
        self.init(
            kind: draft.kind, id: draft.id, identity: identity, createdAt: draft.createdAt ?? old?.createdAt ?? now,
            updatedAt: now, isActive: old?.isActive ?? true, firstName: draft.firstName, lastName: draft.lastName,
            email: draft.email, phone: draft.phone, source: draft.source, status: draft.status,
            attributes: draft.attributes)
    }

    /// Whether putting the draft would change nothing.
    fileprivate func says(_ draft: RecordDraft) -> Bool {
        Self.isSame(firstName, draft.firstName) && Self.isSame(lastName, draft.lastName)
            && Self.isSame(email, draft.email) && Self.isSame(phone, draft.phone)
            && Self.isSame(source, draft.source) && Self.isSame(status, draft.status)
            && Self.isSame(attributes, draft.attributes)
            && (draft.createdAt == nil || draft.createdAt == createdAt)
    }

    /// An empty field is stored as none.
    private static func isSame(_ stored: String?, _ given: String?) -> Bool { (stored ?? "") == (given ?? "") }
}
