internal import Foundation
internal import Storage

/// Putting records, one by one or many in one transaction.
extension Core {
    func put(_ draft: RecordDraft, _ tenant: Tenant) async throws(VaultError) -> PutAnswer {
        tell(try await write(tenant, operation(draft, tenant)))
    }

    func putBlocking(_ draft: RecordDraft, _ tenant: Tenant) throws(VaultError) -> PutAnswer {
        tell(try writeBlocking(tenant, operation(draft, tenant)))
    }

    func tell(_ answer: PutAnswer) -> PutAnswer {
        if let resolution = answer.resolution { _ = tell(resolution) }
        return answer
    }

    func operation(_ draft: RecordDraft, _ tenant: Tenant) throws(VaultError) -> Operation<PutAnswer> {
        try draft.validate()
        let query = try usable(draft, phone: nil, tenant)
        return { (transaction, scope) throws(VaultError) in try transaction.put(draft, query, &scope) }
    }

    /// What a draft can be resolved by; nil where nothing is usable.
    /// - Parameter phone: its phone, where the caller has normalised it already; the outer nil means that it has not.
    func usable(_ draft: RecordDraft, phone: PhoneNumber??, _ tenant: Tenant) throws(VaultError) -> ResolveQuery? {
        do throws(VaultError) {
            if let phone { return try ResolveQuery(draft.request, phone: phone, normalizer) }
            return try ResolveQuery(draft.request, region: region(of: tenant), normalizer)
        } catch {
            if error.code == .noUsableIdentifier { return nil }
            throw error
        }
    }
}
