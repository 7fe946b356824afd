internal import Foundation
internal import Logging
internal import Storage

/// Looking up without ever writing.
extension Core {
    func find(email raw: String, _ tenant: Tenant) throws(VaultError) -> UUID? {
        guard let email = normalizer.email(raw) else { return nil }
        return try owner(of: .email(email), tenant)
    }

    func find(phone raw: String, region: Region?, _ tenant: Tenant) throws(VaultError) -> UUID? {
        // What is found under a candidate is normalised; see `PhoneNumber.candidate`.
        if let candidate = PhoneNumber.candidate(utf8: raw.utf8.span),
            let owner = try owner(of: .phone(candidate), tenant)
        {
            return owner
        }
        let region = try self.region(region, for: tenant)
        if let phone = normalizer.phone(raw, region: region) { return try owner(of: .phone(phone), tenant) }
        let variants = normalizer.whatsAppVariants(ofInvalid: raw, region: region)
        guard !variants.isEmpty, let number = try number(of: tenant) else { return nil }
        return try engine.read { (snapshot) throws(VaultError) in
            try snapshot.knownEntry(among: variants.map(Identifier.phone), in: number)?.entry.owner
        }
    }

    func find(external raw: String, _ tenant: Tenant) throws(VaultError) -> UUID? {
        guard let external = ExternalID(raw), let number = try number(of: tenant) else { return nil }
        return try engine.read { (snapshot) throws(VaultError) in
            try snapshot.knownEntry(of: .external(external), in: number)?.entry.owner
        }
    }

    @inline(__always)
    private func owner(of identifier: Identifier, _ tenant: Tenant) throws(VaultError) -> UUID? {
        guard let number = try number(of: tenant) else { return nil }
        let entry = try engine.read { (snapshot) throws(VaultError) in try snapshot.entry(of: identifier, in: number) }
        return entry?.owner
    }

    /// - Returns: nil where the id was never given out.
    func identity(_ id: UUID, _ tenant: Tenant) throws(VaultError) -> FoundIdentity? {
        do throws(VaultError) {
            return try read(tenant) { (snapshot, number) throws(VaultError) in try snapshot.living(id, in: number) }
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    func search(_ text: String, limit: Int, _ tenant: Tenant) throws(VaultError) -> NameSearchResult {
        // What is wrong with the text is told in an organization without people as well.
        let search = try NameSearch(text, limit: limit)
        return try read(tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.people(found: search, in: number)
        } ?? NameSearchResult(matches: [], isComplete: true)
    }

    func identifier(
        _ raw: String, _ kind: IdentifierKind, _ tenant: Tenant
    ) throws(VaultError) -> Identifier {
        switch kind {
        case .email:
            if let email = normalizer.email(raw) { return .email(email) }
            throw .invalid("that is not a usable email address, so it never matches anybody")
        case .phone:
            let region = try region(of: tenant)
            let phone =
                normalizer.phone(raw, region: region)
                ?? normalizer.whatsAppVariants(ofInvalid: raw, region: region).first
            if let phone { return .phone(phone) }
            throw .invalid("that is not a valid phone number in region \(region.code), so it never matches anybody")
        case .external:
            if let external = ExternalID(raw) { return .external(external) }
            throw .invalid("an external id is namespace:value", advice: "for example stripe:cus_123")
        }
    }

    func mark(
        _ identifier: Identifier, as state: IdentifierState, _ tenant: Tenant
    ) throws(VaultError) -> IdentifierStateChange {
        tell(
            "Identifier \(state)",
            try writeBlocking(tenant) { (transaction, scope) throws(VaultError) in
                try transaction.mark(identifier, as: state, &scope)
            })
    }

    func release(_ identifier: Identifier, _ tenant: Tenant) throws(VaultError) -> IdentifierStateChange {
        tell(
            "Identifier released",
            try writeBlocking(tenant) { (transaction, scope) throws(VaultError) in
                try transaction.release(identifier, &scope)
            })
    }

    private func tell(_ what: String, _ change: IdentifierStateChange) -> IdentifierStateChange {
        var metadata: Logger.Metadata = ["identifier": "\(change.identifier.masked)"]
        if let holder = change.holder { metadata["identity"] = "\(holder.text)" }
        logger.info("\(what)", metadata: metadata)
        return change
    }
}
