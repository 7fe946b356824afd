// For `_nfc`, the normalisation that the standard library compares strings by: so two texts are equal exactly when
// their composed bytes are. Foundation's follows an older Unicode, and is no fixed point for marks that came later.
@_spi(_Unicode) internal import Swift

extension StringProtocol {
    /// Whether it holds nothing but white space, as Unicode defines it.
    var isBlank: Bool { unicodeScalars.allSatisfy { !$0.isVisibleASCII && $0.properties.isWhitespace } }

    /// Without the white space at both ends, as Unicode defines it.
    func trimmingWhiteSpace() -> String {
        let scalars = unicodeScalars
        if let first = scalars.first, let last = scalars.last, first.isVisibleASCII, last.isVisibleASCII {
            return String(self)
        }
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }

    /// On one line: control characters and runs of white space become single spaces, none is left at the ends.
    func onOneLine() -> String {
        var result = String.UnicodeScalarView()
        var pendingSpace = false
        for scalar in unicodeScalars {
            if scalar.properties.isWhitespace || scalar.properties.generalCategory == .control {
                pendingSpace = !result.isEmpty
            } else {
                if pendingSpace { result.append(" ") }
                pendingSpace = false
                result.append(scalar)
            }
        }
        return String(result)
    }
}

extension String {
    /// In Unicode NFC.
    func composed() -> String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var scalars = String.UnicodeScalarView()
        for scalar in _nfc { scalars.append(scalar) }
        return String(scalars)
    }
}

extension String {
    /// The text without what misleads and cut to 80 scalars, fit for one line of a message.
    package var printable: String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(80) { text.append(scalar.isMisleading ? "\u{FFFD}" : scalar) }
        return unicodeScalars.dropFirst(80).isEmpty ? String(text) : String(text) + "…"
    }
}

extension Unicode.Scalar {
    fileprivate var isVisibleASCII: Bool { value > 0x20 && value < 0x7F }

    /// Whether it is not seen itself, and has what stands around it look like something else, or acts on a terminal: a
    /// control, line ends and tabs among them; a separator of lines; a sign that turns the direction of text; U+FEFF.
    package var isMisleading: Bool {
        switch value {
        case 0x20...0x7E: false
        case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}

/// A short text on one line, nil where nothing is left of it.
/// - Throws: `invalidArgument` where it exceeds `bytesMax` bytes of UTF-8.
func boundedLine(_ raw: String?, _ what: String, bytesMax: Int) throws(VaultError) -> String? {
    guard let raw else { return nil }
    guard raw.utf8.count <= bytesMax * 4 else { throw tooLong(what, bytesMax) }
    let line = raw.onOneLine()
    guard line.utf8.count <= bytesMax else { throw tooLong(what, bytesMax) }
    return line.isEmpty ? nil : line
}

private func tooLong(_ what: String, _ bytesMax: Int) -> VaultError {
    .invalid("the \(what) is longer than \(bytesMax) bytes", advice: "shorten it")
}
