// NameFolding turns names into words that are compared and searched by.

internal import Foundation
// For `_nfc`, the normalisation that the standard library compares strings by; see `String.composed`.
@_spi(_Unicode) internal import Swift

/// Folds names to words in which case, accents and compatibility forms make no difference: "José O'Brien" and
/// "ＪＯＳＥ O’BRIEN" are both `jose obrien`.
///
/// Words are runs of letters and digits, with the marks that change a word where its script has such. Apostrophes
/// inside a word go, everything else separates. Folding what is folded changes nothing.
enum NameFolding {
    /// Appends the folded words in UTF-8, with one space before each that is not the first.
    static func fold(_ text: String, into folded: inout [UInt8]) {
        if isLatin(text.utf8.span) {
            foldLatin(text.utf8.span, into: &folded)
        } else {
            foldAny(text, into: &folded)
        }
    }

    // MARK: ASCII and the accented Latin letters beside it

    /// Below this scalar, what a name is made of folds to one or two letters of ASCII.
    private static let latinEnd: UInt32 = 0x180
    private static let separator = UInt16(UInt8(ascii: " "))

    /// By scalar: the first letter in the low byte and the second in the high one, `separator`, or 0 for what goes.
    private static let latin: [UInt16] = (0..<latinEnd).map { value in
        guard let scalar = Unicode.Scalar(value) else { return separator }
        var framed: [UInt8] = []
        // The frame tells what goes from what separates.
        foldAny("x\(Character(scalar))x", into: &framed)
        let letters = framed.dropFirst().dropLast()
        return letters.reversed().reduce(0) { $0 << 8 | UInt16($1) }
    }

    /// Whether it is ASCII and letters from U+00C0 to U+017F, whose UTF-8 starts with the bytes C3 to C5.
    private static func isLatin(_ utf8: Span<UInt8>) -> Bool {
        for index in utf8.indices where utf8[index] >= 0xC2 {
            if !(0xC3...0xC5 ~= utf8[index]) { return false }
        }
        return true
    }

    private static func foldLatin(_ utf8: Span<UInt8>, into folded: inout [UInt8]) {
        let latin = latin
        var index = 0
        var isBetweenWords = true
        while index < utf8.count {
            var place = Int(utf8[index])
            if place >= 0x80 {
                place = (place & 0x1F) << 6 | Int(utf8[index + 1] & 0x3F)
                index += 1
            }
            index += 1
            let letters = latin[place]
            if letters == separator { isBetweenWords = true }
            if letters == separator || letters == 0 { continue }
            if isBetweenWords, !folded.isEmpty { folded.append(UInt8(ascii: " ")) }
            isBetweenWords = false
            folded.append(UInt8(truncatingIfNeeded: letters))
            if letters > 0xFF { folded.append(UInt8(letters >> 8)) }
        }
    }

    // MARK: Any text

    private static func foldAny(_ text: String, into folded: inout [UInt8]) {
        var word = String.UnicodeScalarView()
        for scalar in decomposed(text) {
            if scalar.isDropped || scalar == "\u{B7}" && word.last == "l" {
                // The point of Catalan's "l·l" goes as well.
                continue
            } else if scalar.isLetterOrNumber || scalar.isMark && !word.isEmpty {
                word.append(contentsOf: scalar.caseFolded)
            } else {
                end(&word, into: &folded)
            }
        }
        end(&word, into: &folded)
    }

    /// In compatibility decomposition, without acute accents that stand alone: those are typed as apostrophes, and
    /// would become a space.
    private static func decomposed(_ text: String) -> String.UnicodeScalarView {
        let scalars = text.unicodeScalars.filter { $0 != "\u{B4}" && $0 != "\u{1FFD}" }
        return String(String.UnicodeScalarView(scalars)).decomposedStringWithCompatibilityMapping.unicodeScalars
    }

    private static func end(_ word: inout String.UnicodeScalarView, into folded: inout [UInt8]) {
        guard !word.isEmpty else { return }
        if !folded.isEmpty { folded.append(UInt8(ascii: " ")) }
        for scalar in String(word)._nfc { folded.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
        word.removeAll()
    }
}

extension Unicode.Scalar {
    fileprivate var isLetterOrNumber: Bool {
        // The iota below a Greek letter: a mark that is a letter in upper case.
        if self == "\u{345}" { return true }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            true
        default: false
        }
    }

    fileprivate var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// What goes without separating: apostrophes, accents, and what is not seen.
    fileprivate var isDropped: Bool {
        isApostrophe || properties.isDefaultIgnorableCodePoint || isMark && isAccent
    }

    private var isApostrophe: Bool {
        switch value {
        // ' ` ‘ ’ ‛ ′, the modifier letters that stand for apostrophes and the glottal stop, Hebrew's geresh and
        // gershayim, the saltillo. Arabic's tatweel only stretches a word.
        case 0x27, 0x60, 0x2018, 0x2019, 0x201B, 0x2032, 0x02B9...0x02C1, 0x05F3, 0x05F4, 0xA78B, 0xA78C, 0x0640: true
        default: false
        }
    }

    /// Whether it lies among the marks of Latin, Greek, Cyrillic, Hebrew and Arabic, in which names are written with
    /// and without them. The marks of other scripts are letters in their own right.
    private var isAccent: Bool {
        switch value {
        case 0x0300...0x0344, 0x0346...0x036F, 0x0483...0x0489, 0x0591...0x05C7, 0x0610...0x061A, 0x064B...0x0670,
            0x06D6...0x06ED,
            0x0890...0x08FF, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x20D0...0x20FF, 0x2DE0...0x2DFF, 0xA66F...0xA69F,
            0xFB1E, 0xFE20...0xFE2F:
            true
        default: false
        }
    }

    /// Without case, such that ß is ss, ς is σ and ı is i; letters that are typed as others are those.
    fileprivate var caseFolded: [Unicode.Scalar] {
        properties.lowercaseMapping.unicodeScalars
            .flatMap { $0.properties.uppercaseMapping.unicodeScalars }
            .flatMap { $0.properties.lowercaseMapping.unicodeScalars }
            .flatMap(\.plainLetters)
    }

    private var plainLetters: [Unicode.Scalar] {
        switch self {
        case "ø": ["o"]
        case "ł": ["l"]
        case "đ", "ð": ["d"]
        case "ħ": ["h"]
        case "ŧ": ["t"]
        case "ŋ": ["n"]
        case "ĸ": ["k"]
        case "þ": ["t", "h"]
        case "æ": ["a", "e"]
        case "œ": ["o", "e"]
        default: [self]
        }
    }
}
