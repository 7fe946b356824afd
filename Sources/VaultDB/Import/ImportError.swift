// Why a whole import could not start or go on, as a sentence with the next step.

/// An import that cannot go on. Rows that were given out before it stand.
public struct ImportError: Error, Sendable, Hashable {
    /// What is wrong, under a name that programs may rely on.
    public enum Code: String, Sendable, CaseIterable {
        case noSuchFile = "no_such_file"
        case isDirectory = "is_directory"
        case permissionDenied = "permission_denied"
        case unreadable
        case empty
        case notText = "not_text"
        case wrongEncoding = "wrong_encoding"
        case notJSONLines = "not_json_lines"
        case badHeader = "bad_header"
        case duplicateColumn = "duplicate_column"
        case unterminatedQuote = "unterminated_quote"
        case tooManyColumns = "too_many_columns"
        case noIDColumn = "no_id_column"
        case badMapping = "bad_mapping"
        case unknownColumn = "unknown_column"
    }

    public let code: Code
    /// What is wrong, in one line.
    public let message: String
    /// What to do about it, in one line.
    public let advice: String
    /// The file as the caller named it, where one is read.
    public private(set) var path: String?

    init(_ code: Code, _ message: String, advice: String) {
        self.code = code
        self.message = message
        self.advice = advice
    }

    /// The same error, said of a file.
    func inFile(_ path: String) -> ImportError {
        var error = self
        error.path = path
        return error
    }
}

extension ImportError: CustomStringConvertible {
    /// One line: the file, what is wrong, and the next step.
    public var description: String {
        let place = path.map { "\($0.printable): " } ?? ""
        return "\(place)\(message); \(advice)"
    }
}

extension ImportError {
    static let empty = ImportError(.empty, "nothing to import: it is empty", advice: "check the path or the pipe")

    static let binary = ImportError(
        .notText, "this is not text (it holds NUL bytes)", advice: "export it as CSV in UTF-8 or as JSON Lines")

    static let zipped = ImportError(
        .notText, "this is a spreadsheet or zip archive, not text", advice: "export it as CSV in UTF-8")

    static let gzipped = ImportError(
        .notText, "this is compressed", advice: "unpack it on the way: gunzip -c FILE | vaultdb import … -")

    static func encoding(_ name: String) -> ImportError {
        ImportError(
            .wrongEncoding, "the text is \(name), not UTF-8",
            advice: "convert it with iconv -f \(name) -t UTF-8")
    }

    static let jsonArray = ImportError(
        .notJSONLines, "this is a JSON array, not one object per line", advice: "convert it with jq -c '.[]'")

    static func header(_ message: String, line: Int, advice: String) -> ImportError {
        ImportError(.badHeader, "line \(line): \(message)", advice: advice)
    }
}
