import VaultDB

/// Text from the vault or a file made fit for a terminal: nothing in it can move the cursor, change colours or reorder
/// the line, and its width in columns is known.
enum DisplayText {
    /// Control characters as the pictures that Unicode has for them, other invisible ones that reorder or break lines
    /// as U+FFFD.
    static func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isMisleading) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(scalar.isMisleading ? picture(of: scalar) : scalar) }
        return String(result)
    }

    // By bytes, as a mark on it makes another character of any, and may be one of thousands.

    /// The same, with line breaks and tabs as single spaces.
    static func oneLine(_ text: String) -> String {
        let bytes = text.utf8
        let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\t") }
        let words = lines.map { line -> Substring.UTF8View in
            let isCRLF =
                line.last == UInt8(ascii: "\r") && line.endIndex < bytes.endIndex
                && bytes[line.endIndex] == UInt8(ascii: "\n")
            return line.dropLast(isCRLF ? 1 : 0).drop { $0 == UInt8(ascii: " ") }
        }
        return safe(words.filter { !$0.isEmpty }.map { Substring($0) }.joined(separator: " "))
    }

    /// The text as a shell takes it for one word. What a terminal must not get is in it by the numbers of its bytes, as
    /// bash and zsh read them.
    static func shellWord(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isMisleading) else {
            let parts = text.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
            return "'\(parts.map { Substring($0) }.joined(separator: #"'\''"#))'"
        }
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.isMisleading {
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    let digits = String(byte, radix: 8)
                    let zeros = String(repeating: "0", count: 3 - digits.count)
                    word.append(contentsOf: "\\\(zeros)\(digits)".unicodeScalars)
                }
            } else {
                if scalar == "'" || scalar == "\\" { word.append("\\") }
                word.append(scalar)
            }
        }
        return "$'\(String(word))'"
    }

    /// The same of a file's name, which is then no option.
    static func shellPath(_ path: String) -> String {
        shellWord(path.utf8.first == UInt8(ascii: "-") ? "./\(path)" : path)
    }

    private static func picture(of scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x00...0x1F: Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}"
        case 0x7F: "\u{2421}"
        default: "\u{FFFD}"
        }
    }

    // MARK: Width

    /// Columns that a safe text takes.
    static func width(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.reduce(0) { $0 + width($1) }
    }

    /// Says that something was left out. One column wide.
    static let ellipsis = Environment.isUTF8 ? "…" : "~"

    /// The text in at most `columns`, ending in the ellipsis where it was cut.
    static func cut(_ text: String, to columns: Int) -> String {
        guard width(text) > columns else { return text }
        var result = ""
        var used = 1
        for character in text {
            used += width(character)
            guard used <= columns else { break }
            result.append(character)
        }
        return result + ellipsis
    }

    private static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if isWide(first) || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return 1
        }
    }

    /// East Asian wide and full-width scalars (Unicode Standard Annex 11), and emoji.
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x1100: false
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F1E6...0x1F1FF, 0x20000...0x3FFFD:
            true
        default: scalar.properties.isEmojiPresentation
        }
    }
}
