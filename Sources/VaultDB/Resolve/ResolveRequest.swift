/// What is known of a person, as it came in.
public struct ResolveRequest: Sendable {
    public var email: String?
    public var phone: String?
    /// Each as `namespace:value`.
    public var externals: [String]
    public var name: String?
    /// Where it comes from, such as `public_booking`.
    public var source: String?
    /// For phones without a country code; the organization's where nil.
    public var region: Region?
    /// A repeated key gives the first answer again and writes nothing.
    public var idempotencyKey: String?
    /// Says what would happen and writes nothing.
    public var isDryRun: Bool

    public init(
        email: String? = nil, phone: String? = nil, externals: [String] = [], name: String? = nil,
        source: String? = nil, region: Region? = nil, idempotencyKey: String? = nil, isDryRun: Bool = false
    ) {
        self.email = email
        self.phone = phone
        self.externals = externals
        self.name = name
        self.source = source
        self.region = region
        self.idempotencyKey = idempotencyKey
        self.isDryRun = isDryRun
    }
}
