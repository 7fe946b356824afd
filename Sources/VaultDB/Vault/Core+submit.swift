internal import Foundation
internal import Storage

/// Writes for callers who neither wait nor block: an event loop hands them in, in its own order, and hears of each
/// when it is committed.
extension Core {
    typealias Delivery<Answer> = @Sendable (Result<Answer, VaultError>) -> Void

    /// Answers at once where nothing has to change; otherwise hands the request to the writer and answers nil.
    /// - Parameters:
    ///   - isForWriter: the request goes to the writer without a look at a snapshot: the caller has looked already, or
    ///     has writes waiting that the answer must take into account, which the writer does before it.
    ///   - deliver: called once, on the writer's thread, if and only if nil is answered.
    func submitResolve(
        _ request: ResolveRequest, _ tenant: Tenant, isForWriter: Bool, _ deliver: @escaping Delivery<Resolution>
    ) throws(VaultError) -> Resolution? {
        let query: Result<ResolveQuery, VaultError>
        if isForWriter, !request.isDryRun {
            try IdempotencyKey.validate(request.idempotencyKey)
            let region = try region(request.region, for: tenant)
            query = Result { () throws(VaultError) in try ResolveQuery(request, region: region, normalizer) }
            // With a key that was answered, it does not matter what is usable now.
            if request.idempotencyKey == nil { _ = try query.get() }
        } else {
            switch try prepare(request, tenant) {
            case .answered(let resolution): return resolution
            case .writes(let needed): query = .success(needed)
            }
        }
        submit(tenant, operation(request.idempotencyKey, query), { [self] in tell($0, $1) }, deliver)
        return nil
    }

    func submit<Answer: Sendable>(
        _ tenant: Tenant, _ body: @escaping Operation<Answer>, _ tell: @escaping Telling<Answer>,
        _ deliver: @escaping Delivery<Answer>
    ) {
        writes.enqueue(counted(tenant, body)) { [self] result in deliver(result.map { answer(of: $0, tell) }) }
    }
}

extension Organization {
    /// As `resolve`, for callers who can't wait; see `Core.submitResolve`.
    package func submitResolve(
        _ request: ResolveRequest, isForWriter: Bool,
        _ deliver: @escaping @Sendable (Result<Resolution, VaultError>) -> Void
    ) throws(VaultError) -> Resolution? {
        try core.submitResolve(request, tenant, isForWriter: isForWriter, deliver)
    }

    /// As `put`, for callers who can't wait.
    package func submitPut(
        _ draft: RecordDraft, _ deliver: @escaping @Sendable (Result<PutAnswer, VaultError>) -> Void
    ) throws(VaultError) {
        try core.submit(tenant, core.put(draft, tenant), { [core] in core.tell($0, $1) }, deliver)
    }
}
