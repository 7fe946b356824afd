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
    /// A booking, a lead that somebody enters, or a form that was read.
    func take(
        _ draft: RecordDraft, as call: StoredAnswer.Put.Call, in organization: UUID
    ) throws(VaultError) -> IntakeAnswer
    /// Puts the rows of a file in JSON Lines.
    func importRows(of kind: RecordKind, from path: String, in organization: UUID) throws
    func record(_ kind: RecordKind, _ id: String, in organization: UUID) throws(VaultError) -> Record?
    /// An identity's records, oldest first.
    func records(
        of id: UUID, from cursor: RecordCursor?, limit: Int, in organization: UUID
    ) throws(VaultError) -> RecordPage
    func contact(_ id: UUID, in organization: UUID) throws(VaultError) -> Contact
    func delete(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion, in organization: UUID
    ) throws(VaultError) -> DeleteAnswer
    func merge(_ a: UUID, into b: UUID, in organization: UUID) throws(VaultError) -> MergeAnswer
    func previewMerge(_ a: UUID, into b: UUID, in organization: UUID) throws(VaultError) -> MergePreview
    func unmerge(_ merge: UUID, in organization: UUID) throws(VaultError) -> MergeAnswer
    /// The merges that can be undone, newest first.
    func merges(in organization: UUID) throws(VaultError) -> [Merge]
    func keepApart(_ a: UUID, _ b: UUID, in organization: UUID) throws(VaultError) -> [Conflict]
    func erase(_ id: UUID, in organization: UUID) throws(VaultError) -> ErasureAnswer
    func erasures(after cursor: UUID?, limit: Int, in organization: UUID) throws(VaultError) -> [Erasure]
    func replay(_ erasure: Erasure, in organization: UUID) throws(VaultError) -> Replay
    func forgetErasures(in organization: UUID) throws(VaultError) -> Int
    func holdings(of identifier: Identifier, in organization: UUID) throws(VaultError) -> [Holding]
    func holdings(by id: UUID, in organization: UUID) throws(VaultError) -> [Holding]
    func identifier(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> Identifier
    func mark(
        _ identifier: Identifier, as state: IdentifierState, in organization: UUID
    ) throws(VaultError) -> IdentifierStateChange
    func release(_ identifier: Identifier, in organization: UUID) throws(VaultError) -> IdentifierStateChange
    func setRegion(_ region: Region, in organization: UUID) throws(VaultError)
    func region(in organization: UUID) throws(VaultError) -> Region
    func find(_ raw: String, _ kind: IdentifierKind, in organization: UUID) throws(VaultError) -> UUID?
    func identity(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity?
    /// Who answers to an id, and whether by a redirect.
    func found(_ id: UUID, in organization: UUID) throws(VaultError) -> FoundIdentity?
    /// What is stored under an id: a redirect or a tombstone as well.
    func stored(_ id: UUID, in organization: UUID) throws(VaultError) -> Identity?
    func search(_ text: String, limit: Int, in organization: UUID) throws(VaultError) -> NameSearchResult
    /// The search after it ran.
    func run(_ search: NameSearch, in organization: UUID) throws(VaultError) -> NameSearch
    func rebuildNames(in number: OrganizationNumber) throws(VaultError)
    func conflicts(
        in state: Conflict.State, after cursor: Conflict?, limit: Int, organization: UUID
    ) throws(VaultError) -> [Conflict]
    func events(in organization: UUID) throws(VaultError) -> [Event]
    func events(from sequence: UInt64, limit: Int, in organization: UUID) throws(VaultError) -> [Event]
    func history(of id: UUID, in organization: UUID) throws(VaultError) -> [Event]
    func verifyAudit(in organization: UUID) throws(VaultError) -> AuditVerification
    func ledger(in organization: UUID) throws(VaultError) -> Ledger
    func number(of organization: UUID) throws(VaultError) -> OrganizationNumber?
    func check() throws(VaultError) -> CheckReport
    /// What the fast path says of a request, and what the whole waterfall says.
    func bothPaths(
        _ request: ResolveRequest, in organization: UUID
    ) throws(VaultError) -> (quick: QuickLook, plan: Resolution, changesNothing: Bool)

    func contents() throws -> Dump
    /// Writes an entry behind the library's back; a nil value removes it.
    func plant(_ table: Table, _ key: [UInt8], _ value: [UInt8]?) throws
    func close()
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

    @discardableResult
    func merge(_ a: UUID, into b: UUID) throws(VaultError) -> MergeAnswer { try merge(a, into: b, in: .clinic) }

    @discardableResult
    func unmerge(_ merge: UUID) throws(VaultError) -> MergeAnswer { try unmerge(merge, in: .clinic) }

    @discardableResult
    func keepApart(_ a: UUID, _ b: UUID) throws(VaultError) -> [Conflict] { try keepApart(a, b, in: .clinic) }

    @discardableResult
    func erase(_ id: UUID) throws(VaultError) -> ErasureAnswer { try erase(id, in: .clinic) }

    @discardableResult
    func delete(_ kind: RecordKind, _ id: String, _ deletion: Deletion = .byKind) throws(VaultError) -> DeleteAnswer {
        try delete(kind, id, deletion, in: .clinic)
    }

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
