internal import Foundation
internal import Logging
internal import Storage

/// Merging, keeping apart, erasing, and the states of identifiers, as operations of the writer.
extension Core {
    func merge(_ a: UUID, into b: UUID) -> Operation<MergeAnswer> {
        { (transaction, scope) throws(VaultError) in try transaction.merge(a, into: b, &scope) }
    }

    func unmerge(_ merge: UUID) -> Operation<MergeAnswer> {
        { (transaction, scope) throws(VaultError) in try transaction.unmerge(merge, &scope) }
    }

    func keepApart(_ a: UUID, _ b: UUID) -> Operation<[Conflict]> {
        { (transaction, scope) throws(VaultError) in try transaction.keepApart(a, b, &scope) }
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

    /// Reads what must be there: an organization that is not known has nobody.
    func found<Answer>(
        _ id: UUID, _ tenant: Tenant,
        _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        guard let answer = try read(tenant, body) else { throw .unknownIdentity(id) }
        return answer
    }
}
