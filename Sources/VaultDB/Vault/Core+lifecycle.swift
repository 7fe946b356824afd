internal import Foundation
internal import Logging
internal import Storage

/// Merging, keeping apart and erasing, as operations of the writer.
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

    /// Reads what must be there: an organization that is not known has nobody.
    func found<Answer>(
        _ id: UUID, _ tenant: Tenant,
        _ body: (borrowing Engine.Reader, OrganizationNumber) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        guard let answer = try read(tenant, body) else { throw .unknownIdentity(id) }
        return answer
    }
}
