// TestVault is the vault that tests work on: the library's core over either engine, with a clock of its own.

import Foundation
import LMDB
import Logging
import Storage
import Synchronization
import TestSupport

@testable import VaultDB

/// The two engines that every promise is tested on.
enum EngineKind: CaseIterable, Sendable {
    case lmdb, memory

    func vault(logger: Logger = .silent, actor: String? = "tester") throws -> any TestVault {
        switch self {
        case .lmdb: try lmdbVault(in: TemporaryDirectory(), logger: logger, actor: actor)
        case .memory: try memoryVault(logger: logger, actor: actor)
        }
    }
}

func memoryVault(
    _ engine: MemoryEngine = MemoryEngine(), logger: Logger = .silent, actor: String? = "tester"
) throws -> EngineVault<MemoryEngine> {
    try EngineVault(engine, logger: logger, actor: actor)
}

/// The vault in a directory, made where there is none.
func lmdbVault(
    in directory: TemporaryDirectory, logger: Logger = .silent, actor: String? = "tester"
) throws -> EngineVault<Environment> {
    var options = EnvironmentOptions()
    options.creates = true
    options.durability = .relaxed
    let environment = try Environment(at: directory.file("vault"), tables: Tables.all, options: options)
    return try EngineVault(environment, in: directory, logger: logger, actor: actor) { environment.close() }
}

extension Logger {
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

extension UUID {
    static let clinic = UUID(high: 0xC1, low: 1)
    static let studio = UUID(high: 0x57, low: 2)
}

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp(microseconds: 1_750_000_000_000_000) ?? .max)

    var now: Timestamp { time.withLock { $0 } }

    func advance(seconds: Int64 = 1) {
        time.withLock { $0 = Timestamp(microseconds: $0.microseconds + seconds * 1_000_000) ?? $0 }
    }
}

/// What tests ask of a vault, whichever engine it stands on.
protocol TestVault: AnyObject, Sendable {
    var clock: TestClock { get }
    var hits: Int { get }

