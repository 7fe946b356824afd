public import Foundation
internal import Storage

/// What putting a record did.
public struct PutAnswer: Equatable, Sendable {
    public enum Change: String, Sendable, CaseIterable { case created, updated, unchanged, moved }

    public let change: Change
    public let kind: RecordKind
    public let id: String
    /// The identity the record belongs to.
    public let identity: UUID
    /// How the identity was found; nil where nothing that was given had to be resolved.
    public internal(set) var resolution: Resolution?
    /// Leads of the identity that became converted: because this is its first patient, or the lead came to a patient.
    public let converted: [String]
    /// What was given and not used.
    public internal(set) var warnings: [Resolution.Warning] = []

    /// Tells what was given and not used, also where nothing had to be resolved.
    /// - Parameter query: the draft's identifiers, normalised; nil where none is usable.
    mutating func warn(of draft: RecordDraft, _ query: ResolveQuery?) {
        warnings = resolution?.warnings ?? query?.warnings ?? draft.request.unusable
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Links a record to the identity that it names or that its own identifiers resolve to, in one step. A record that
    /// is there keeps its identity, and what it brings enriches that one.
    /// - Parameter query: the draft's identifiers, normalised; nil where none is usable.
    mutating func put(
        _ draft: RecordDraft, _ query: ResolveQuery?, _ scope: inout WriteScope
    ) throws(VaultError) -> PutAnswer {
        let key = try draft.key(scope)
        let source = try draft.eventSource(query)
        let old = try record(key.kind, key.id, in: scope.organization)
        let link = try link(draft, old, scope)
        guard draft.keepsOthers else {
            let name = if let query { query.name } else { try draft.name(completing: draft) }
            return try put(draft, as: key, query, name, source, replacing: old, link, &scope)
        }
        let whole = draft.completed(by: link.isNew ? nil : old)
        return try put(
            whole, as: key, query, whole.name(completing: draft), source, replacing: old, link, &scope)
    }

    /// - Parameters:
    ///   - draft: all that the record is to say.
    ///   - old: the record, or what an erasure left of it.
    private mutating func put(
        _ draft: RecordDraft, as key: RecordKey, _ query: ResolveQuery?, _ name: String?, _ source: String?,
        replacing old: Record?, _ link: RecordLink, _ scope: inout WriteScope
    ) throws(VaultError) -> PutAnswer {
        // What is left of an erased person's record says nothing of the one that takes its name.
        let kept = link.isNew ? nil : old
        if let old, case .stays(let owner) = link, old.says(draft, scope.reading),
            try !bringsNewExternals(query, owner, scope)
        {
            return PutAnswer(
                change: .unchanged, kind: key.kind, id: key.id, identity: old.identity, resolution: nil, converted: [])
        }
        var (resolution, identity) = try owner(link.identity, query, name, source, &scope)
        var new = Record(draft, key, identity: identity.id, replacing: kept, scope)
        if !identity.isPatient { new.isConverted = false }
        try store(new, replacing: old, &scope)
        var converted: [String] = []
        if let old, case .moves = link {
            converted = try leave(old, for: new, &identity, source, &scope)
        } else {
            let action: Event.Action = link.isNew ? .recordCreated : .recordUpdated
            try note(action, record: .init(new), source: source, on: &identity, &scope)
        }
        converted += try notePatient(new, replacing: link.change == .updated ? old : nil, of: &identity, &scope)
        try put(identity, in: scope.organization)
        resolution?.sequence = identity.lastSequence
        return PutAnswer(
            change: link.change, kind: key.kind, id: key.id, identity: identity.id, resolution: resolution,
            converted: converted)
    }

    /// External ids are no fields of a record, so one is news even where nothing else is: if nobody owns it yet and the
    /// record's owner has room for it, or if somebody else does and the pair is not known by it.
    private borrowing func bringsNewExternals(
        _ query: ResolveQuery?, _ owner: Identity, _ scope: WriteScope
    ) throws(VaultError) -> Bool {
        let hasRoom = owner.identifiers.count < Limits.identifiersPerIdentityMax
        for external in query?.externals ?? [] {
            guard let known = try knownEntry(of: .external(external), in: scope.organization) else {
                if hasRoom { return true }
                continue
            }
            guard let other = known.entry.owner, other != owner.id else { continue }
            let pair = ConflictKey(one: owner.id, other: other, identifier: known.spelling)
            if try conflict(pair, in: scope.organization) == nil { return true }
        }
        return false
    }

    /// What a patient that was just stored means for its identity.
    /// - Returns: the ids of the leads that are converted now.
    private mutating func notePatient(
        _ new: Record, replacing old: Record?, of identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) -> [String] {
        guard new.kind == .patient else { return [] }
        let isFirst = !identity.isPatient
        identity.isPatient = true
        let (before, after) = (old.map(scope.reading.contacts), scope.reading.contacts(of: new))
        let held = identity.identifiers.map(\.identifier)
        identity.markClinical(held.filter(after.mentions)) { _ in true }
        // Only what it gave before and gives no longer is for the other patients to say.
        let dropped = held.filter { before?.mentions($0) == true && !after.mentions($0) }
        if !dropped.isEmpty {
            let others = try clinical(
                dropped, of: identity.id, besides: RecordKey(new), scope.reading, in: scope.organization)
            identity.markClinical(dropped) { others.given.contains($0) }
        }
        identity.choosePrimaries()
        return isFirst ? try convertLeads(of: &identity, &scope) : []
    }

    /// Whom the record is to belong to, as far as that is decided before its identifiers are looked at.
    private borrowing func link(
        _ draft: RecordDraft, _ old: Record?, _ scope: WriteScope
    ) throws(VaultError) -> RecordLink {
        let named = try draft.identity.map { id throws(VaultError) in
            try living(id, in: scope.organization).identity
        }
        guard let old else { return .comes(to: named) }
        guard let owner = try identity(old.identity, in: scope.organization) else {
            throw .corrupted("a record belongs to an identity that is not there")
        }
        // What is left of an erased person's record is nobody's: it comes back as if it were new.
        if owner.isErased { return .comes(to: named) }
        guard let named, named.id != owner.id else { return .stays(owner) }
        guard draft.moves else {
            throw VaultError(
                .refused, "the \(old.kind) belongs to the identity \(owner.id.text)",
                advice: "say that it is to move (the option move), or leave its identity out")
        }
        return .moves(to: named)
    }

    /// The identity a record belongs to, with what the record brings, not stored yet.
    private mutating func owner(
        _ known: Identity?, _ query: ResolveQuery?, _ name: String?, _ source: String?, _ scope: inout WriteScope
    ) throws(VaultError) -> (Resolution?, Identity) {
        guard let query else {
            guard var known else { throw .noUsableIdentifier }
            if let name { try learn(name, source: source, on: &known, &scope) }
            return (nil, known)
        }
        if query.name != name {
            var renamed = query
            renamed.name = name
            return try owner(known, renamed, name, source, &scope)
        }
        let plan = try plan(query, for: known, in: scope.organization)
        return try apply(plan, query, &scope)
    }

    /// Tells the identity that a record leaves. What the record was given and others own is a conflict of the one that
    /// it comes to. With its last patient its leads are open again, and an open lead that comes from somebody without a
    /// patient to a patient is converted, as by a merge of the two.
    /// - Returns: the lead's id, if it is converted.
    private mutating func leave(
        _ old: Record, for new: Record, _ identity: inout Identity, _ source: String?, _ scope: inout WriteScope
    ) throws(VaultError) -> [String] {
        guard var former = try self.identity(old.identity, in: scope.organization) else { return [] }
        try note(.recordMoved, record: .init(new), source: source, on: &identity, andOf: &former, &scope)
        try changeJournals(of: former.id, &scope) { $0.records.removeAll { $0 == RecordKey(old) } }
        try enqueueMentions(of: scope.reading.contacts(of: new), by: identity.id, source: source, &scope)
        let isConverted = new.isOpenLead && identity.isPatient && !former.isPatient
        if isConverted { try convert(RecordKey(new), of: &identity, &scope) }
        if old.kind == .patient {
            try refreshClinical(&former, scope.reading, in: scope.organization)
            let now = scope.now
            if !former.isPatient { try reopenLeads(of: former.id, &scope) { _ in now } }
        }
        try put(former, in: scope.organization)
        return isConverted ? [new.id] : []
    }
}

/// Whom a record belongs to, as far as that is decided before its identifiers are looked at.
private enum RecordLink {
    /// There is no such record, or only what an erasure left of one. The identity is the one that is named, nil where its
    /// identifiers decide.
    case comes(to: Identity?)
    /// It is there, and stays with its owner.
    case stays(Identity)
    /// It is there, and leaves its owner for the identity that is named.
    case moves(to: Identity)

