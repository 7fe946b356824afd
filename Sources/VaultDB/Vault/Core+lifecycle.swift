internal import Foundation
internal import Logging
internal import Storage

/// Merging, keeping apart and erasing, as operations of the writer.
extension Core {
    func merge(_ a: UUID, into b: UUID) -> Operation<MergeAnswer> {
        { [logger] (transaction, scope) throws(VaultError) in
            let answer = try transaction.merge(a, into: b, &scope)
            logger.info("Identity merged", metadata: ["identity": "\(a.text)", "into": "\(answer.identity.text)"])
            return answer
        }
    }

    func unmerge(_ merge: UUID) -> Operation<MergeAnswer> {
        { [logger] (transaction, scope) throws(VaultError) in
            let answer = try transaction.unmerge(merge, &scope)
            logger.info("Merge undone", metadata: ["merge": "\(merge.text)", "identity": "\(answer.identity.text)"])
            return answer
        }
    }

    func keepApart(_ a: UUID, _ b: UUID) -> Operation<[Conflict]> {
        { (transaction, scope) throws(VaultError) in try transaction.keepApart(a, b, &scope) }
    }

    func erase(_ id: UUID) -> Operation<ErasureAnswer> {
        { [logger] (transaction, scope) throws(VaultError) in
            let answer = try transaction.erase(id, &scope)
            logger.info("Identity erased", metadata: ["identity": "\(answer.identity.text)"])
            return answer
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
}
