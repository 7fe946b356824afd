import Foundation
import Storage
import TestSupport

@testable import VaultDB

// What tests ask of a vault.

// MARK: - Resolve and find

extension TestVault {
    @discardableResult
    func resolve(
        _ email: String? = nil, phone: String? = nil, externals: [String] = [], name: String? = nil,
        source: String? = nil, region: Region? = nil, key: String? = nil, dry: Bool = false,
        in organization: UUID = .clinic
    ) throws(VaultError) -> Resolution {
        let request = ResolveRequest(
            email: email, phone: phone, externals: externals, name: name, source: source, region: region,
            idempotencyKey: key, isDryRun: dry)
        return try resolve(request, in: organization)
    }

    func resolve(_ request: ResolveRequest, in organization: UUID) throws(VaultError) -> Resolution {
        try core.resolveBlocking(request, core.tenant(organization))
    }

    func resolveAsync(_ request: ResolveRequest, in organization: UUID) async throws(VaultError) -> Resolution {
        try await core.resolve(request, core.tenant(organization))
    }

    /// What the fast path says of a request, and what the whole waterfall says.
    func bothPaths(
        _ request: ResolveRequest, in organization: UUID
    ) throws(VaultError) -> (quick: QuickLook<Resolution>, plan: Resolution, changesNothing: Bool) {
        let query = try ResolveQuery(request, region: region(in: organization), core.normalizer)
        let both = try read(organization) { (snapshot, number) throws(VaultError) in
            let plan = try snapshot.plan(query, in: number)
            return (try snapshot.look(query, in: number), plan.resolution, plan.changesNothing)
        }
        return both ?? (.undecided, ResolvePlan(warnings: query.warnings).resolution, false)
    }

    func find(_ raw: String) throws(VaultError) -> UUID? { try find(raw, raw.likelyKind, in: .clinic) }

