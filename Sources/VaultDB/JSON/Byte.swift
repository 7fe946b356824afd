// The ASCII characters that the parsers of JSON and CSV look for, and the one way in which they make strings of bytes.

enum Byte {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let quote = UInt8(ascii: "\"")
    static let comma = UInt8(ascii: ",")
    static let semicolon = UInt8(ascii: ";")
    static let pipe = UInt8(ascii: "|")
    static let colon = UInt8(ascii: ":")
    static let backslash = UInt8(ascii: "\\")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
}

extension String {
    /// Nil where the bytes are not UTF-8.
    init?(utf8 bytes: Span<UInt8>) {
        guard let valid = try? UTF8Span(validating: bytes) else { return nil }
        self.init(copying: valid)
    }
}
