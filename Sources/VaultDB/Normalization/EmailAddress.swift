// EmailAddress is an email address in the one form the vault stores and looks up.

/// A normalised, usable email address, such as `john@example.com`.
///
/// One that exists is normalised: `EmailAddress(address.rawValue) == address`. White space around it, a name before
/// `<address>` and `mailto:` are gone, it is in Unicode NFC and lower case, has a local part and a domain, no white
/// space, no control character, and at most 254 bytes. Dots and `+tags` are part of it.
public struct EmailAddress: Hashable, Sendable {
    public let rawValue: String

    /// The longest address, in bytes of UTF-8 (RFC 5321, erratum 1690).
    public static let bytesMax = 254

    /// The longest text that is looked at, in bytes of UTF-8: an address with a long name before it.
    public static let rawBytesMax = 4096

    /// How often folding may change a text. None is known that needs more than two.
    private static let foldsMax = 8

    /// Normalises `raw`. Nil if no usable address comes out, or if `raw` is longer than `rawBytesMax`.
    ///
    /// An ASCII text that is normalised already is kept as it is, without allocating.
    public init?(_ raw: String) {
        guard raw.utf8.count <= Self.rawBytesMax else { return nil }
        if Self.isNormalized(raw.utf8.span) {
            rawValue = raw
            return
        }
        let address = String(Self.bareAddress(in: raw.unicodeScalars[...]))
        guard let folded = Self.folded(address), Self.isUsable(folded) else { return nil }
        rawValue = folded
    }

    /// Normalises `utf8` as `init(_:)` does. Nil too if it is not UTF-8.
    public init?(utf8: Span<UInt8>) {
        guard utf8.count <= Self.rawBytesMax, let valid = try? UTF8Span(validating: utf8) else { return nil }
        self.init(String(copying: valid))
    }

    /// Takes back the bytes of a stored `rawValue`. Nil unless they have the form of one; whether it is still how this
    /// program spells that address is not asked, so that those which older rules let in can be read and made anew.
    package init?(stored utf8: Span<UInt8>) {
        guard utf8.count <= Self.bytesMax, let valid = try? UTF8Span(validating: utf8) else { return nil }
        let text = String(copying: valid)
        // In NFC, for texts that differ in that alone are equal.
        guard Self.isNormalized(utf8) || Self.hasForm(text) && text.composed().utf8.elementsEqual(text.utf8) else {
            return nil
        }
        rawValue = text
    }

    /// The address with its local part hidden but for the first character, `j***@example.com`, for logs. A local part
    /// of one character is hidden too.
    public var masked: String {
        // By scalars: a combining mark after the '@' would hide it among the characters.
        let scalars = rawValue.unicodeScalars
        guard let at = scalars.lastIndex(of: "@") else { return "***" }
        let local = scalars[..<at]
        return "\(Substring(local.prefix(local.count > 1 ? 1 : 0)))***\(Substring(scalars[at...]))"
    }
}

extension EmailAddress: Comparable {
    /// The order of the UTF-8 bytes, which is the order of the keys.
    public static func < (left: EmailAddress, right: EmailAddress) -> Bool {
        left.rawValue < right.rawValue
    }
}

// The rules
extension EmailAddress {
    private static var mailto: String { "mailto:" }

    /// Whether these bytes are an address that normalising leaves as it is. True is exact. False means "not known":
    /// no answer is given for bytes beyond ASCII, and none for `<...>`.
    public static func isNormalized(_ utf8: Span<UInt8>) -> Bool {
        guard utf8.count <= bytesMax, utf8.count >= 3 else { return false }
        var (lastAt, index) = (0, 0)
        let bytes = utf8.bytes
        while index + 8 <= utf8.count {
            let word = ByteWord(bytes, at: index)
            guard word.isSettled else { return false }
            if let at = word.lastAt { lastAt = index + at }
            index += 8
        }
        while index < utf8.count {
            let byte = utf8[index]
            guard isSettled(byte) else { return false }
            if byte == UInt8(ascii: "@") { lastAt = index }
            index += 1
        }
        let last = utf8.count - 1
        return lastAt > 0 && lastAt < last && utf8[last] != UInt8(ascii: ">") && !hasMailtoPrefix(utf8)
    }

