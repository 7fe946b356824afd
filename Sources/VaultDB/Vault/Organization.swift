public import Foundation
internal import LMDB
internal import Storage

/// One tenant of a vault. Nothing is ever matched, read or counted across organizations.
///
/// It does not keep the vault open: once the `Vault` is closed or nobody holds it any more, every call throws `misuse`.
public struct Organization: Sendable {
    let core: Core<Environment>
    let tenant: Core<Environment>.Tenant

    public var id: UUID { tenant.id }

    /// The region of phones without a country code.
    public func region() throws(VaultError) -> Region { try core.region(of: tenant) }

    /// Sets that region. It counts for what is normalised from now on; another process that has the vault open notices
    /// it with its next write for the organization, which is told to try again (`busy`).
    public func setRegion(_ region: Region) async throws(VaultError) { try await core.setRegion(region, of: tenant) }

    /// The blocking twin.
    public func setRegionBlocking(_ region: Region) throws(VaultError) {
        try core.setRegionBlocking(region, of: tenant)
    }

    // MARK: Resolve

    /// Finds or creates one person's identity, in one transaction.
    ///
    /// A match that changes nothing is answered from a snapshot, without waiting for anybody.
    /// - Throws: `noUsableIdentifier` where nothing given can identify anybody; nothing is written then.
    public func resolve(_ request: ResolveRequest) async throws(VaultError) -> Resolution {
        try await core.resolve(request, tenant)
    }

    /// The blocking twin, for plain programs.
    public func resolveBlocking(_ request: ResolveRequest) throws(VaultError) -> Resolution {
        try core.resolveBlocking(request, tenant)
    }

    /// `resolve` with its parts in place.
    public func resolve(
        email: String? = nil, phone: String? = nil, externals: [String] = [], name: String? = nil,
        source: String? = nil
    ) async throws(VaultError) -> Resolution {
        try await core.resolve(
            ResolveRequest(email: email, phone: phone, externals: externals, name: name, source: source), tenant)
    }

    /// The blocking twin.
    public func resolveBlocking(
        email: String? = nil, phone: String? = nil, externals: [String] = [], name: String? = nil,
        source: String? = nil
    ) throws(VaultError) -> Resolution {
        try core.resolveBlocking(
            ResolveRequest(email: email, phone: phone, externals: externals, name: name, source: source), tenant)
    }

    // MARK: Find

    /// The id of the identity that owns an email, however it is spelled. Never writes.
    public func find(email: String) throws(VaultError) -> UUID? { try core.find(email: email, tenant) }

    /// The id of the identity that owns a phone, however it is spelled. Never writes.
    public func find(phone: String, region: Region? = nil) throws(VaultError) -> UUID? {
        try core.find(phone: phone, region: region, tenant)
    }

    /// The id of the identity that owns an external id, given as `namespace:value`. Never writes.
    public func find(external: String) throws(VaultError) -> UUID? { try core.find(external: external, tenant) }

    /// The identity with this id; after a merge, the one it lives on in.
    /// - Returns: nil where the id was never given out.
    /// - Throws: `erased` where the identity was.
    public func identity(_ id: UUID) throws(VaultError) -> FoundIdentity? { try core.identity(id, tenant) }

    /// The identity that an answer to a write names, as it is now, for its primaries. The write is committed, so it is
    /// answered whatever has become of its identity since.
    /// - Returns: nil where it was erased meanwhile, and for an id that was never given out.
    package func identity(answered id: UUID) throws(VaultError) -> Identity? {
        do throws(VaultError) {
            return try identity(id)?.identity
        } catch {
            guard error.code == .erased else { throw error }
            return nil
        }
    }

    /// People by the beginnings of words of their names, best first, whatever the case and the accents: `juan per`
    /// finds Juan Pérez. Never writes.
    ///
    /// - Parameters:
    ///   - text: one to 8 words, at most 256 bytes.
    ///   - limit: lists at most so many, 1 to 1,000.
    /// - Throws: `invalidArgument` where text or limit are out of bounds.
    public func search(_ text: String, limit: Int = 20) throws(VaultError) -> NameSearchResult {
        try core.search(text, limit: limit, tenant)
    }

    // MARK: Identifiers

    /// Normalises an identifier as this organization does.
    /// - Parameter region: of a phone, where it is not the organization's.
    /// - Throws: `invalidArgument` where it is not usable.
    public func identifier(
        _ raw: String, kind: IdentifierKind, region: Region? = nil
    ) throws(VaultError) -> Identifier {
        try core.identifier(raw, kind, region: region, tenant)
    }

