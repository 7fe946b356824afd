internal import Foundation
internal import Logging
internal import Storage
internal import Synchronization

/// A vault over any engine: the read path, the writer, and what they share. `Vault` is this over LMDB; tests run it
/// over an engine in memory as well.
final class Core<Engine: StorageEngine>: Sendable {
    let engine: Engine
    let normalizer: Normalizer
    let logger: Logger
    let actor: String?
    let writes: WriteQueue<Engine>
    private let clock: @Sendable () -> Timestamp
    private let identifiers = UUIDv7Generator()
    private let tenants = Mutex<[UUID: Tenant]>([:])
    let meta: Meta
    /// Whether the file's identifiers were normalised as this program normalises.
    private let acceptsWrites: Atomic<Bool>
    /// Matches that changed nothing, since opening.
    let hits = Atomic<Int>(0)
    /// Whether hits are told as well. Asking the logger each time would cost more than many a hit.
    let logsHits: Bool

    /// - Parameter region: for a new vault; an existing one keeps its own.
    init(
        engine: Engine, region: Region, normalizer: Normalizer, logger: Logger, actor: String?, isReadOnly: Bool,
        clock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) throws(VaultError) {
        self.engine = engine
        self.normalizer = normalizer
        self.logger = logger
        logsHits = logger.logLevel <= .debug
        self.actor = try boundedLine(actor, "actor", bytesMax: Limits.actorBytesMax)
        self.clock = clock
        let mine = Normalizer.version.description
        let known = try engine.read { (snapshot) throws(VaultError) in try snapshot.meta() }
        if let known {
            meta = known
        } else if isReadOnly {
            throw VaultError(.notAVault, "the file holds no vault", advice: "make one with `vaultdb init`")
        } else {
            let fresh = Meta(createdAt: clock(), region: region, normalizer: mine)
            meta = try engine.write { (transaction) throws(VaultError) in
                // Another process may have made the vault in between.
                if let known = try transaction.meta() { return known }
                try transaction.put(Meta.key, fresh.encoded(), in: Tables.meta)
                return fresh
            }
        }
        acceptsWrites = Atomic(meta.normalizer == mine)
        writes = WriteQueue(engine: engine)
    }

    func close() { writes.close() }

    var region: Region { meta.region }
    var createdAt: Timestamp { meta.createdAt }
    var normalizerVersion: String { meta.normalizer }

    // MARK: Organizations

    /// What is remembered of an organization between calls. Its number never changes once it is given.
    final class Tenant: Sendable {
        let id: UUID
        /// 0 until the organization is known to the vault.
        fileprivate let number = Atomic<UInt32>(0)
        /// 0 where it has no region of its own.
        fileprivate let region = Atomic<UInt16>(0)

        fileprivate init(id: UUID) { self.id = id }

        fileprivate func remember(_ record: OrganizationRecord) {
            region.store(record.region?.packed ?? 0, ordering: .relaxed)
            number.store(record.number.rawValue, ordering: .releasing)
        }
    }

    func tenant(_ id: UUID) -> Tenant {
        tenants.withLock { tenants in
            if let known = tenants[id] { return known }
            let tenant = Tenant(id: id)
            tenants[id] = tenant
            return tenant
        }
    }

    /// The organization's number, or nil while nothing was ever written for it.
    func number(of tenant: Tenant) throws(VaultError) -> OrganizationNumber? {
        let number = tenant.number.load(ordering: .acquiring)
        if number != 0 { return OrganizationNumber(number) }
        let record = try engine.read { (snapshot) throws(VaultError) in try snapshot.organization(tenant.id) }
        guard let record else { return nil }
        tenant.remember(record)
        return record.number
    }

    func region(of tenant: Tenant) throws(VaultError) -> Region {
        _ = try number(of: tenant)
        return Region(packed: tenant.region.load(ordering: .relaxed)) ?? meta.region
    }

    /// The region a call is to use: the one it names, or the organization's.
    func region(_ given: Region?, for tenant: Tenant) throws(VaultError) -> Region {
        if let given { return given }
        return try region(of: tenant)
    }

    /// Gives the organization a region of its own; it is made where it is not known yet.
    func setRegion(_ region: Region, of tenant: Tenant) throws(VaultError) {
        let now = clock()
        let record = try writeBlocking(tenant) { (transaction, scope) throws(VaultError) in
            var record = try transaction.intern(tenant.id, at: now)
            guard record.region != region else { return record }
            record.region = region
            try transaction.put(record, of: tenant.id)
            try transaction.append(Event(.organizationChanged, at: now, actor: scope.actor), &scope)
            return record
        }
        tenant.remember(record)
    }

    // MARK: Reading and writing

    func read<Answer>(
        _ tenant: Tenant,
        _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer? {
        guard let number = try number(of: tenant) else { return nil }
        return try engine.read { (snapshot) throws(VaultError) in try body(snapshot, number) }
    }

    typealias Operation<Answer> =
        @Sendable (inout Engine.Writer, inout WriteScope) throws(VaultError) -> Answer

    func write<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) async throws(VaultError) -> Answer {
        try refuseUnderOtherRules()
        return try await writes.write(operation(tenant, body))
    }

    func writeBlocking<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) throws(VaultError) -> Answer {
        try submit(tenant, body).wait()
    }

    func submit<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) throws(VaultError) -> PendingWrite<Answer> {
        try refuseUnderOtherRules()
        return writes.submit(operation(tenant, body))
    }

    private func operation<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) -> @Sendable (inout Engine.Writer) throws(VaultError) -> Answer {
        { [self] (transaction) throws(VaultError) in
            let known = OrganizationNumber(tenant.number.load(ordering: .acquiring))
            let number = known.rawValue != 0 ? known : try transaction.intern(tenant.id, at: clock()).number
            return try operate(&transaction, in: number, body)
        }
    }

    /// Runs one operation of an organization inside a transaction that is open.
    func operate<Answer>(
        _ transaction: inout Engine.Writer, in organization: OrganizationNumber,
        _ body: (inout Engine.Writer, inout WriteScope) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        try transaction.operate(in: organization, at: clock(), actor: actor, identifiers: identifiers, body)
    }

    /// The file's identifiers read as this program reads them now.
    func didRekey() { acceptsWrites.store(true, ordering: .relaxed) }

    private func refuseUnderOtherRules() throws(VaultError) {
        if acceptsWrites.load(ordering: .relaxed) { return }
        throw VaultError(
            .rekeyRequired,
            "the vault was normalised by \(meta.normalizer), this program has \(Normalizer.version)",
            advice: "run `vaultdb rekey` once, or use the program version that wrote it")
    }
}