    /// Whether a byte is visible ASCII and no upper-case letter.
    private static func isSettled(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
    }

    private static func hasMailtoPrefix(_ utf8: Span<UInt8>) -> Bool {
        guard utf8.count > 6, utf8[6] == UInt8(ascii: ":") else { return false }
        var index = 0
        for byte in mailto.utf8 {
            guard utf8[index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// What is left of `text` without white space around it, names before `<address>`, and `mailto:`, as often as
    /// they are found: so that nothing of the kind is left.
    private static func bareAddress(in text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
        var address = trimmed(text)
        while let inner = unwrapped(address) {
            address = trimmed(inner)
        }
        return address
    }

    private static func trimmed(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
        guard let first = text.firstIndex(where: { !$0.isSpace }),
            let last = text.lastIndex(where: { !$0.isSpace })
        else { return text.suffix(0) }
        return text[first...last]
    }

    /// The innermost `addr` of `Name <addr>`, or `addr` of `mailto:addr`. Nil if `text` is neither.
    private static func unwrapped(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView? {
        if text.last == ">", let open = text.lastIndex(of: "<") {
            let inside = text[open...].dropFirst()
            return inside.prefix { $0 != ">" }
        }
        let (scheme, rest) = (text.prefix(mailto.utf8.count), text.dropFirst(mailto.utf8.count))
        return scheme.last == ":" && String(scheme).lowercased() == mailto ? rest : nil
    }

    /// `text` in lower case and NFC, such that doing so again changes nothing. Lower-casing can undo NFC (there is ẖ
    /// but no H with a line below), so the two alternate until the text stands still. Nil if it never does.
    private static func folded(_ text: String) -> String? {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        var text = text.composed()
        for _ in 0..<foldsMax {
            let next = text.lowercased().composed()
            if next.utf8.elementsEqual(text.utf8) { return text }
            text = next
        }
        return nil
    }

    private static func isUsable(_ address: String) -> Bool {
        hasForm(address) && !address.unicodeScalars.contains(where: \.isSpace)
    }

    /// Whether a text has two parts around an `@`, is short enough, and holds no control character.
    private static func hasForm(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        guard text.utf8.count <= bytesMax, let at = scalars.lastIndex(of: "@") else { return false }
        guard at != scalars.startIndex, scalars.index(after: at) != scalars.endIndex else { return false }
        return !scalars.contains(where: \.isControl)
    }
}

/// Eight bytes, looked at together. For bytes below 0x80, adding `0x80 - n` to each sets the high bit of those that are
/// at least n, and carries nothing to the next.
private struct ByteWord {
    private static let highs: UInt64 = 0x8080_8080_8080_8080
    private static let ones: UInt64 = 0x0101_0101_0101_0101

    private let bytes: UInt64

    /// Safe where eight bytes are left from `offset` on: any eight are a number.
    @inline(__always)
    init(_ span: RawSpan, at offset: Int) {
        bytes = UInt64(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The high bits of those that are at least `least`; right where no byte has its own high bit set.
    @inline(__always)
    private func reaching(_ least: UInt64) -> UInt64 { (bytes &+ Self.ones &* (0x80 - least)) & Self.highs }

    /// Whether all are visible ASCII and no upper-case letters.
    @inline(__always)
    var isSettled: Bool {
        guard bytes & Self.highs == 0 else { return false }
        let upperCase = reaching(0x41) & ~reaching(0x5B)
        return reaching(0x21) == Self.highs && reaching(0x7F) | upperCase == 0
    }

    /// Where the last `@` of settled bytes is.
    @inline(__always)
    var lastAt: Int? {
        let found = reaching(0x40) & ~reaching(0x41)
        return found == 0 ? nil : 7 - found.leadingZeroBitCount / 8
    }
}

// The Unicode properties, answered for ASCII without a look at the tables.
extension Unicode.Scalar {
    fileprivate var isSpace: Bool {
        isASCII ? value == 0x20 || 0x09...0x0D ~= value : properties.isWhitespace
    }

    fileprivate var isControl: Bool {
        isASCII ? value < 0x20 || value == 0x7F : properties.generalCategory == .control
    }
}
