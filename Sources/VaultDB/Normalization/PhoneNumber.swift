// PhoneNumber is a phone number in the one form the vault stores and looks up: E.164.

/// A valid phone number in E.164, such as `+34600123456`.
///
/// Only a `Normalizer` makes one out of text, so one that exists is normalised. It is one machine word, allocates
/// nothing, and orders as its text does: numbers that share a prefix stand together.
public struct PhoneNumber: Hashable, Sendable {
    /// The digits as a decimal number. E.164 never begins with 0, so their count is implied.
    private let digits: UInt64

    /// How many digits, country code included, a number can have. The lower bound is libphonenumber's own (a country
    /// code of one and a national number of two); the upper is the longest in its metadata, and what 64 bits hold.
    /// E.164 says 15, but libphonenumber calls longer German, Japanese and Nigerian numbers valid, and it decides.
    package static let digitCounts = 3...19

    /// The number whose digits `digits` are; nil if there are too few or too many. Validity is libphonenumber's word.
    init?(digits: UInt64) {
        guard (100...9_999_999_999_999_999_999).contains(digits) else { return nil }
        self.digits = digits
    }

    /// Takes back the ASCII form that `withASCII` gave. Nil if the bytes have not the shape of
    /// E.164. Whether there is such a number was settled when it was stored.
    package init?(stored utf8: Span<UInt8>) {
        guard let digits = Self.digits(ofE164: utf8) else { return nil }
        self.digits = digits
    }

    /// The text: '+' and digits.
    public var rawValue: String {
        "+\(digits)"
    }

    /// The digits after the country code.
    var nationalDigits: Substring {
        let text = String(digits)
        return text.dropFirst(Self.countryCodeLength(ofDigits: text))
    }

    /// The text with all digits hidden but the country code and the last three, `+34***456`, for logs. Of a number
    /// too short to hide three digits that way, only the country code is shown.
    public var masked: String {
        let text = String(digits)
        let countryCode = text.prefix(Self.countryCodeLength(ofDigits: text))
        let isLong = text.count >= countryCode.count + 6
        return "+\(countryCode)***\(isLong ? text.suffix(3) : "")"
    }

    /// How many digits the country code has: 1 and 7 stand alone, some have two digits, all others three.
    private static func countryCodeLength(ofDigits text: String) -> Int {
        if text.hasPrefix("1") || text.hasPrefix("7") { return 1 }
        return twoDigitCodes.contains(text.prefix(2)) ? 2 : 3
    }

    /// ITU-T E.164, list of assigned country codes.
    private static let twoDigitCodes: Set<Substring> = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ]
}

// ASCII form
extension PhoneNumber {
    /// How many bytes the ASCII form takes.
    package var asciiBytes: Int {
        1 + digitCount
    }

    /// Calls `body` with the ASCII form, which lives until `body` returns. Allocates nothing.
    package func withASCII<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // From the end: as many digits as there are, and the sign before them.
        var ascii = InlineArray<21, UInt8>(repeating: UInt8(ascii: "+"))
        var (start, rest) = (ascii.count, digits)
        while rest > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            start -= 1
            ascii[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        }
        return try body(ascii.span.extracting(start - 1..<ascii.count))
    }

    /// An unverified number out of text that looks like E.164, for looking it up in the index before anything is
    /// normalised. Nil if the text does not look so.
    ///
    /// If the index holds it, it is what normalising the text gives, in every region: a stored key is a fixed point
    /// of normalisation, and with a '+' the region plays no part. If the index does not, nothing is known, and the
    /// text must be normalised. A candidate must never be stored.
    package static func candidate(utf8: Span<UInt8>) -> PhoneNumber? {
        PhoneNumber(stored: utf8)
    }

    /// Of '+' and a plausible count of ASCII digits, the first of them not 0. Says nothing about validity.
    private static func digits(ofE164 utf8: Span<UInt8>) -> UInt64? {
        guard digitCounts.contains(utf8.count - 1), utf8[0] == UInt8(ascii: "+"), utf8[1] != UInt8(ascii: "0") else {
            return nil
        }
        var digits: UInt64 = 0
        for index in 1..<utf8.count {
            let digit = utf8[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            digits = digits &* 10 &+ UInt64(digit)
        }
        return digits
    }
}

extension PhoneNumber: Comparable {
    /// The order of the texts, byte by byte, which is the order of the keys.
    public static func < (left: PhoneNumber, right: PhoneNumber) -> Bool {
        let (leftText, rightText) = (left.leftAligned, right.leftAligned)
        return leftText == rightText ? left.digits < right.digits : leftText < rightText
    }

    /// The digits with zeros after them up to the greatest length, so that comparing numbers compares texts.
    private var leftAligned: UInt64 {
        digits * Self.powersOfTen[Self.digitCounts.upperBound - digitCount]
    }

    private var digitCount: Int {
        var count = Self.digitCounts.lowerBound
        while count < Self.digitCounts.upperBound, digits >= Self.powersOfTen[count] {
            count += 1
        }
        return count
    }

    /// 10 to the power of the index.
    private static let powersOfTen: InlineArray<20, UInt64> = {
        var powers = InlineArray<20, UInt64>(repeating: 1)
        for exponent in 1..<20 {
            powers[exponent] = powers[exponent - 1] * 10
        }
        return powers
    }()
}
