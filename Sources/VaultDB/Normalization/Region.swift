// Region says by whose dialling habits a phone number without a country code is read.

/// A country or territory that libphonenumber knows, named by its two-letter CLDR code: `ES`, `GB`.
public struct Region: Hashable, Sendable {
    /// The two letters, the first in the high byte, so that the values sort as the codes do.
    package let packed: UInt16

    public static let spain = Region("E", "S")

    /// Nil unless `code` is two ASCII letters, of either case, that libphonenumber has metadata for.
    public init?(_ code: String) {
        var letters: UInt16 = 0
        guard code.utf8.count == 2 else { return nil }
        for byte in code.utf8 {
            let upper = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & ~0x20 : byte
            letters = letters << 8 | UInt16(upper)
        }
        self.init(packed: letters)
    }

    /// Takes back what `packed` gave. Nil if libphonenumber does not know the region (any more).
    package init?(packed: UInt16) {
        guard Self.isLetter(packed >> 8), Self.isLetter(packed & 0xFF), LibPhoneNumber.supports(packed) else {
            return nil
        }
        self.packed = packed
    }

    /// Likewise, without asking libphonenumber once more; nil for 0.
    init?(known packed: UInt16) {
        if packed == 0 { return nil }
        self.packed = packed
    }

    /// For the constants, which a test checks.
    private init(_ first: Unicode.Scalar, _ second: Unicode.Scalar) {
        packed = UInt16(UInt8(ascii: first)) << 8 | UInt16(UInt8(ascii: second))
    }

    /// The code in upper case.
    public var code: String {
        String(decoding: [UInt8(packed >> 8), UInt8(packed & 0xFF)], as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt16) -> Bool {
        UInt16(UInt8(ascii: "A"))...UInt16(UInt8(ascii: "Z")) ~= byte
    }
}

extension Region: CustomStringConvertible {
    public var description: String { code }
}
