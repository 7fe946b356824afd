public import Foundation

/// A record to be put, with what its identity is to be found by.
public struct RecordDraft: Sendable {
    public var kind: RecordKind
    /// A new one is given where nil.
    public var id: String?
    /// The identity it belongs to; found by its own identifiers where nil.
    public var identity: UUID?
    /// Lets a record that is there leave its identity for the one that is named.
    public var moves = false
    /// Keeps what a record that is there says, where the draft says nothing. Otherwise the draft replaces it.
    public var keepsOthers = false
    public var firstName: String?
    public var lastName: String?
    public var email: String?
    public var phone: String?
    public var externals: [String]
    public var source: String?
    public var status: String?
    /// When it came to be in its domain; the time of the put where nil.
    public var createdAt: Timestamp?
    /// A JSON object as text.
    public var attributes: String?
    /// Whether the record counts as active; as it was where nil.
    public var isActive: Bool?
    /// For phones without a country code; the organization's where nil.
    public var region: Region?
    /// A repeated key gives the first answer again and writes nothing.
    public var idempotencyKey: String?
    /// What it came with that could not be used, beside its fields.
    var unusable: [IdentifierKind] = []

    public init(
        kind: RecordKind, id: String? = nil, identity: UUID? = nil, firstName: String? = nil, lastName: String? = nil,
        email: String? = nil,
        phone: String? = nil, externals: [String] = [], source: String? = nil, status: String? = nil,
        createdAt: Timestamp? = nil, attributes: String? = nil
    ) {
        self.kind = kind
        self.id = id
        self.identity = identity
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.phone = phone
        self.externals = externals
        self.source = source
        self.status = status
        self.createdAt = createdAt
        self.attributes = attributes
    }

    /// Throws unless every part keeps its bounds.
    func validate() throws(VaultError) {
        if let id { try Self.validate(id: id) }
        guard !moves || identity != nil else {
            throw .invalid("a record moves to an identity that is named", advice: "name the identity")
        }
        let fields = [firstName, lastName, email, phone, source, status]
        guard fields.allSatisfy({ ($0?.utf8.count ?? 0) <= Limits.fieldBytesMax }) else {
            throw .invalid("a field of the record is longer than \(Limits.fieldBytesMax) bytes", advice: "shorten it")
        }
        guard (attributes?.utf8.count ?? 0) <= Limits.attributesBytesMax else {
            throw .invalid(
                "the attributes are longer than \(Limits.attributesBytesMax) bytes", advice: "keep them elsewhere")
        }
        if let attributes, !attributes.isEmpty { try Self.validate(attributes: attributes) }
    }

    /// As strict as `JSONElement`, so that whoever reads them later can.
    private static func validate(attributes: String) throws(VaultError) {
        do throws(JSONScanner.Fault) {
            var scanner = JSONScanner(attributes.utf8.span, isThorough: true)
            let value = try scanner.value()
            try scanner.end()
            guard case .object = value.kind else { throw .notAnObject }
        } catch {
            let message =
                switch error {
                case .invalid, .notAnObject: "the attributes are no JSON object"
                default: error.message(of: "the attributes' JSON")
                }
            throw .invalid(message, advice: "give an object such as {\"language\":\"es\"}")
        }
    }

    static func validate(id: String) throws(VaultError) {
        guard (1...Limits.recordIDBytesMax).contains(id.utf8.count), !id.utf8.contains(0) else {
            throw .invalid(
                "a record id must have 1 to \(Limits.recordIDBytesMax) bytes and no NUL",
                advice: "give the one that it has where it comes from")
        }
    }

    /// The region it was given, if it has a phone that was read for it.
    var phoneRegion: Region? { phone?.isEmpty == false ? region : nil }

    /// Where it comes from, as the trail keeps it: on one line and short.
    func eventSource(_ query: ResolveQuery?) throws(VaultError) -> String? {
        if let query { return query.source }
        return try boundedLine(source, "source", bytesMax: Limits.sourceBytesMax)
    }

    /// What to resolve the record's identity by.
    var request: ResolveRequest {
        let name = [firstName, lastName].compactMap(\.self).joined(separator: " ")
        return ResolveRequest(
            email: email, phone: phone, externals: externals, name: name, source: source, region: region)
    }
}
