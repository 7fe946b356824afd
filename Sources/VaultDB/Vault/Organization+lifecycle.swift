public import Foundation
internal import Storage

/// Review, merges and erasure.
extension Organization {
    // MARK: Merging

    /// What merging would do.
    /// - Throws: as `merge` does.
    public func previewMerge(_ a: UUID, into b: UUID) throws(VaultError) -> MergePreview {
        try core.previewMerge(a, into: b, tenant)
    }

    /// Merges one identity into another: identifiers, records, names and conflicts move, and the id of the first
    /// redirects to the second from then on.
    /// - Throws: `notFound` and `erased`; `refused` for an identity with itself, for one that was merged already, and
    ///   where the two are one by now.
    @discardableResult
    public func merge(_ a: UUID, into b: UUID) async throws(VaultError) -> MergeAnswer {
        core.tell("Identity merged", try await core.write(tenant, core.merge(a, into: b)))
    }

    /// The same, decided about what there is between the two.
    /// - Throws: `refused` too where that does not hold any more.
    package func merge(
        _ a: UUID, into b: UUID, if holds: @escaping ConflictsCheck
    ) async throws(VaultError) -> MergeAnswer {
        core.tell("Identity merged", try await core.write(tenant, core.merge(a, into: b, if: holds)))
    }

    /// The blocking twin.
    @discardableResult
    public func mergeBlocking(_ a: UUID, into b: UUID) throws(VaultError) -> MergeAnswer {
        core.tell("Identity merged", try core.writeBlocking(tenant, core.merge(a, into: b)))
    }

    /// Undoes a merge: both identities are as they were before it, and what the survivor gained since stays with it.
    /// - Throws: `notFound` for an unknown merge, `refused` where a later one has to be undone first.
    @discardableResult
    public func unmerge(_ merge: UUID) async throws(VaultError) -> MergeAnswer {
        core.tell("Merge undone", try await core.write(tenant, core.unmerge(merge)))
    }

    /// The blocking twin.
    @discardableResult
    public func unmergeBlocking(_ merge: UUID) throws(VaultError) -> MergeAnswer {
        core.tell("Merge undone", try core.writeBlocking(tenant, core.unmerge(merge)))
    }

    /// The merges that can be undone, newest first, before the one that `cursor` names.
    /// - Parameter limit: 1 to `Limits.scanEntriesMax`.
    public func merges(before cursor: UUID? = nil, limit: Int = 100) throws(VaultError) -> [Merge] {
        try Self.validate(limit: limit)
        return try core.merges(before: cursor, limit: limit, tenant)
    }

    // MARK: Keeping apart

    /// Settles the open conflicts of two identities: they are two people. The same identifiers don't bring them up
    /// again.
    /// - Returns: the conflicts that were settled.
    /// - Throws: `notFound` where the two have no open conflict, or one is not known; `erased`; `refused` where the two
    ///   are one identity.
    @discardableResult
    public func keepApart(_ a: UUID, _ b: UUID) async throws(VaultError) -> [Conflict] {
        try await core.write(tenant, core.keepApart(a, b))
    }

    /// The same, decided about what there is between the two.
    /// - Throws: `refused` too where that does not hold any more.
    package func keepApart(
        _ a: UUID, _ b: UUID, if holds: @escaping ConflictsCheck
    ) async throws(VaultError) -> [Conflict] {
        try await core.write(tenant, core.keepApart(a, b, if: holds))
    }

    /// The blocking twin.
    @discardableResult
    public func keepApartBlocking(_ a: UUID, _ b: UUID) throws(VaultError) -> [Conflict] {
        try core.writeBlocking(tenant, core.keepApart(a, b))
    }

    // MARK: Erasure

    /// Erases a person: identifiers are free again, records are anonymous, and the id answers "erased" from then on.
    /// Bytes of it stay in free pages of the file until it is compacted.
    /// - Throws: `notFound` and `erased`.
    @discardableResult
    public func erase(_ id: UUID) async throws(VaultError) -> ErasureAnswer {
        core.tell(try await core.write(tenant, core.erase(id)))
    }

    /// The blocking twin.
    @discardableResult
    public func eraseBlocking(_ id: UUID) throws(VaultError) -> ErasureAnswer {
        core.tell(try core.writeBlocking(tenant, core.erase(id)))
    }

    /// The register of erasures, in the order of their ids, after the one that `cursor` names.
    /// - Parameter limit: 1 to `Limits.scanEntriesMax`.
    public func erasures(after cursor: UUID? = nil, limit: Int = 100) throws(VaultError) -> [Erasure] {
        try Self.validate(limit: limit)
        return try core.erasures(after: cursor, limit: limit, tenant)
    }

    /// Does an erasure again in a vault that was restored from a backup made before it.
    /// - Parameter others: ids that further erasures name, which are going to be replayed too: who was one person with one
    ///   of these when the backup was made is erased all the same.
    public func replay(_ erasure: Erasure, beside others: Set<UUID> = []) async throws(VaultError) -> Replay {
        try await core.write(tenant, core.replay(erasure, beside: others))
    }

    /// The blocking twin.
    public func replayBlocking(_ erasure: Erasure, beside others: Set<UUID> = []) throws(VaultError) -> Replay {
        try core.writeBlocking(tenant, core.replay(erasure, beside: others))
    }

    /// Deletes the key and the hashes by which the vault knows identifiers that were erased: `previously_erased` is
    /// not said of them any more.
    /// - Returns: how many hashes there were.
    @discardableResult
    public func forgetErasures() async throws(VaultError) -> Int {
        try await core.write(tenant, core.forgetErasures())
    }

    /// The blocking twin.
    @discardableResult
    public func forgetErasuresBlocking() throws(VaultError) -> Int {
        try core.writeBlocking(tenant, core.forgetErasures())
    }

    // MARK: Who held what when

    /// Every time during which an identifier was held, oldest first.
    public func holdings(of identifier: Identifier) throws(VaultError) -> [Holding] {
        try core.holdings(of: identifier, tenant)
    }

    /// What an identity holds and held: at one moment, or ever. A merged identity answers for itself.
    /// - Throws: `notFound` and `erased`.
    public func holdings(by id: UUID, at time: Timestamp? = nil) throws(VaultError) -> [Holding] {
        let all = try core.holdings(by: id, tenant)
        guard let time else { return all }
        return all.filter { $0.covers(time) }
    }
}