    func find(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> UUID? {
        let tenant = core.tenant(organization)
        return switch kind {
        case .email: try core.find(email: raw, tenant)
        case .phone: try core.find(phone: raw, region: nil, tenant)
        case .external: try core.find(external: raw, tenant)
        }
    }

    func person(_ resolution: Resolution) throws -> Identity {
        guard let identity = try identity(resolution.identity.id, in: .clinic) else { throw Missing() }
        return identity
    }

    func identity(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity? {
        try found(id, in: organization)?.identity
    }

    /// Who answers to an id, and whether by a redirect.
    func found(_ id: UUID, in organization: UUID) throws(VaultError) -> FoundIdentity? {
        try core.identity(id, core.tenant(organization))
    }

    /// What is stored under an id: a redirect or a tombstone as well.
    func stored(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity? {
        try read(organization) { (snapshot, number) throws(VaultError) in try snapshot.identity(id, in: number) } ?? nil
    }

    func search(_ text: String, limit: Int, in organization: UUID) throws(VaultError) -> NameSearchResult {
        try core.search(text, limit: limit, core.tenant(organization))
    }

    /// The search after it ran.
    func run(_ search: NameSearch, in organization: UUID) throws(VaultError) -> NameSearch {
        var search = search
        _ = try read(organization) { (snapshot, number) throws(VaultError) in try search.run(snapshot, in: number) }
        return search
    }

    func rebuildNames(in number: OrganizationNumber) throws(VaultError) {
        try engine.write { (transaction) throws(VaultError) in try transaction.rebuildNames(in: number) }
    }
}

// MARK: - Identifiers and the region

extension TestVault {
    func identifier(_ raw: String) throws(VaultError) -> Identifier {
        try identifier(raw, raw.likelyKind, in: .clinic)
    }

    func identifier(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> Identifier {
        try core.identifier(raw, kind, core.tenant(organization))
    }

    @discardableResult
    func mark(_ raw: String, as state: IdentifierState) throws(VaultError) -> IdentifierStateChange {
        try mark(identifier(raw), as: state, in: .clinic)
    }

    func mark(
        _ identifier: Identifier, as state: IdentifierState, in organization: UUID
    ) throws(VaultError) -> IdentifierStateChange {
        core.tell(
            "Identifier \(state)",
            try core.writeBlocking(core.tenant(organization), core.mark(identifier, as: state)))
    }

    @discardableResult
    func release(_ raw: String) throws(VaultError) -> IdentifierStateChange {
        try release(identifier(raw), in: .clinic)
    }

    func release(_ identifier: Identifier, in organization: UUID) throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier released", try core.writeBlocking(core.tenant(organization), core.release(identifier)))
    }

    func holdings(of identifier: Identifier, in organization: UUID) throws(VaultError) -> [Holding] {
        try core.holdings(of: identifier, core.tenant(organization))
    }

    func holdings(by id: UUID, in organization: UUID) throws(VaultError) -> [Holding] {
        try core.holdings(by: id, core.tenant(organization))
    }

    func setRegion(_ region: Region, in organization: UUID) throws(VaultError) {
        try core.setRegionBlocking(region, of: core.tenant(organization))
    }

    func region(in organization: UUID) throws(VaultError) -> Region { try core.region(of: core.tenant(organization)) }
}

// MARK: - Records

extension TestVault {
    @discardableResult
    func put(_ draft: RecordDraft, in organization: UUID = .clinic) throws(VaultError) -> PutAnswer {
        let operation = try core.put(draft, core.tenant(organization))
        return try core.writeBlocking(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    func putAsync(_ draft: RecordDraft, in organization: UUID) async throws(VaultError) -> PutAnswer {
        let operation = try core.put(draft, core.tenant(organization))
        return try await core.write(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    /// A booking, a lead that somebody enters, or a form that was read.
    func take(
        _ draft: RecordDraft, as call: StoredAnswer.Put.Call, in organization: UUID
    ) throws(VaultError) -> IntakeAnswer {
        let operation = try core.take(draft, core.tenant(organization), as: call)
        return try core.writeBlocking(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    /// Puts the rows of a file in JSON Lines.
    func importRows(of kind: RecordKind, from path: String, in organization: UUID) throws {
        var source = try ImportSource(path: path, format: .jsonLines)
        var summary = ImportSummary()
        try core.importRows(
            of: kind, from: &source, batchRows: 100, into: core.tenant(organization), addingTo: &summary
        ) { _ in true }
    }

    func record(_ kind: RecordKind, _ id: String, in organization: UUID) throws(VaultError) -> Record? {
        try core.record(kind, id, core.tenant(organization))
    }

    func contact(_ id: UUID, in organization: UUID) throws(VaultError) -> Contact {
        try core.contact(id, from: nil, order: .oldestFirst, limit: .max, core.tenant(organization))
    }

    @discardableResult
    func delete(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion = .byKind, in organization: UUID = .clinic
    ) throws(VaultError) -> DeleteAnswer {
        try core.writeBlocking(core.tenant(organization), core.delete(kind, id, deletion))
    }
}

// MARK: - Review, merges and erasure

extension TestVault {
    func openConflicts() throws(VaultError) -> [Conflict] {
        try conflicts(in: .open, after: nil, limit: 10_000, organization: .clinic)
    }

    func conflicts(
        in state: Conflict.State, after cursor: Conflict?, limit: Int, organization: UUID
    ) throws(VaultError) -> [Conflict] {
        let place = cursor.map {
            ConflictCursor(ConflictKey(one: $0.first, other: $0.second, identifier: $0.identifier))
        }
        return try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.conflictPage(in: state, from: place, limit: limit, in: number).conflicts
        } ?? []
    }

    @discardableResult
    func keepApart(_ a: UUID, _ b: UUID, in organization: UUID = .clinic) throws(VaultError) -> [Conflict] {
        try core.writeBlocking(core.tenant(organization), core.keepApart(a, b))
    }

    @discardableResult
    func merge(_ a: UUID, into b: UUID, in organization: UUID = .clinic) throws(VaultError) -> MergeAnswer {
        try core.writeBlocking(core.tenant(organization), core.merge(a, into: b))
    }

    func previewMerge(_ a: UUID, into b: UUID, in organization: UUID) throws(VaultError) -> MergePreview {
        try core.previewMerge(a, into: b, core.tenant(organization))
    }

    @discardableResult
    func unmerge(_ merge: UUID, in organization: UUID = .clinic) throws(VaultError) -> MergeAnswer {
        try core.writeBlocking(core.tenant(organization), core.unmerge(merge))
    }

    /// The merges that can be undone, newest first.
    func merges(in organization: UUID) throws(VaultError) -> [Merge] {
        try core.merges(before: nil, limit: .max, core.tenant(organization))
    }

    @discardableResult
    func erase(_ id: UUID, in organization: UUID = .clinic) throws(VaultError) -> ErasureAnswer {
        try core.writeBlocking(core.tenant(organization), core.erase(id))
    }

    func erasures(after cursor: UUID?, limit: Int, in organization: UUID) throws(VaultError) -> [Erasure] {
        try core.erasures(after: cursor, limit: limit, core.tenant(organization))
    }

    func replay(_ erasure: Erasure, in organization: UUID) throws(VaultError) -> Replay {
        try core.writeBlocking(core.tenant(organization), core.replay(erasure))
    }

    func forgetErasures(in organization: UUID) throws(VaultError) -> Int {
        try core.writeBlocking(core.tenant(organization), core.forgetErasures())
    }
}

// MARK: - The trail and the store

extension TestVault {
    func events(in organization: UUID) throws(VaultError) -> [Event] {
        try events(from: 1, limit: .max, in: organization)
    }

    func events(from sequence: UInt64, limit: Int, in organization: UUID) throws(VaultError) -> [Event] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.events(from: sequence, limit: limit, in: number)
        } ?? []
    }

    func history(of id: UUID, in organization: UUID) throws(VaultError) -> [Event] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            guard let identity = try snapshot.identity(id, in: number) else { return [] }
            return try snapshot.history(of: identity, limit: .max, in: number)
        } ?? []
    }

    func verifyAudit(in organization: UUID) throws(VaultError) -> AuditVerification {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.verifyAudit(of: number) { (_) throws(VaultError) in }
        } ?? AuditVerification(events: 0, faults: [])
    }

    func ledger(in organization: UUID) throws(VaultError) -> Ledger {
        try read(organization) { (snapshot, number) throws(VaultError) in try snapshot.ledger(of: number) } ?? Ledger()
    }

    func number(of organization: UUID) throws(VaultError) -> OrganizationNumber? {
        try core.number(of: core.tenant(organization))
    }

    func check() throws(VaultError) -> CheckReport {
        try engine.read { (snapshot) throws(VaultError) in try snapshot.check { (_) throws(VaultError) in } }
    }

    /// How many operations the writer has run.
    var operationsWritten: Int { core.writes.statistics.jobs }

    func contents() throws -> Dump { try dump(of: engine, tables: Tables.all) }

    /// Writes an entry behind the library's back; a nil value removes it.
    func plant(_ table: Table, _ key: [UInt8], _ value: [UInt8]?) throws {
        try engine.write { (transaction) throws(StorageError) in
            if let value {
                try transaction.put(key.span.bytes, value.span.bytes, in: table)
            } else {
                try transaction.delete(key.span.bytes, from: table)
            }
        }
    }

    fileprivate func read<Answer>(
        _ organization: UUID, _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer? {
        try core.read(core.tenant(organization), body)
    }
}

extension String {
    fileprivate var likelyKind: IdentifierKind {
        contains("@") ? .email : contains(":") ? .external : .phone
    }
}
