internal import Foundation
internal import Logging
internal import Storage

/// What has to hold of what there is between two identities, where a decision about them is written.
package typealias ConflictsCheck = @Sendable ([Conflict]) -> Bool

extension ReadTransaction where Self: ~Copyable {
    /// - Throws: `refused` where it does not hold.
    fileprivate borrowing func require(
        _ holds: ConflictsCheck?, between one: UUID, _ other: UUID, in organization: OrganizationNumber
    ) throws(VaultError) {
        guard let holds, try !holds(conflicts(between: one, other, in: organization)) else { return }
        throw VaultError(.refused, "what there is between the two has changed", advice: "look at them again")
    }
}

/// Merging, keeping apart, erasing, and the states of identifiers, as operations of the writer.
extension Core {
    func merge(_ a: UUID, into b: UUID, if holds: ConflictsCheck? = nil) -> Operation<MergeAnswer> {
        { (transaction, scope) throws(VaultError) in
            try transaction.require(holds, between: a, b, in: scope.organization)
            return try transaction.merge(a, into: b, &scope)
        }
    }

    func unmerge(_ merge: UUID) -> Operation<MergeAnswer> {
        { (transaction, scope) throws(VaultError) in try transaction.unmerge(merge, &scope) }
    }

    func keepApart(_ a: UUID, _ b: UUID, if holds: ConflictsCheck? = nil) -> Operation<[Conflict]> {
        { (transaction, scope) throws(VaultError) in
            try transaction.require(holds, between: a, b, in: scope.organization)
            return try transaction.keepApart(a, b, &scope)
        }
    }

    func erase(_ id: UUID) -> Operation<ErasureAnswer> {
        { (transaction, scope) throws(VaultError) in try transaction.erase(id, &scope) }
    }

    func replay(_ erasure: Erasure, beside others: Set<UUID> = []) -> Operation<Replay> {
        { (transaction, scope) throws(VaultError) in try transaction.replay(erasure, beside: others, &scope) }
    }

    func forgetErasures() -> Operation<Int> {
        { (transaction, scope) throws(VaultError) in try transaction.forgetErasures(&scope) }
    }

    func mark(_ identifier: Identifier, as state: IdentifierState) -> Operation<IdentifierStateChange> {
        { (transaction, scope) throws(VaultError) in try transaction.mark(identifier, as: state, &scope) }
    }

    func release(_ identifier: Identifier) -> Operation<IdentifierStateChange> {
        { (transaction, scope) throws(VaultError) in try transaction.release(identifier, &scope) }
    }

    // MARK: Reading

    func previewMerge(_ a: UUID, into b: UUID, _ tenant: Tenant) throws(VaultError) -> MergePreview {
        let reading = RecordReading(normalizer: normalizer, region: try region(of: tenant))
        return try found(a, tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.mergePlan(a, into: b, reading, in: number).preview
        }
    }

    func merges(before cursor: UUID?, limit: Int, _ tenant: Tenant) throws(VaultError) -> [Merge] {
        try read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.merges(before: cursor, limit: limit, in: number)
        } ?? []
    }

    func erasures(after cursor: UUID?, limit: Int, _ tenant: Tenant) throws(VaultError) -> [Erasure] {
        try read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.erasures(after: cursor, limit: limit, in: number)
        } ?? []
    }

    func holdings(of identifier: Identifier, _ tenant: Tenant) throws(VaultError) -> [Holding] {
        try read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.holdings(of: identifier, in: number)
        } ?? []
    }

    func holdings(by id: UUID, _ tenant: Tenant) throws(VaultError) -> [Holding] {
        try found(id, tenant) { (snapshot, number) throws(VaultError) in
            _ = try snapshot.living(id, in: number)
            guard let identity = try snapshot.identity(id, in: number) else { throw .unknownIdentity(id) }
            return try snapshot.holdings(by: identity, in: number)
        }
    }

    /// Reads what must be there: an organization that is not known has nobody.
    func found<Answer>(
        _ id: UUID, _ tenant: Tenant,
        _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        guard let answer = try read(tenant, body) else { throw .unknownIdentity(id) }
        return answer
    }

    // MARK: Telling

    /// Logs what a merge or its undoing did, once it is committed.
    func tell(_ what: String, _ answer: MergeAnswer) -> MergeAnswer {
        logger.info(
            "\(what)", metadata: ["merge": "\(answer.merge.text)", "identity": "\(answer.identity.text)"])
        return answer
    }

    /// The same of an erasure.
    func tell(_ answer: ErasureAnswer) -> ErasureAnswer {
        logger.info("Identity erased", metadata: ["identity": "\(answer.identity.text)"])
        return answer
    }

    /// The same of an identifier's state. One that stays as it was is no news.
    func tell(_ what: String, _ change: IdentifierStateChange) -> IdentifierStateChange {
        if change.before == change.after { return change }
        var metadata: Logger.Metadata = ["identifier": "\(change.identifier.masked)"]
        if let holder = change.holder { metadata["identity"] = "\(holder.text)" }
        logger.info("\(what)", metadata: metadata)
        return change
    }
}
