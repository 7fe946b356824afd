internal import Foundation

/// A resolve request after step 1, normalisation: only usable identifiers are left, and a warning for each that was
/// not. Its identifiers are in the order of the waterfall.
struct ResolveQuery: Sendable {
    let externals: [ExternalID]
    let email: EmailAddress?
    let phone: PhoneNumber?
    /// What a phone that is not valid may stand for.
    let phoneVariants: [PhoneNumber]
    /// The organization's own region, which the phone was read for; nil where the call names one, and where the caller
    /// answers for it.
    private(set) var organizationRegion: Region?
    var name: String? { didSet { if name != oldValue { nameTokens = nil } } }
    /// The name's words, where they were made beforehand.
    private(set) var nameTokens: NameTokens?
    let source: String?
    private(set) var warnings: [Resolution.Warning]

    var identifierCount: Int { externals.count + (email == nil ? 0 : 1) + (phone == nil ? 0 : 1) }

    /// External ids, then email, then phone.
    var identifiers: [Identifier] {
        var identifiers: [Identifier] = []
        identifiers.reserveCapacity(identifierCount)
        for external in externals { identifiers.append(.external(external)) }
        if let email { identifiers.append(.email(email)) }
        if let phone { identifiers.append(.phone(phone)) }
        return identifiers
    }

    /// The identifier that the waterfall asks for first.
    var first: Identifier? {
        if let external = externals.first { return .external(external) }
        if let email { return .email(email) }
        return phone.map(Identifier.phone)
    }

    /// Makes ready what only a new person needs: for who does not keep the writer waiting with it.
    mutating func prepareForNewcomer() { nameTokens = name.map { NameTokens([$0]) } }

    /// Tells of these, too, that one was given which is not usable.
    mutating func warn(of kinds: [IdentifierKind]) {
        for kind in kinds where !warnings.contains(.invalid(kind)) { warnings.append(.invalid(kind)) }
    }

    /// Whether a stored identifier, given by its tag and bytes, is one of these and owned.
    func contains(tag: UInt8, text: RawSpan) -> Bool {
        switch tag {
        case IdentityFormat.ownedTag(.email): email.map { text.holds($0.rawValue) } ?? false
        case IdentityFormat.ownedTag(.phone): phone.map { $0.withASCII { text.equals($0.bytes) } } ?? false
        case IdentityFormat.ownedTag(.external): externals.contains { text.holds($0.rawValue) }
        default: false
        }
    }
}

extension ResolveQuery {
    /// Step 1 of resolve.
    /// - Throws: `noUsableIdentifier` where nothing is left, `invalidArgument` where a bound is exceeded.
    init(_ request: ResolveRequest, region: Region, _ normalizer: Normalizer) throws(VaultError) {
        try self.init(request, phone: request.phone.flatMap { normalizer.phone($0, region: region) }, normalizer)
        if request.region == nil, request.phone != nil { organizationRegion = region }
    }

    /// With the phone decided by the caller; nil with a phone in the request counts as invalid.
    init(_ request: ResolveRequest, phone: PhoneNumber?, _ normalizer: Normalizer) throws(VaultError) {
        guard request.externals.count <= Limits.externalsPerCallMax else {
            throw .invalid("more than \(Limits.externalsPerCallMax) external ids in one call", advice: "split the call")
        }
        var warnings: [Resolution.Warning] = []
        var externals: [ExternalID] = []
        for raw in request.externals {
            guard let external = ExternalID(raw) else {
                warnings.append(.invalid(.external))
                continue
            }
            if !externals.contains(external) { externals.append(external) }
        }
        email = request.email.flatMap { EmailAddress($0) }
        if email == nil, Self.isGiven(request.email) { warnings.append(.invalid(.email)) }
        self.phone = phone
        if phone == nil, let raw = request.phone, Self.isGiven(raw) {
            warnings.append(.invalid(.phone))
            phoneVariants = normalizer.whatsAppVariants(ofInvalid: raw)
        } else {
            phoneVariants = []
        }
        self.externals = externals
        self.warnings = warnings
        name = try Self.line(request.name, "name", bytesMax: Limits.nameBytesMax)
        source = try Self.line(request.source, "source", bytesMax: Limits.sourceBytesMax)
        guard identifierCount > 0 || !phoneVariants.isEmpty else { throw .noUsableIdentifier }
    }

    /// A field that is empty or blank counts as absent, not as invalid.
    fileprivate static func isGiven(_ raw: String?) -> Bool {
        guard let raw else { return false }
        return !raw.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }

    /// Most names and sources are one line already, and then are taken as they are.
    private static func line(_ raw: String?, _ what: String, bytesMax: Int) throws(VaultError) -> String? {
        guard let raw, !raw.isEmpty else { return nil }
        if raw.utf8.count <= bytesMax, raw.utf8.span.isPlainLine { return raw }
        return try boundedLine(raw, what, bytesMax: bytesMax)
    }
}

extension ResolveRequest {
    /// The warnings of a request in which nothing is usable.
    var unusable: [Resolution.Warning] {
        var warnings: [Resolution.Warning] = externals.map { _ in .invalid(.external) }
        if ResolveQuery.isGiven(email) { warnings.append(.invalid(.email)) }
        if ResolveQuery.isGiven(phone) { warnings.append(.invalid(.phone)) }
        return warnings
    }
}

extension VaultError {
    static let noUsableIdentifier = VaultError(
        .noUsableIdentifier, "no usable email, phone or external id was given",
        advice: "give at least one that is valid and neither shared nor blocked")
}

extension Span<UInt8> {
    /// Printable ASCII with single spaces inside and none at the ends: what `onOneLine` would surely not change.
    var isPlainLine: Bool {
        var isAfterSpace = true
        for index in indices {
            let byte = self[index]
            if byte < 0x20 || byte >= 0x7F || byte == 0x20 && isAfterSpace { return false }
            isAfterSpace = byte == 0x20
        }
        return !isAfterSpace
    }
}
