// Why one row of an import was rejected, and where it stands in the file.

/// A row that was passed over; the rows after it are read as usual.
public struct RowFault: Error, Sendable, Hashable {
    /// What is wrong, under a name that scripts may rely on.
    public enum Code: String, Sendable, CaseIterable {
        case missingID = "missing_id"
        case wrongFieldCount = "wrong_field_count"
        case tooManyFields = "too_many_fields"
        case rowTooLong = "row_too_long"
        case invalidUTF8 = "invalid_utf8"
        case nulByte = "nul_byte"
        case malformedQuote = "malformed_quote"
        case unterminatedQuote = "unterminated_quote"
        case invalidJSON = "invalid_json"
        case notAnObject = "not_an_object"
        case nestedTooDeep = "nested_too_deep"
        case duplicateField = "duplicate_field"
        case wrongType = "wrong_type"
        /// A value is too long or can't be read.
        case invalidValue = "invalid_value"
        /// Nothing in the row can identify anybody.
        case noUsableIdentifier = "no_usable_identifier"
    }

    /// The line on which the row starts, from 1; for an unterminated quote the line on which the quote opens.
    public let line: Int
    public let code: Code
    /// One line for people.
    public let message: String
    /// The record's id, where the row tells it all the same.
    public internal(set) var recordID: String?

    public init(line: Int, code: Code, message: String) {
        self.line = line
        self.code = code
        self.message = message
    }
}

extension RowFault: CustomStringConvertible {
    public var description: String { "line \(line): \(message) (\(code.rawValue))" }
}
