import VaultDB

/// The `field=value` words of `vaultdb put`: a record's fields, each known and given once.
struct RecordFields {
    static let names = [
        "first_name", "last_name", "email", "phone", "external", "source", "status", "created_at", "active",
        "attributes",
    ]
    private static let attributePrefix = "attr."

    private var values: [String: String] = [:]
    private var externals: [String] = []
    private var attributes: [JSONValue.Member] = []

    init(_ words: [String]) throws(Failure) {
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
                throw Failure(.wrongUsage, "\(word) is no field=value", advice: "write it as in first_name=Ana")
            }
            try add(String(word[..<equals]), String(word[word.index(after: equals)...]))
        }
    }

    private mutating func add(_ name: String, _ value: String) throws(Failure) {
        if name == "external" { return externals.append(value) }
        if name.hasPrefix(Self.attributePrefix), name != Self.attributePrefix {
            let attribute = String(name.dropFirst(Self.attributePrefix.count))
            guard !attributes.contains(where: { $0.name.hasSameBytes(as: attribute) }) else { throw Self.twice(name) }
            return attributes.append(.init(name: attribute, value: .string(value)))
        }
        guard Self.names.contains(name) else {
            throw Failure(
                .wrongUsage, "there is no field \(name)",
                advice: name == "region"
                    ? "give it as --region"
                    : "the fields are \(Self.names.joined(separator: ", ")) and attr.NAME for attributes of your own")
        }
        guard values.updateValue(value, forKey: name) == nil else { throw Self.twice(name) }
    }

    private static func twice(_ name: String) -> Failure {
        Failure(.wrongUsage, "\(name) is given twice", advice: "give it once")
    }

    /// Whether single attributes were given.
    var hasSingleAttributes: Bool { !attributes.isEmpty }

    /// Writes what was given into a draft. A field that was not given stays nil, an empty one is empty.
    func fill(_ draft: inout RecordDraft) throws(Failure) {
        draft.firstName = values["first_name"]
        draft.lastName = values["last_name"]
        draft.email = values["email"]
        draft.phone = values["phone"]
        draft.externals = externals
        draft.source = values["source"]
        draft.status = values["status"]
        draft.createdAt = try values["created_at"].map { text throws(Failure) in try Self.time(text) }
        draft.isActive = try values["active"].map { text throws(Failure) in try Self.truth(text) }
        draft.attributes = try attributesText()
    }

    private static func time(_ text: String) throws(Failure) -> Timestamp {
        guard let time = Timestamp(iso8601: text) else {
            throw Failure(
                .wrongUsage, "created_at=\(text) is no time from 1970 to 9999",
                advice: "write it as 2025-01-31 or 2025-01-31T09:30:00Z")
        }
        return time
    }

    private static func truth(_ text: String) throws(Failure) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default: throw Failure(.wrongUsage, "active=\(text) is neither true nor false", advice: "give one of them")
        }
    }

    /// The object that was given, with the single attributes at its end.
    private func attributesText() throws(Failure) -> String? {
        guard let given = values["attributes"], !given.isEmpty else {
            return attributes.isEmpty ? values["attributes"] : JSONValue.object(attributes).text
        }
        // What is no object the library refuses, and says why.
        guard !attributes.isEmpty, let object = try? JSONElement(parsing: given.utf8.span),
            case .object(let members, let text) = object
        else { return given }
        if let both = attributes.first(where: { object[$0.name] != nil }) {
            throw Self.twice("the attribute \(both.name)")
        }
        let added = JSONValue.object(attributes).text.dropFirst()
        return "\(text.dropLast())\(members.isEmpty ? "" : ",")\(added)"
    }
}
