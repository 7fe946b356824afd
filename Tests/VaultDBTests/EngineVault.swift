// EngineVault is the vault that tests work on, over one engine.

import Foundation
import Logging
import Storage
import Synchronization
import TestSupport

@testable import VaultDB

final class EngineVault<Engine: StorageEngine>: TestVault {
    let engine: Engine
    let core: Core<Engine>
    let clock = TestClock()
    fileprivate let directory: TemporaryDirectory?
    private let closeEngine: @Sendable () -> Void

    init(
        _ engine: Engine, in directory: TemporaryDirectory? = nil, logger: Logger, actor: String?,
        closeEngine: @escaping @Sendable () -> Void = {}
    ) throws {
        self.engine = engine
        self.directory = directory
        self.closeEngine = closeEngine
        core = try Core(
            engine: engine, region: .spain, normalizer: Normalizer(spellingCacheSlots: 1_024), logger: logger,
            actor: actor, isReadOnly: false, clock: { [clock] in clock.now })
    }

    deinit { close() }

    func close() {
        core.close()
        closeEngine()
    }

    var hits: Int { core.hits.load(ordering: .relaxed) }

    func resolve(_ request: ResolveRequest, in organization: UUID) throws(VaultError) -> Resolution {
        try core.resolveBlocking(request, core.tenant(organization))
    }

    func resolveAsync(_ request: ResolveRequest, in organization: UUID) async throws(VaultError) -> Resolution {
        try await core.resolve(request, core.tenant(organization))
    }

