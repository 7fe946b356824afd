/// An id that another system gave a person, as `namespace:value`: `whatsapp:34600123456`, `stripe:cus_9s6XKzkNRiz8`.
///
/// The namespace is lower-cased; the value keeps its case, because many systems tell ids apart by it.
public struct ExternalID: Hashable, Sendable {
    public let rawValue: String

    /// - Parameter raw: `namespace:value`. Nil unless the namespace consists of 1 to 32 of `a`-`z`, `0`-`9`, `_`, `-`
    ///   and `.`, and the value of 1 to 255 bytes without control characters. White space around either is dropped.
    public init?(_ raw: String) {
        guard raw.utf8.count <= 1_024, let colon = raw.firstIndex(of: ":") else { return nil }
        let namespace = raw[..<colon].trimmingWhiteSpace().lowercased()
        let value = raw[raw.index(after: colon)...].trimmingWhiteSpace()
        guard (1...Limits.namespaceBytesMax).contains(namespace.utf8.count),
            namespace.utf8.allSatisfy(Self.isNamespaceByte),
            (1...Limits.externalBytesMax).contains(value.utf8.count),
            !value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        rawValue = "\(namespace):\(value)"
    }

    public var namespace: Substring { rawValue.prefix { $0 != ":" } }
    public var value: Substring { rawValue.dropFirst(namespace.count + 1) }

    /// For logs: the namespace and the value's first character.
    public var masked: String { "\(namespace):\(value.prefix(1))***" }

    private static func isNamespaceByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
