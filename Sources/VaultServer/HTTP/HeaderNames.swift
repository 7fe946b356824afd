internal import HTTPTypes

/// Headers that the library of HTTP's types has no names for.
extension HTTPField.Name {
    static let organization = named("X-Organization-Id")
    static let idempotencyKey = named("Idempotency-Key")
    static let fetchSite = named("Sec-Fetch-Site")
    static let link = named("Link")
    static let hubSignature = named("X-Hub-Signature-256")
    static let referrerPolicy = named("Referrer-Policy")
    static let frameOptions = named("X-Frame-Options")
    static let openerPolicy = named("Cross-Origin-Opener-Policy")
    static let resourcePolicy = named("Cross-Origin-Resource-Policy")
    static let permissionsPolicy = named("Permissions-Policy")

    private static func named(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no name of a header") }
        return name
    }
}
