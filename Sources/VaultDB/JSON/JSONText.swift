// Writes a string as JSON text.

/// JSON text, as RFC 8259 defines it.
enum JSONText {
    /// The string in quotes, with what JSON does not allow inside them escaped.
    static func quoted(_ string: String) -> String {
        var text = ""
        append(string, to: &text)
        return text
    }

    /// The same at the end of a text.
    static func append(_ string: String, to text: inout String) {
        text += "\""
        defer { text += "\"" }
        guard string.utf8.contains(where: needsEscape) else {
            text += string
            return
        }
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{00}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// Valid JSON text without the white space between its tokens.
    static func compacted(_ text: String) -> String {
        var place = Place()
        // Most has none, and is kept without a copy.
        guard text.utf8.contains(where: { place.isBetweenTokens($0) }) else { return text }
        place = Place()
        return String(decoding: text.utf8.filter { !place.isBetweenTokens($0) }, as: UTF8.self)
    }

    /// Where in a JSON text the next byte stands.
    private struct Place {
        private var isInString = false
        private var isEscaped = false

        /// Passes a byte, and says whether it is white space between tokens.
        mutating func isBetweenTokens(_ byte: UInt8) -> Bool {
            if !isInString, byte == 0x20 || (0x09...0x0D).contains(byte) { return true }
            if byte == UInt8(ascii: "\""), !isEscaped { isInString.toggle() }
            isEscaped = isInString && !isEscaped && byte == UInt8(ascii: "\\")
            return false
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
