/// A field of a public form, as it was sent.
public struct FormField: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What a field of a form says of the person who sent it.
public enum FormRole: String, Sendable, CaseIterable {
    case email
    case phone
    case name
    case firstName = "first_name"
    case lastName = "last_name"
}

/// A public form that has been read: who sent it, and what else it says.
public struct Form: Sendable, Equatable {
    /// A field together with what it was taken for.
    public struct Taken: Sendable, Equatable {
        public let field: String
        public let role: FormRole
    }

    /// As it was given, but usable; so is the phone, for the reader's region.
    public internal(set) var email: String?
    public internal(set) var phone: String?
    /// A whole name that was given in one field; nil where there is a first name.
    public internal(set) var name: String?
    public internal(set) var firstName: String?
    public internal(set) var lastName: String?
    /// What was found where, in the order of the roles. An email that was found within a text leaves that field in
    /// `rest`.
    public internal(set) var taken: [Taken] = []
    /// Kinds that a field was named after, of which no field had a usable one.
    public internal(set) var unusable: [IdentifierKind] = []
    /// All other fields that are not blank, in their order; among them a whole name beside a first name.
    public internal(set) var rest: [FormField] = []

    /// `rest` as the text of a JSON object, or nil where nothing is left. A name that comes again is numbered: `date`,
    /// `date 2`.
    public var attributes: String? {
        guard !rest.isEmpty else { return nil }
        // A name that a form numbers itself stays free for the field that has it.
        let given = Set(rest.map { ExactText(Self.attributeName($0)) })
        var used: Set<ExactText> = []
        let members = rest.map { field in
            let plain = Self.attributeName(field)
            var name = ExactText(plain)
            var number = 1
            while used.contains(name) || number > 1 && given.contains(name) {
                number += 1
                name = ExactText("\(plain) \(number)")
            }
            used.insert(name)
            return JSONValue.Member(name: name.text, value: .string(field.value))
        }
        return JSONValue.object(members).text
    }

    private static func attributeName(_ field: FormField) -> String {
        let line = field.name.onOneLine()
        return line.isEmpty ? "field" : line
    }
}
