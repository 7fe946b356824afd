public import Foundation
internal import LMDB
internal import Storage

/// One tenant of a vault. Nothing is ever matched, read or counted across organizations.
public struct Organization: Sendable {
    let core: Core<Environment>
    let tenant: Core<Environment>.Tenant

    public var id: UUID { tenant.id }

    /// The region of phones without a country code.
    public func region() throws(VaultError) -> Region { try core.region(of: tenant) }

    /// Sets that region. It counts for what is normalised from now on.
    public func setRegion(_ region: Region) throws(VaultError) { try core.setRegion(region, of: tenant) }

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
    public func identity(_ id: UUID) throws(VaultError) -> FoundIdentity? { try core.identity(id, tenant) }

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
    /// - Throws: `invalidArgument` where it is not usable.
    public func identifier(_ raw: String, kind: IdentifierKind) throws(VaultError) -> Identifier {
        try core.identifier(raw, kind, tenant)
    }

    /// Marks an identifier as one that identifies nobody alone: a family's mailbox, a reception's phone.
    @discardableResult
    public func share(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        try core.mark(identifier, as: .shared, tenant)
    }

    /// Marks an identifier as one that is never used for matching.
    @discardableResult
    public func block(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        try core.mark(identifier, as: .blocked, tenant)
    }

    /// Gives a shared or blocked identifier back to the identity that holds it, or frees an owned one.
    @discardableResult
    public func release(_ identifier: Identifier) throws(VaultError) -> IdentifierStateChange {
        try core.release(identifier, tenant)
    }

    // MARK: Review and audit

    /// The review queue, in a stable order, after `cursor` where one is given.
    public func conflicts(
        in state: Conflict.State = .open, after cursor: Conflict? = nil, limit: Int = 100
    ) throws(VaultError) -> [Conflict] {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.conflicts(in: state, after: cursor, limit: limit, in: number)
        } ?? []
    }

    /// The trail from a sequence number on, oldest first.
    public func events(from sequence: UInt64 = 1, limit: Int = 100) throws(VaultError) -> [Event] {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.events(from: sequence, limit: limit, in: number)
        } ?? []
    }

    /// The events of one identity, newest first.
    public func history(of id: UUID, limit: Int = 100) throws(VaultError) -> [Event] {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            guard let identity = try snapshot.identity(id, in: number) else { return [] }
            return try snapshot.history(of: identity, limit: limit, in: number)
        } ?? []
    }

    /// Walks the whole audit chain.
    public func verifyAudit() throws(VaultError) -> AuditVerification {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.verifyAudit(of: number) { _ in }
        } ?? AuditVerification(events: 0, faults: [])
    }

    /// The organization's counters.
    public func ledger() throws(VaultError) -> Ledger {
        try core.read(tenant) { (snapshot, number) throws(VaultError) in try snapshot.ledger(of: number) } ?? Ledger()
    }
}
