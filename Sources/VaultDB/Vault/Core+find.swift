internal import Foundation
internal import Storage

/// Looking up without ever writing.
extension Core {
    func find(email raw: String, _ tenant: Tenant) throws(VaultError) -> UUID? {
        guard let email = EmailAddress(raw) else { return nil }
        return try owner(of: .email(email), tenant)
    }

    func find(phone raw: String, region: Region?, _ tenant: Tenant) throws(VaultError) -> UUID? {
        try find(phone: raw.utf8.span, region: region, tenant) { (phone) throws(VaultError) in
            try owner(of: .phone(phone), tenant)
        }
    }

    /// Whose a phone is, however it is spelled.
    /// - Parameter look: whose a number is.
    @inline(__always)
    func find(
        phone utf8: Span<UInt8>, region: Region?, _ tenant: Tenant,
        _ look: (PhoneNumber) throws(VaultError) -> UUID?
    ) throws(VaultError) -> UUID? {
        // What is found under a candidate is normalised; see `PhoneNumber.candidate`.
        if let candidate = PhoneNumber.candidate(utf8: utf8), let owner = try look(candidate) { return owner }
        let region = try self.region(region, for: tenant)
        if let phone = normalizer.phone(utf8: utf8, region: region) { return try look(phone) }
        guard let valid = try? UTF8Span(validating: utf8) else { return nil }
        for variant in normalizer.whatsAppVariants(ofInvalid: String(copying: valid)) {
            if let owner = try look(variant) { return owner }
        }
        return nil
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

    /// - Parameter region: of a phone, where it is not the organization's.
    func identifier(
        _ raw: String, _ kind: IdentifierKind, region: Region? = nil, _ tenant: Tenant
    ) throws(VaultError) -> Identifier {
        switch kind {
        case .email:
            if let email = EmailAddress(raw) { return .email(email) }
            throw .invalid(
                "that is not a usable email address, so it never matches anybody", advice: "check how it is written")
        case .phone:
            let region = try self.region(region, for: tenant)
            let phone =
                normalizer.phone(raw, region: region)
                ?? normalizer.whatsAppVariants(ofInvalid: raw).first
            if let phone { return .phone(phone) }
            throw .invalid(
                "that is not a valid phone number in region \(region.code), so it never matches anybody",
                advice: "check how it is written, or give it with its country code")
        case .external:
            if let external = ExternalID(raw) { return .external(external) }
            throw ExternalID.refusal(of: raw)
        }
    }
}
