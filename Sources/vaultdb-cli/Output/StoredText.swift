import VaultDB

/// An entry of a table, as `keys` and `get` print it.
struct StoredText {
    private static let keyColumns = 36

    private let entry: StoredEntry

    init(_ entry: StoredEntry) { self.entry = entry }

    private var members: [JSONValue.Member] {
        guard case .object(let members) = entry.value else { return [.init(name: "value", value: entry.value)] }
        return members
    }

    /// Where it lies, and what its value says.
    var json: JSONValue { .object(place + [.init(name: "key", value: .string(entry.key))] + members) }

    var rawJSON: JSONValue {
        .object(
            place + [
                .init(name: "key", value: .string(Self.hex(entry.rawKey))),
                .init(name: "value", value: .string(Self.hex(entry.rawValue))),
            ])
    }

    /// The value of an entry that stands above organizations may name one itself.
    private var place: [JSONValue.Member] {
        var place = [JSONValue.Member(name: "table", value: .string(entry.table))]
        if let organization = entry.organization {
            place.append(.init(name: "organization_id", value: .string(organization.text)))
        }
        return place
    }

    /// The key and the values on one line.
    var line: String {
        let key = DisplayText.oneLine(entry.key)
        let padding = String(repeating: " ", count: max(Self.keyColumns - DisplayText.width(key), 0))
        let values = members.compactMap { member in Self.text(member.value).map { "\(member.name)=\($0)" } }
        let text = values.isEmpty ? key : "\(key)\(padding)  \(DisplayText.oneLine(values.joined(separator: " ")))"
        return text
    }

    var rawLine: String { "\(Self.hex(entry.rawKey))  \(Self.hex(entry.rawValue))" }

    /// One value a line.
    var fields: TextFields {
        var fields = TextFields()
        fields.add("table", entry.table, style: .dim)
        fields.add("organization", entry.organization?.text, style: .dim)
        fields.add("key", entry.key, style: .bold)
        for member in members { fields.add(member.name, Self.text(member.value)) }
        return fields
    }

    /// Nil for what is not there.
    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .null: nil
        case .string(let text): text
        case .array(let values) where values.isEmpty: nil
        case .object(let members) where members.isEmpty: nil
        default: value.text
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