    func put(_ draft: RecordDraft, in organization: UUID) throws(VaultError) -> PutAnswer {
        let operation = try core.put(draft, core.tenant(organization))
        return try core.writeBlocking(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    func putAsync(_ draft: RecordDraft, in organization: UUID) async throws(VaultError) -> PutAnswer {
        let operation = try core.put(draft, core.tenant(organization))
        return try await core.write(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    func take(
        _ draft: RecordDraft, as call: StoredAnswer.Put.Call, in organization: UUID
    ) throws(VaultError) -> IntakeAnswer {
        let operation = try core.take(draft, core.tenant(organization), as: call)
        return try core.writeBlocking(core.tenant(organization), operation) { [core] in core.tell($0, $1) }
    }

    func importRows(of kind: RecordKind, from path: String, in organization: UUID) throws {
        var source = try ImportSource(path: path, format: .jsonLines)
        var summary = ImportSummary()
        try core.importRows(
            of: kind, from: &source, batchRows: 100, into: core.tenant(organization), addingTo: &summary
        ) { _ in true }
    }

    func record(_ kind: RecordKind, _ id: String, in organization: UUID) throws(VaultError) -> Record? {
        try read(organization) { (snapshot, number) throws(VaultError) in try snapshot.record(kind, id, in: number) }
            ?? nil
    }

    func records(
        of id: UUID, from cursor: RecordCursor?, limit: Int, in organization: UUID
    ) throws(VaultError) -> RecordPage {
        try find(id, organization) { (snapshot, number) throws(VaultError) in
            try snapshot.records(
                of: snapshot.living(id, in: number).identity.id, from: cursor, limit: limit, in: number)
        }
    }

    func contact(_ id: UUID, in organization: UUID) throws(VaultError) -> Contact {
        try find(id, organization) { (snapshot, number) throws(VaultError) in
            try snapshot.contact(id, from: nil, order: .oldestFirst, limit: .max, in: number)
        }
    }

    func delete(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion, in organization: UUID
    ) throws(VaultError) -> DeleteAnswer {
        try core.writeBlocking(core.tenant(organization), core.delete(kind, id, deletion))
    }

    func identifier(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> Identifier {
        try core.identifier(raw, kind, core.tenant(organization))
    }

    func mark(
        _ identifier: Identifier, as state: IdentifierState, in organization: UUID
    ) throws(VaultError) -> IdentifierStateChange {
        core.tell(
            "Identifier \(state)",
            try core.writeBlocking(core.tenant(organization), core.mark(identifier, as: state)))
    }

    func release(_ identifier: Identifier, in organization: UUID) throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier released", try core.writeBlocking(core.tenant(organization), core.release(identifier)))
    }

    func setRegion(_ region: Region, in organization: UUID) throws(VaultError) {
        try core.setRegionBlocking(region, of: core.tenant(organization))
    }

    func region(in organization: UUID) throws(VaultError) -> Region { try core.region(of: core.tenant(organization)) }

    func find(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> UUID? {
        let tenant = core.tenant(organization)
        return switch kind {
        case .email: try core.find(email: raw, tenant)
        case .phone: try core.find(phone: raw, region: nil, tenant)
        case .external: try core.find(external: raw, tenant)
        }
    }

    func identity(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity? {
        try found(id, in: organization)?.identity
    }

    func found(_ id: UUID, in organization: UUID) throws(VaultError) -> FoundIdentity? {
        try core.identity(id, core.tenant(organization))
    }

    func stored(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity? {
        try read(organization) { (snapshot, number) throws(VaultError) in try snapshot.identity(id, in: number) } ?? nil
    }

    func search(_ text: String, limit: Int, in organization: UUID) throws(VaultError) -> NameSearchResult {
        try core.search(text, limit: limit, core.tenant(organization))
    }

    func run(_ search: NameSearch, in organization: UUID) throws(VaultError) -> NameSearch {
        var search = search
        _ = try read(organization) { (snapshot, number) throws(VaultError) in try search.run(snapshot, in: number) }
        return search
    }

    func rebuildNames(in number: OrganizationNumber) throws(VaultError) {
        try engine.write { (transaction) throws(VaultError) in try transaction.rebuildNames(in: number) }
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

    func bothPaths(
        _ request: ResolveRequest, in organization: UUID
    ) throws(VaultError) -> (quick: QuickLook, plan: Resolution, changesNothing: Bool) {
        let query = try ResolveQuery(request, region: region(in: organization), core.normalizer)
        let both = try read(organization) { (snapshot, number) throws(VaultError) in
            let plan = try snapshot.plan(query, in: number)
            return (try snapshot.look(query, in: number), plan.resolution, plan.changesNothing)
        }
        return both ?? (.undecided, ResolvePlan(warnings: query.warnings).resolution, false)
    }

    func contents() throws -> Dump { try dump(of: engine, tables: Tables.all) }

    func plant(_ table: Table, _ key: [UInt8], _ value: [UInt8]?) throws {
        try engine.write { (transaction) throws(StorageError) in
            if let value {
                try transaction.put(key.span.bytes, value.span.bytes, in: table)
            } else {
                try transaction.delete(key.span.bytes, from: table)
            }
        }
    }

    fileprivate func find<Answer>(
        _ id: UUID, _ organization: UUID,
        _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        try core.found(id, core.tenant(organization), body)
    }

    fileprivate func read<Answer>(
        _ organization: UUID, _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer? {
        try core.read(core.tenant(organization), body)
    }
}

// Merges, erasure, and who held what when.
extension EngineVault {
    func merge(_ a: UUID, into b: UUID, in organization: UUID) throws(VaultError) -> MergeAnswer {
        try core.writeBlocking(core.tenant(organization), core.merge(a, into: b))
    }

    func previewMerge(_ a: UUID, into b: UUID, in organization: UUID) throws(VaultError) -> MergePreview {
        let reading = RecordReading(normalizer: core.normalizer, region: try region(in: organization))
        return try find(a, organization) { (snapshot, number) throws(VaultError) in
            try snapshot.mergePlan(a, into: b, reading, in: number).preview
        }
    }

    func unmerge(_ merge: UUID, in organization: UUID) throws(VaultError) -> MergeAnswer {
        try core.writeBlocking(core.tenant(organization), core.unmerge(merge))
    }

    func merges(in organization: UUID) throws(VaultError) -> [Merge] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.merges(before: nil, limit: .max, in: number)
        } ?? []
    }

    func keepApart(_ a: UUID, _ b: UUID, in organization: UUID) throws(VaultError) -> [Conflict] {
        try core.writeBlocking(core.tenant(organization), core.keepApart(a, b))
    }

    func erase(_ id: UUID, in organization: UUID) throws(VaultError) -> ErasureAnswer {
        try core.writeBlocking(core.tenant(organization), core.erase(id))
    }

    func erasures(after cursor: UUID?, limit: Int, in organization: UUID) throws(VaultError) -> [Erasure] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.erasures(after: cursor, limit: limit, in: number)
        } ?? []
    }

    func replay(_ erasure: Erasure, in organization: UUID) throws(VaultError) -> Replay {
        try core.writeBlocking(core.tenant(organization), core.replay(erasure))
    }

    func forgetErasures(in organization: UUID) throws(VaultError) -> Int {
        try core.writeBlocking(core.tenant(organization), core.forgetErasures())
    }

    func holdings(of identifier: Identifier, in organization: UUID) throws(VaultError) -> [Holding] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.holdings(of: identifier, in: number)
        } ?? []
    }

    func holdings(by id: UUID, in organization: UUID) throws(VaultError) -> [Holding] {
        try find(id, organization) { (snapshot, number) throws(VaultError) in
            guard let identity = try snapshot.identity(id, in: number) else { throw VaultError.unknownIdentity(id) }
            return try snapshot.holdings(by: identity, in: number)
        }
    }
}
