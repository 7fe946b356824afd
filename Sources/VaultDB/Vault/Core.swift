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
    private let ids = UUIDv7Generator()
    private let tenants = Mutex<[UUID: Tenant]>([:])
    /// What the file said of itself at opening. Its region and when it was made never change.
    private let opened: Meta
    /// Whether the file has become a vault by this opening.
    let isNew: Bool
    /// What normalises here.
    private let rules = Normalizer.version.description
    /// Up to which of the commits of others the file is known to be normalised by `rules`; see
    /// `WriteQueue.foreignCommits`.
    private let checked = Atomic<Int>(0)
    /// Rekeys under way here. Until one is committed or given up, what its transaction says of the rules is not to be
    /// remembered.
    let rekeys = Atomic<Int>(0)
    /// Identities that were created, since opening, but for those of imports that block.
    let created = Atomic<Int>(0)
    /// Whether hits are told as well. Asking the logger each time would cost more than many a hit.
    let logsHits: Bool

    /// - Parameters:
    ///   - region: for a new vault; an existing one keeps its own.
    ///   - bytesMax: likewise.
    ///   - organization: one that is made together with a new vault, and its region.
    ///   - creates: makes a vault of a file that holds none yet.
    init(
        engine: Engine, region: Region, bytesMax: Int = .max, organization: (id: UUID, region: Region)? = nil,
        normalizer: Normalizer, logger: Logger, actor: String?, isReadOnly: Bool, creates: Bool = true,
        writerNiceness: Int = 0,
        clock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) throws(VaultError) {
        self.engine = engine
        self.normalizer = normalizer
        self.logger = logger
        logsHits = logger.logLevel <= .debug
        self.actor = try boundedLine(actor, "actor", bytesMax: Limits.actorBytesMax)
        self.clock = clock
        let known = try engine.read { (snapshot) throws(VaultError) in try snapshot.meta() }
        if let known {
            (opened, isNew) = (known, false)
            if known.isOfFormatBefore, !isReadOnly {
                try engine.write { (transaction) throws(VaultError) in
                    // Another process may have changed it in between.
                    let known = try transaction.knownMeta()
                    if known.isOfFormatBefore { try transaction.put(Meta.key, known.encoded(), in: Tables.meta) }
                }
            }
        } else if isReadOnly || !creates {
            throw VaultError(.notAVault, "the file holds no vault", advice: "make one with `vaultdb init`")
        } else {
            let now = clock()
            let fresh = Meta(createdAt: now, region: region, bytesMax: UInt64(clamping: bytesMax), normalizer: rules)
            let (actor, ids) = (self.actor, self.ids)
            (opened, isNew) = try engine.write { (transaction) throws(VaultError) -> (Meta, Bool) in
                // Another process may have made the vault in between.
                if let known = try transaction.meta() { return (known, false) }
                try transaction.put(Meta.key, fresh.encoded(), in: Tables.meta)
                guard let (id, ownRegion) = organization else { return (fresh, true) }
                let number = try transaction.intern(id, at: now).number
                var scope = WriteScope(
                    number, at: now, actor: actor, ids: ids,
                    reading: RecordReading(normalizer: normalizer, region: region), ledger: Ledger())
                _ = try transaction.operate(&scope) { (transaction, scope) throws(VaultError) in
                    try transaction.setRegion(ownRegion, of: id, at: now, &scope)
                }
                return (fresh, true)
            }
        }
        writes = try WriteQueue(engine: engine, niceness: writerNiceness)
    }

    func close() { writes.close() }

    /// What the file says of itself now, for other processes may have changed it; as at opening where it can't be read.
    var meta: Meta { (try? engine.read { (snapshot) throws(VaultError) in try snapshot.meta() }) ?? opened }
    var region: Region { opened.region }
    var createdAt: Timestamp { opened.createdAt }
    var normalizerVersion: String { meta.normalizer }

    // MARK: Organizations

    func tenant(_ id: UUID) -> Tenant {
        tenants.withLock { tenants in
            if let known = tenants[id] { return known }
            let tenant = Tenant(id: id)
            // Whoever asks for ever new organizations gets them, and costs no memory.
            if tenants.count < Limits.organizationsRememberedMax { tenants[id] = tenant }
            return tenant
        }
    }

    /// The organization's number, or nil while nothing was ever written for it.
    func number(of tenant: Tenant) throws(VaultError) -> OrganizationNumber? {
        if let number = tenant.number { return number }
        let record = try engine.read { (snapshot) throws(VaultError) in try snapshot.organization(tenant.id) }
        guard let record else { return nil }
        tenant.learn(record)
        return record.number
    }

    func region(of tenant: Tenant) throws(VaultError) -> Region {
        if tenant.isDue() {
            try tenant.learn { () throws(VaultError) in
                try engine.read { (snapshot) throws(VaultError) in try snapshot.organization(tenant.id) }
            }
        }
        return tenant.region ?? opened.region
    }

    /// The region a call is to use: the one it names, or the organization's.
    func region(_ given: Region?, for tenant: Tenant) throws(VaultError) -> Region {
        if let given { return given }
        return try region(of: tenant)
    }

    /// Gives the organization a region of its own; it is made where it is not known yet.
    func setRegion(_ region: Region, of tenant: Tenant) async throws(VaultError) {
        tenant.changes.add(1, ordering: .relaxed)
        defer { endChange(of: tenant) }
        tenant.remember(try await write(tenant, change(of: tenant, to: region)))
    }

    func setRegionBlocking(_ region: Region, of tenant: Tenant) throws(VaultError) {
        tenant.changes.add(1, ordering: .relaxed)
        defer { endChange(of: tenant) }
        tenant.remember(try writeBlocking(tenant, change(of: tenant, to: region)))
    }

    private func endChange(of tenant: Tenant) {
        tenant.changes.subtract(1, ordering: .relaxed)
        // For those who remember it of their own; see `tenant(_:)`.
        writes.forgetWhatWasRead()
    }

    private func change(of tenant: Tenant, to region: Region) -> Operation<OrganizationRecord> {
        let now = clock()
        return { [writes] (transaction, scope) throws(VaultError) in
            writes.forgetWhatWasRead()
            return try transaction.setRegion(region, of: tenant.id, at: now, &scope)
        }
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

    /// What is done with an answer once it is committed.
    /// - Parameter isTold: whether the trail tells of what was done; where not, nobody has changed.
    typealias Telling<Answer> = @Sendable (_ answer: Answer, _ isTold: Bool) -> Void

    func write<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>, _ tell: Telling<Answer> = { _, _ in }
    ) async throws(VaultError) -> Answer {
        answer(of: try await writes.write(counted(tenant, body)), tell)
    }

    func writeBlocking<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>, _ tell: Telling<Answer> = { _, _ in }
    ) throws(VaultError) -> Answer {
        answer(of: try writes.writeBlocking(counted(tenant, body)), tell)
    }

    func submit<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) -> PendingWrite<Engine, Answer> {
        writes.submit(operation(tenant, body))
    }

    /// What an operation answers, how many identities it created, and whether it appended to the trail. Both count once
    /// it is committed.
    typealias Counted<Answer> = (answer: Answer, createdCount: Int, isTold: Bool)

    func counted<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) -> @Sendable (inout Engine.Writer) throws(VaultError) -> Counted<Answer> {
        operation(tenant) { (transaction, scope) throws(VaultError) -> Counted<Answer> in
            let answer = try body(&transaction, &scope)
            return (answer, scope.createdCount, scope.lastEventIdentity != nil)
        }
    }

    /// To be called when the operation is committed.
    func answer<Answer>(of done: Counted<Answer>, _ tell: Telling<Answer>) -> Answer {
        if done.createdCount > 0 { created.add(done.createdCount, ordering: .relaxed) }
        tell(done.answer, done.isTold)
        return done.answer
    }

    func operation<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>
    ) -> @Sendable (inout Engine.Writer) throws(VaultError) -> Answer {
        // What is to be written was read for this one; nil where nobody has looked at the organization yet.
        let region = tenant.number.map { _ in tenant.region ?? opened.region }
        return { [self] (transaction) throws(VaultError) in
            let foreignCommits = writes.foreignCommits
            try refuseOtherRules(transaction, foreignCommits)
            let organization = try intern(tenant, foreignCommits, &transaction)
            if let region, region != organization.region { throw .regionChanged }
            return try operate(&transaction, in: organization.number, region: organization.region, body)
        }
    }

    /// Runs one operation of an organization inside a transaction that is open.
    func operate<Answer>(
        _ transaction: inout Engine.Writer, in organization: OrganizationNumber, region: Region,
        _ body: (inout Engine.Writer, inout WriteScope) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        var scope = WriteScope(
            organization, at: clock(), actor: actor, ids: ids,
            reading: RecordReading(normalizer: normalizer, region: region),
            ledger: try transaction.ledger(of: organization))
        return try transaction.operate(&scope, body)
    }

    /// The organization as it is now. It is made where the vault does not know it.
    private func intern(
        _ tenant: Tenant, _ foreignCommits: Int, _ transaction: inout Engine.Writer
    ) throws(VaultError) -> (number: OrganizationNumber, region: Region) {
        if let number = tenant.number, tenant.isChecked(foreignCommits) {
            return (number, tenant.region ?? opened.region)
        }
        let record = try transaction.intern(tenant.id, at: clock())
        tenant.notice(record, foreignCommits)
        return (record.number, record.region ?? opened.region)
    }

    /// Refuses to write where the file's identifiers were normalised otherwise than this program does.
    private func refuseOtherRules(
        _ transaction: borrowing Engine.Writer, _ foreignCommits: Int
    ) throws(VaultError) {
        if checked.load(ordering: .relaxed) == foreignCommits { return }
        if try transaction.isNormalized(by: rules) {
            if rekeys.load(ordering: .relaxed) == 0 { checked.store(foreignCommits, ordering: .relaxed) }
            return
        }
        let found = try transaction.knownMeta().normalizer
        throw VaultError(
            .rekeyRequired, "the vault was normalised by \(found), this program has \(rules)",
            advice: "run `vaultdb rekey` once, or use the program version that wrote it")
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Gives the organization a region of its own; the trail tells of it where that is another.
    fileprivate mutating func setRegion(
        _ region: Region, of id: UUID, at now: Timestamp, _ scope: inout WriteScope
    ) throws(VaultError) -> OrganizationRecord {
        var record = try intern(id, at: now)
        guard record.region != region else { return record }
        record.region = region
        try put(record, of: id)
        try append(Event(.organizationChanged, at: now, actor: scope.actor), &scope)
        return record
    }
}

extension VaultError {
    static let regionChanged = VaultError(
        .busy, "the organization's region was changed meanwhile", advice: "try again")
}