    var identity: Identity? {
        switch self {
        case .comes(let named): named
        case .stays(let owner): owner
        case .moves(let named): named
        }
    }

    var isNew: Bool { change == .created }

    /// What putting it does, where it does anything.
    var change: PutAnswer.Change {
        switch self {
        case .comes: .created
        case .stays: .updated
        case .moves: .moved
        }
    }
}

extension Event.RecordReference {
    init(_ record: Record) { self.init(kind: record.kind.rawValue, id: record.id) }
}

extension RecordDraft {
    /// The record's name; a new one where the draft has none.
    fileprivate func key(_ scope: WriteScope) throws(VaultError) -> RecordKey {
        RecordKey(kind: kind, id: id ?? scope.newID().text)
    }

    /// The name that a put teaches its identity: the whole one, if what was given says any of it.
    fileprivate func name(completing given: RecordDraft) throws(VaultError) -> String? {
        guard given.firstName != nil || given.lastName != nil else { return nil }
        return try boundedLine(request.name, "name", bytesMax: Limits.nameBytesMax)
    }

    /// With what the stored record says, where the draft says nothing.
    fileprivate func completed(by old: Record?) -> RecordDraft {
        guard let old else { return self }
        var draft = self
        draft.firstName = firstName ?? old.firstName
        draft.lastName = lastName ?? old.lastName
        draft.email = email ?? old.email
        draft.phone = phone ?? old.phone
        if phone == nil { draft.region = old.region }
        draft.source = source ?? old.source
        draft.status = status ?? old.givenStatus
        draft.attributes = attributes ?? old.attributes
        return draft
    }
}

extension Record {
    fileprivate init(
        _ draft: RecordDraft, _ key: RecordKey, identity: UUID, replacing old: Record?, _ scope: WriteScope
    ) {
        let now = scope.now
        let keepsConversion = old.map { Self.isSame($0.givenStatus, draft.status) } ?? false
        self.init(
            kind: key.kind, id: key.id, identity: identity, createdAt: draft.createdAt ?? old?.createdAt ?? now,
            updatedAt: now, isActive: draft.isActive ?? old?.isActive ?? true,
            firstName: draft.firstName, lastName: draft.lastName, email: draft.email, phone: draft.phone,
            region: scope.reading.regionKept(with: draft), source: draft.source, givenStatus: draft.status,
            isConverted: keepsConversion && old?.isConverted == true,
            attributes: draft.attributes)
    }

    /// Whether putting the draft would change nothing.
    fileprivate func says(_ draft: RecordDraft, _ reading: RecordReading) -> Bool {
        Self.isSame(firstName, draft.firstName) && Self.isSame(lastName, draft.lastName)
            && Self.isSame(email, draft.email) && Self.isSame(phone, draft.phone)
            && Self.isSame(source, draft.source) && Self.isSame(givenStatus, draft.status)
            && Self.isSame(attributes, draft.attributes) && reading.reads(self, as: draft)
            && (draft.createdAt == nil || draft.createdAt == createdAt)
            && (draft.isActive == nil || draft.isActive == isActive)
    }

    /// An empty field is stored as none. By bytes: attributes tell names apart by them.
    private static func isSame(_ stored: String?, _ given: String?) -> Bool {
        (stored ?? "").hasSameBytes(as: given ?? "")
    }
}
