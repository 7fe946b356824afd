/// An id that another system gave a person, as `namespace:value`: `whatsapp:34600123456`, `stripe:cus_9s6XKzkNRiz8`.
///
/// The namespace is lower-cased; the value is in Unicode NFC. It keeps its case, because many systems tell ids apart by
/// it, unless the namespace is one whose spelling the vault knows: see `Channel`.
public struct ExternalID: Hashable, Sendable {
    public let rawValue: String

    private static let spellingBytesMax = 1_024

    /// - Parameter raw: `namespace:value`. Nil unless the namespace consists of 1 to 32 of `a`-`z`, `0`-`9`, `_`, `-`
    ///   and `.`, and the value of 1 to 255 bytes without control characters, or where the value is none that the namespace's
    ///   `Channel` gives out. White space around either is dropped.
    public init?(_ raw: String) {
        // By scalars: a combining mark after the colon would hide it among the characters.
        guard raw.utf8.count <= Self.spellingBytesMax, let colon = raw.unicodeScalars.firstIndex(of: ":")
        else { return nil }
        let namespace = raw[..<colon].trimmingWhiteSpace().lowercased()
        let value = raw[raw.unicodeScalars.index(after: colon)...].trimmingWhiteSpace().composed()
        guard Self.isWellFormed(namespace, value) else { return nil }
        guard let channel = Channel(namespace: namespace[...]) else {
            rawValue = "\(namespace):\(value)"
            return
        }
        guard let canonical = channel.canonical(value) else { return nil }
        rawValue = "\(namespace):\(canonical)"
    }

    /// Why a text is none.
    static func refusal(of raw: String) -> VaultError {
        let colon = raw.utf8.count <= spellingBytesMax ? raw.unicodeScalars.firstIndex(of: ":") : nil
        let namespace = colon.map { raw[..<$0].trimmingWhiteSpace().lowercased() }
        guard let channel = Channel(namespace: (namespace ?? "")[...]), let form = channel.form else {
            return .invalid("an external id is namespace:value", advice: "for example stripe:cus_123")
        }
        return .invalid(
            "that is no id that \(channel.rawValue) gives out, so it never matches anybody", advice: "give \(form)")
    }

    /// Takes back a stored `rawValue`. Nil unless it has the form of one; whether it is still how this program spells
    /// that id is not asked, so that ids which older rules let in can be read and made anew.
    init?(stored text: String) {
        guard let colon = text.unicodeScalars.firstIndex(of: ":") else { return nil }
        let value = String(text[text.unicodeScalars.index(after: colon)...])
        guard Self.isWellFormed(String(text[..<colon]), value), value.trimmingWhiteSpace() == value,
            value.composed().utf8.elementsEqual(value.utf8)
        else { return nil }
        rawValue = text
    }

    private static func isWellFormed(_ namespace: String, _ value: String) -> Bool {
        (1...Limits.namespaceBytesMax).contains(namespace.utf8.count)
            && namespace.utf8.allSatisfy(isNamespaceByte)
            && (1...Limits.externalBytesMax).contains(value.utf8.count)
            && !value.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    public var namespace: Substring { Substring(rawValue.unicodeScalars.prefix { $0 != ":" }) }
    public var value: Substring { Substring(rawValue.unicodeScalars.drop { $0 != ":" }.dropFirst()) }

    /// For logs: the namespace and the value's first character. A value of one character is hidden too.
    public var masked: String {
        let value = value.unicodeScalars
        return "\(namespace):\(Substring(value.prefix(value.count > 1 ? 1 : 0)))***"
    }

    private static func isNamespaceByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
