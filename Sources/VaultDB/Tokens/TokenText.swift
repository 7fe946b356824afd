/// The text of a token, as its bearer keeps it: `vdb_`, its id, `_`, its secret, the last two in base32 (RFC 4648) in
/// lower case and without padding. Shown once, when it is made.
struct TokenText: Equatable {
    private static let prefix = "vdb_"
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    private static let idBytes = 5
    private static let secretBytes = 32
    /// Eight digits of base32.
    private static let idCharacters = 8

    let id: String
    let secret: [UInt8]

    /// A new one, out of the system's randomness.
    init() {
        var random = SystemRandomNumberGenerator()
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        id = Self.encode(bytes(Self.idBytes))
        secret = bytes(Self.secretBytes)
    }

    /// Nil where the text has not the shape of a token.
    init?(_ text: String) {
        guard text.utf8.count <= 128, text.hasPrefix(Self.prefix) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == Self.idCharacters, Self.decode(parts[0]) != nil,
            let secret = Self.decode(parts[1]), secret.count == Self.secretBytes
        else { return nil }
        id = String(parts[0])
        self.secret = secret
    }

    var text: String { Self.prefix + id + "_" + Self.encode(secret) }

    static func isID(_ text: String) -> Bool { text.utf8.count == idCharacters && decode(text) != nil }

    private static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                text.append(alphabet[Int(bits >> UInt32(count) & 31)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(5 - count) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for character in text.utf8 {
            guard let digit = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 5 | UInt32(digit)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
