internal import Storage

/// The kinds of identifier, in the order of their codes in the file.
public enum IdentifierKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case email = 0
    case phone = 1
    case external = 2

    public var description: String {
        switch self {
        case .email: "email"
        case .phone: "phone"
        case .external: "external"
        }
    }

    /// In a sentence.
    package var noun: String { self == .external ? "external id" : description }

    public init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.description == name }) else { return nil }
        self = kind
    }

    /// The table that indexes identifiers of this kind.
    var table: Table {
        switch self {
        case .email: Tables.byEmail
        case .phone: Tables.byPhone
        case .external: Tables.byExternal
        }
    }
}

/// Something that can point at a person: normalised, and claimed by at most one identity of an organization.
public enum Identifier: Hashable, Sendable {
    case email(EmailAddress)
    case phone(PhoneNumber)
    case external(ExternalID)

    public var kind: IdentifierKind {
        switch self {
        case .email: .email
        case .phone: .phone
        case .external: .external
        }
    }

    /// As it is stored and compared.
    public var text: String {
        switch self {
        case .email(let email): email.rawValue
        case .phone(let phone): phone.rawValue
        case .external(let external): external.rawValue
        }
    }

    /// For logs.
    public var masked: String {
        switch self {
        case .email(let email): email.masked
        case .phone(let phone): phone.masked
        case .external(let external): external.masked
        }
    }

    /// An identifier as it was stored.
    init(stored text: String, kind: IdentifierKind) throws(VaultError) {
        switch kind {
        case .email:
            guard let email = EmailAddress(stored: text.utf8.span) else { throw Self.malformed(kind) }
            self = .email(email)
        case .phone:
            guard let phone = PhoneNumber(stored: text.utf8.span) else { throw Self.malformed(kind) }
            self = .phone(phone)
        case .external:
            guard let external = ExternalID(stored: text) else { throw Self.malformed(kind) }
            self = .external(external)
        }
    }

    private static func malformed(_ kind: IdentifierKind) -> VaultError {
        .corrupted("a stored \(kind) has not the form of one")
    }
}

/// What an identifier may be used for.
public enum IdentifierState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// By one identity, which it identifies.
    case owned = 0
    /// A family or role mailbox, a reception's phone: it identifies nobody alone.
    case shared = 1
    /// Never used for matching, such as `noreply@…`.
    case blocked = 2

    public var description: String {
        switch self {
        case .owned: "owned"
        case .shared: "shared"
        case .blocked: "blocked"
        }
    }
}