    func resolve(_ request: ResolveRequest, in organization: UUID) throws(VaultError) -> Resolution
    func resolveAsync(_ request: ResolveRequest, in organization: UUID) async throws(VaultError) -> Resolution
    func put(_ draft: RecordDraft, in organization: UUID) throws(VaultError) -> PutAnswer
    func putAsync(_ draft: RecordDraft, in organization: UUID) async throws(VaultError) -> PutAnswer
    func record(_ kind: RecordKind, _ id: String, in organization: UUID) throws(VaultError) -> Record?
    func identifier(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> Identifier
    func mark(
        _ identifier: Identifier, as state: IdentifierState, in organization: UUID
    ) throws(VaultError) -> IdentifierStateChange
    func release(_ identifier: Identifier, in organization: UUID) throws(VaultError) -> IdentifierStateChange
    func setRegion(_ region: Region, in organization: UUID) throws(VaultError)
    func region(in organization: UUID) throws(VaultError) -> Region
    func find(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> UUID?
    func identity(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity?
    func search(_ text: String, limit: Int, in organization: UUID) throws(VaultError) -> NameSearchResult
    /// The search after it ran.
    func run(_ search: NameSearch, in organization: UUID) throws(VaultError) -> NameSearch
    func rebuildNames(in number: OrganizationNumber) throws(VaultError)
    func conflicts(
        in state: Conflict.State, after cursor: Conflict?, limit: Int, organization: UUID
    ) throws(VaultError) -> [Conflict]
    func events(in organization: UUID) throws(VaultError) -> [Event]
    func history(of id: UUID, in organization: UUID) throws(VaultError) -> [Event]
    func verifyAudit(in organization: UUID) throws(VaultError) -> AuditVerification
    func ledger(in organization: UUID) throws(VaultError) -> Ledger
    func number(of organization: UUID) throws(VaultError) -> OrganizationNumber?
    func check() throws(VaultError) -> CheckReport
    /// What the fast path says of a request, and what the whole waterfall says.
    func bothPaths(
        _ request: ResolveRequest, in organization: UUID
    ) throws(VaultError) -> (quick: Resolution?, plan: Resolution, changesNothing: Bool)

    func contents() throws -> Dump
    /// Writes an entry behind the library's back; a nil value removes it.
    func plant(_ table: Table, _ key: [UInt8], _ value: [UInt8]?) throws
    func close()
}

final class EngineVault<Engine: StorageEngine>: TestVault {
    let engine: Engine
    let core: Core<Engine>
    let clock = TestClock()
    private let directory: TemporaryDirectory?
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
        try core.writeBlocking(core.tenant(organization), core.put(draft, core.tenant(organization)))
    }

    func putAsync(_ draft: RecordDraft, in organization: UUID) async throws(VaultError) -> PutAnswer {
        try await core.write(core.tenant(organization), core.put(draft, core.tenant(organization)))
    }

    func record(_ kind: RecordKind, _ id: String, in organization: UUID) throws(VaultError) -> Record? {
        try read(organization) { (snapshot, number) throws(VaultError) in try snapshot.record(kind, id, in: number) }
            ?? nil
    }

    func identifier(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> Identifier {
        try core.identifier(raw, kind, core.tenant(organization))
    }

    func mark(
        _ identifier: Identifier, as state: IdentifierState, in organization: UUID
    ) throws(VaultError) -> IdentifierStateChange {
        try core.mark(identifier, as: state, core.tenant(organization))
    }

    func release(_ identifier: Identifier, in organization: UUID) throws(VaultError) -> IdentifierStateChange {
        try core.release(identifier, core.tenant(organization))
    }

    func setRegion(_ region: Region, in organization: UUID) throws(VaultError) {
        try core.setRegion(region, of: core.tenant(organization))
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
        try core.identity(id, core.tenant(organization))?.identity
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
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.conflicts(in: state, after: cursor, limit: limit, in: number)
        } ?? []
    }

    func events(in organization: UUID) throws(VaultError) -> [Event] {
        try read(organization) { (snapshot, number) throws(VaultError) in
            try snapshot.events(from: 1, limit: .max, in: number)
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
    ) throws(VaultError) -> (quick: Resolution?, plan: Resolution, changesNothing: Bool) {
        let query = try ResolveQuery(request, region: region(in: organization), core.normalizer)
        let both = try read(organization) { (snapshot, number) throws(VaultError) in
            let plan = try snapshot.plan(query, in: number)
            return (try snapshot.knownMatch(query, in: number), plan.resolution, plan.changesNothing)
        }
        return both ?? (nil, ResolvePlan(warnings: query.warnings).resolution, false)
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

    private func read<Answer>(
        _ organization: UUID, _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer? {
        try core.read(core.tenant(organization), body)
    }
}

// Short forms for one organization.
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

    @discardableResult
    func put(_ draft: RecordDraft) throws(VaultError) -> PutAnswer { try put(draft, in: .clinic) }

    func identifier(_ raw: String) throws(VaultError) -> Identifier {
        try identifier(raw, raw.likelyKind, in: .clinic)
    }

    @discardableResult
    func mark(_ raw: String, as state: IdentifierState) throws(VaultError) -> IdentifierStateChange {
        try mark(identifier(raw), as: state, in: .clinic)
    }

    @discardableResult
    func release(_ raw: String) throws(VaultError) -> IdentifierStateChange {
        try release(identifier(raw), in: .clinic)
    }

    func find(_ raw: String) throws(VaultError) -> UUID? { try find(raw, raw.likelyKind, in: .clinic) }

    func person(_ resolution: Resolution) throws -> Identity {
        guard let identity = try identity(resolution.identity.id, in: .clinic) else { throw Missing() }
        return identity
    }

    func openConflicts() throws(VaultError) -> [Conflict] {
        try conflicts(in: .open, after: nil, limit: 10_000, organization: .clinic)
    }
}

struct Missing: Error {}

extension String {
    fileprivate var likelyKind: IdentifierKind {
        contains("@") ? .email : contains(":") ? .external : .phone
    }
}

/// The code of the error that `body` throws, nil where it throws none.
func code(of body: () throws -> some Any) -> VaultError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? VaultError)?.code
    }
}

/// The bytes of a key.
func bytes(_ key: borrowing Key) -> [UInt8] {
    var bytes: [UInt8] = []
    for offset in 0..<key.count { bytes.append(key.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) }
    return bytes
}

/// The key with these bytes.
func key(_ bytes: [UInt8]) -> Key {
    var key = Key()
    for byte in bytes { key.append(byte) }
    return key
}

extension Resolution {
    var texts: (enriched: [String], conflicts: [String], warnings: [String]) {
        (enriched.map(\.text), conflicts.map(\.identifier.text), warnings.map(\.name))
    }
}

extension Identity {
    func texts(_ kind: IdentifierKind) -> [String] { identifiers(of: kind).map(\.identifier.text) }
}
