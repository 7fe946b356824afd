internal import Foundation
internal import Logging
internal import Storage

/// What to do with records, as operations of the writer.
extension Core {
    /// - Parameter call: whose record it is, as its idempotency key remembers it.
    func put(
        _ draft: RecordDraft, _ tenant: Tenant, as call: StoredAnswer.Put.Call = .put
    ) throws(VaultError) -> Operation<PutAnswer> {
        var draft = draft
        // What is no phone there may be one in another.
        let region = draft.region == nil && draft.phone != nil ? try region(of: tenant) : nil
        let query = try prepare(&draft, phone: nil, tenant)
        try IdempotencyKey.validate(draft.idempotencyKey)
        let prepared = draft
        return { (transaction, scope) throws(VaultError) in
            try transaction.once(prepared.idempotencyKey, of: call, &scope) {
                (transaction, scope) throws(VaultError) in
                try scope.refuse(readFor: region)
                var answer = try transaction.put(prepared, query, &scope)
                answer.warn(of: prepared, query)
                return answer
            }
        }
    }

    /// Makes a draft ready to be put: judged, and as it is kept.
    /// - Parameter phone: its phone, where the caller has normalised it already; the outer nil means that it has not.
    /// - Returns: what it can be resolved by; nil where nothing is usable.
    func prepare(
        _ draft: inout RecordDraft, phone: PhoneNumber??, _ tenant: Tenant
    ) throws(VaultError) -> ResolveQuery? {
        try draft.validate()
        draft.attributes = draft.attributes.map(JSONText.compacted)
        do throws(VaultError) {
            if let phone { return try ResolveQuery(draft.request, phone: phone, normalizer) }
            var query = try ResolveQuery(draft.request, region: region(draft.region, for: tenant), normalizer)
            query.warn(of: draft.unusable)
            return query
        } catch {
            if error.code == .noUsableIdentifier { return nil }
            throw error
        }
    }

    func delete(_ kind: RecordKind, _ id: String, _ deletion: Deletion) throws(VaultError) -> Operation<DeleteAnswer> {
        try RecordDraft.validate(id: id)
        return { (transaction, scope) throws(VaultError) in
            try transaction.delete(RecordKey(kind: kind, id: id), deletion, &scope)
        }
    }

    // MARK: Reading

    func record(_ kind: RecordKind, _ id: String, _ tenant: Tenant) throws(VaultError) -> Record? {
        try read(tenant) { (snapshot, number) throws(VaultError) in try snapshot.record(kind, id, in: number) } ?? nil
    }

    func contact(
        _ id: UUID, from cursor: RecordCursor?, order: TimelineOrder, limit: Int, _ tenant: Tenant
    ) throws(VaultError) -> Contact {
        try found(id, tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.contact(id, from: cursor, order: order, limit: limit, in: number)
        }
    }

    // MARK: Telling

    /// Logs whose record was put. One that changed nobody is no news.
    func tell(_ answer: PutAnswer, _ isTold: Bool) {
        if isTold, let resolution = answer.resolution { log(resolution) }
    }
}
