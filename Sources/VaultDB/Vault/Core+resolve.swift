internal import Foundation
internal import Logging
internal import Storage

/// The life of a resolve: answer from a snapshot where nothing has to change, and hand it to the writer otherwise.
extension Core {
    func resolve(_ request: ResolveRequest, _ tenant: Tenant) async throws(VaultError) -> Resolution {
        switch try prepare(request, tenant) {
        case .answered(let resolution): return resolution
        case .writes(let query):
            return try await write(tenant, operation(request.idempotencyKey, .success(query))) { tell($0, $1) }
        }
    }

    func resolveBlocking(_ request: ResolveRequest, _ tenant: Tenant) throws(VaultError) -> Resolution {
        switch try prepare(request, tenant) {
        case .answered(let resolution): return resolution
        case .writes(let query):
            return try writeBlocking(tenant, operation(request.idempotencyKey, .success(query))) { tell($0, $1) }
        }
    }

    enum Preparation {
        case answered(Resolution)
        case writes(ResolveQuery)
    }

    /// Everything that needs no write lock.
    @inline(__always)
    func prepare(_ request: ResolveRequest, _ tenant: Tenant) throws(VaultError) -> Preparation {
        if request.idempotencyKey == nil {
            switch try look(request, tenant) {
            case .match(let resolution): return .answered(request.isDryRun ? resolution : logged(resolution))
            case .unknown where !request.isDryRun:
                let query = try ResolveQuery(request, region: region(request.region, for: tenant), normalizer)
                if query.phoneVariants.isEmpty { return .writes(query) }
            case .unknown, .undecided: break
            }
        }
        return try consider(request, tenant)
    }

    /// A phone that looks like E.164 is tried as it stands: stored numbers are fixed points of normalising, so finding
    /// it proves that it is normalised. Only what is not found needs libphonenumber.
    @inline(__always)
    private func look(_ request: ResolveRequest, _ tenant: Tenant) throws(VaultError) -> QuickLook<Resolution> {
        guard let number = try number(of: tenant) else { return .undecided }
        let phone: PhoneNumber?
        if let raw = request.phone {
            if let candidate = PhoneNumber.candidate(utf8: raw.utf8.span) {
                phone = candidate
            } else {
                phone = normalizer.phone(raw, region: try region(request.region, for: tenant))
            }
        } else {
            phone = nil
        }
        let query = try ResolveQuery(request, phone: phone, normalizer)
        return try engine.read { (snapshot) throws(VaultError) in try snapshot.look(query, in: number) }
    }

    private func consider(_ request: ResolveRequest, _ tenant: Tenant) throws(VaultError) -> Preparation {
        try IdempotencyKey.validate(request.idempotencyKey)
        let key = request.idempotencyKey.map(IdempotencyKey.init)
        if let key, let answer = try firstResolution(to: key, tenant) { return .answered(answer) }
        let region = try region(request.region, for: tenant)
        let query = try ResolveQuery(request, region: region, normalizer)
        guard let number = try number(of: tenant) else {
            // Nobody is known yet, so a phone that may only stand for another one finds nobody.
            guard query.identifierCount > 0 else { throw .noUsableIdentifier }
            return request.isDryRun ? .answered(ResolvePlan(warnings: query.warnings).resolution) : .writes(query)
        }
        return try engine.read { (snapshot) throws(VaultError) in
            let plan = try snapshot.plan(query, in: number)
            if request.isDryRun { return .answered(plan.resolution) }
            return plan.changesNothing && key == nil ? .answered(logged(plan.resolution)) : .writes(query)
        }
    }

    private func firstResolution(to key: IdempotencyKey, _ tenant: Tenant) throws(VaultError) -> Resolution? {
        try read(tenant) { (snapshot, number) throws(VaultError) -> Resolution? in
            try snapshot.firstAnswer(to: key, of: nil, in: number)
        } ?? nil
    }

    /// - Parameter query: what is to be resolved, or why nothing can be, which a key that was answered does not ask.
    func operation(
        _ idempotencyKey: String?, _ query: Result<ResolveQuery, VaultError>
    ) -> Operation<Resolution> {
        { (transaction, scope) throws(VaultError) in
            try transaction.once(idempotencyKey, of: nil, &scope) { (transaction, scope) throws(VaultError) in
                try transaction.resolve(query.get(), &scope)
            }
        }
    }

    // MARK: Telling

    /// Logs a match that changes nothing.
    @inline(__always)
    private func logged(_ hit: Resolution) -> Resolution {
        if logsHits { logger.debug("Identity match found", metadata: metadata(hit)) }
        return hit
    }

    /// Logs what a resolve by the writer did. One that changed nobody has found everything as it was, or repeats an
    /// answer.
    func tell(_ resolution: Resolution, _ isTold: Bool) {
        if isTold {
            log(resolution)
        } else if resolution.outcome != .created {
            _ = logged(resolution)
        }
    }

    func log(_ resolution: Resolution) {
        logger.info("\(resolution.sentence)", metadata: metadata(resolution))
    }

    private func metadata(_ resolution: Resolution) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["identity": "\(resolution.identity.id.text)"]
        if let matched = resolution.matched { metadata["matched"] = "\(matched.masked)" }
        if !resolution.enriched.isEmpty {
            metadata["enriched"] = .array(resolution.enriched.map { .string($0.masked) })
        }
        if !resolution.conflicts.isEmpty {
            metadata["conflicts"] = .array(resolution.conflicts.map { .string($0.identifier.masked) })
        }
        return metadata
    }
}

extension Resolution {
    /// In the words of the log.
    fileprivate var sentence: String {
        if outcome == .created { return "New identity created" }
        if !enriched.isEmpty { return "Enriched identity" }
        return conflicts.isEmpty ? "Identity match found, updated" : "Identity match found, in conflict with another"
    }
}
