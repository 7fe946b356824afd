// What of a client's words an error may repeat: it ends up in the client's logs.

extension String {
    private static let repeatedBytesMax = 32

    /// This sentence with what a client named behind it, in quotes, where that may be repeated.
    func naming(_ name: String) -> String { name.isFitToRepeat ? "\(self) '\(name)'" : self }

    /// Whether it looks like a misspelt name, and not like what stands in its place by mistake: a token, an email, a phone.
    var isFitToRepeat: Bool {
        guard utf8.count <= Self.repeatedBytesMax, let first = utf8.first, first.isASCIILetter else { return false }
        return utf8.allSatisfy(\.isOfNames) && !lowercased().hasPrefix("vdb_")
    }
}

extension UInt8 {
    fileprivate var isASCIILetter: Bool { (0x61...0x7A).contains(self | 0x20) }

    fileprivate var isOfNames: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: isASCIILetter
        }
    }
}
