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

extension Unicode.Scalar {
    fileprivate var isVisibleASCII: Bool { value > 0x20 && value < 0x7F }
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