    /// Marks an identifier as one that identifies nobody alone: a family's mailbox, a reception's phone.
    @discardableResult
    public func share(_ identifier: Identifier) async throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier shared", try await core.write(tenant, core.mark(identifier, as: .shared)))
    }

    /// The blocking twin.
    @discardableResult
    public func shareBlocking(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier shared", try core.writeBlocking(tenant, core.mark(identifier, as: .shared)))
    }

    /// Marks an identifier as one that is never used for matching.
    @discardableResult
    public func block(_ identifier: Identifier) async throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier blocked", try await core.write(tenant, core.mark(identifier, as: .blocked)))
    }

    /// The blocking twin.
    @discardableResult
    public func blockBlocking(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier blocked", try core.writeBlocking(tenant, core.mark(identifier, as: .blocked)))
    }

    /// Gives a shared or blocked identifier back to the identity that holds it, or frees an owned one.
    /// - Throws: `notFound` where nobody holds it and it is neither shared nor blocked.
    @discardableResult
    public func release(_ identifier: Identifier) async throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier released", try await core.write(tenant, core.release(identifier)))
    }

    /// The blocking twin.
    @discardableResult
    public func releaseBlocking(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        core.tell("Identifier released", try core.writeBlocking(tenant, core.release(identifier)))
    }

    // MARK: Review and audit

    /// A page of the review queue, from a cursor on. It may hold fewer than `limit` and still have a next.
    /// - Parameter limit: 1 to `Limits.scanEntriesMax`.
    public func conflictPage(
        in state: Conflict.State = .open, from cursor: ConflictCursor? = nil, limit: Int = 100
    ) throws(VaultError) -> ConflictPage {
        try Self.validate(limit: limit)
        return try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.conflictPage(in: state, from: cursor, limit: limit, in: number)
        } ?? ConflictPage(conflicts: [])
    }

    /// What tells whether anything about a person has changed: the sequence number of its last event, and when that was.
    /// Nil for an identity that is not there, was merged or erased.
    package func version(of id: UUID) throws(VaultError) -> (sequence: UInt64, updatedAt: Timestamp)? {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.withValue(Key.identity(id, in: number), in: Tables.identities) {
                (bytes) throws(VaultError) -> (sequence: UInt64, updatedAt: Timestamp)? in
                let identity = try IdentityView(bytes)
                let time = Timestamp(microseconds: Int64(bitPattern: identity.updatedAt))
                guard identity.isLiving, let time else { return nil }
                return (identity.lastSequence, time)
            } ?? nil
        } ?? nil
    }

    /// The conflicts of one identity, in whatever state; none where it is not known.
    public func conflicts(of id: UUID) throws(VaultError) -> [Conflict] {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.conflicts(of: id, in: number)
        } ?? []
    }

    /// What there is between two identities: their open conflicts, or where there are none, those that were settled.
    package func conflicts(between one: UUID, _ other: UUID) throws(VaultError) -> [Conflict] {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.conflicts(between: one, other, in: number)
        } ?? []
    }

    /// The trail from a sequence number on, oldest first.
    /// - Parameter limit: 1 to `Limits.scanEntriesMax`.
    public func events(from sequence: UInt64 = 1, limit: Int = 100) throws(VaultError) -> [Event] {
        try Self.validate(limit: limit)
        return try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.events(from: sequence, limit: limit, in: number)
        } ?? []
    }

    /// Walks the whole audit chain.
    /// - Parameter progress: gets the events done so far; throws to stop. It must neither write to the vault nor close
    ///   it.
    public func verifyAudit(
        progress: (UInt64) throws(VaultError) -> Void = { (_) throws(VaultError) in }
    ) throws(VaultError) -> AuditVerification {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.verifyAudit(of: number, progress: progress)
        } ?? AuditVerification(events: 0, faults: [])
    }

    /// Compares every entry of the organization with those it must agree with, on one snapshot; `Vault.check` does so
    /// for all of them.
    /// - Parameter progress: gets the entries done so far; throws to stop. It must neither write to the vault nor close
    ///   it.
    public func check(
        progress: @escaping (Int) throws(VaultError) -> Void = { (_) throws(VaultError) in }
    ) throws(VaultError) -> CheckReport {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            var check = Check(number, id: id, progress: progress)
            try check.run(snapshot)
            return check.report
        } ?? CheckReport()
    }

    /// The organization's counters.
    public func ledger() throws(VaultError) -> Ledger {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in try snapshot.ledger(of: number) } ?? Ledger()
    }
}
