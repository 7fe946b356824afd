// One row of an import, its columns sorted into the fields that the vault knows.

/// A row as the file gives it: nothing is trimmed, normalised or judged, and what is blank is nil.
public struct ImportRow: Sendable, Hashable {
    /// A column that is no field of the vault.
    public struct Attribute: Sendable, Hashable {
        /// The column's name as the file spells it.
        public let name: String
        /// The value as JSON text: a string for every value of a CSV file, any value for one of JSON Lines.
        public let json: String

        public init(name: String, json: String) {
            self.name = name
            self.json = json
        }
    }

    /// The line on which the row starts, from 1.
    public let line: Int
    /// The record's id in its source, never blank.
    public internal(set) var id: String
    /// The full name, where the file gives it in one piece.
    public internal(set) var name: String?
    /// The column of the full name, as the file spells it.
    var nameColumn = ""
    public internal(set) var firstName: String?
    public internal(set) var lastName: String?
    public internal(set) var email: String?
    public internal(set) var phone: String?
    public internal(set) var source: String?
    public internal(set) var status: String?
    /// When the record came to be, in the file's own notation.
    public internal(set) var createdAt: String?
    /// External identifiers as `namespace:value`, in the order of the columns.
    public internal(set) var externals: [String] = []
    /// All further columns, in their order; of a CSV file those that are not blank.
    public internal(set) var attributes: [Attribute] = []

    init(line: Int) {
        self.line = line
        id = ""
    }
}

extension ImportRow {
    /// A field by its name, as the file gives it.
    public internal(set) subscript(field: ImportField) -> String? {
        get {
            switch field {
            case .id: id.isEmpty ? nil : id
            case .name: name
            case .firstName: firstName
            case .lastName: lastName
            case .email: email
            case .phone: phone
            case .source: source
            case .status: status
            case .createdAt: createdAt
            }
        }
        set {
            switch field {
            case .id: id = newValue ?? ""
            case .name: name = newValue
            case .firstName: firstName = newValue
            case .lastName: lastName = newValue
            case .email: email = newValue
            case .phone: phone = newValue
            case .source: source = newValue
            case .status: status = newValue
            case .createdAt: createdAt = newValue
            }
        }
    }

    /// The id as a record has it, without white space at its ends; nil where there is none.
    var recordID: String? {
        id.isEmpty ? nil : id.trimmingWhiteSpace()
    }

    /// The row as an item of the import, or a fault where it has no id to be known by.
    var checked: ImportItem {
        guard !id.isEmpty else {
            return .fault(RowFault(line: line, code: .missingID, message: "the row has no id"))
        }
        return .row(self)
    }
}
