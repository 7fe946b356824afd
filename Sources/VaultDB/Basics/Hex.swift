extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    package var hex: String {
        let text = flatMap { [UInt8(hexDigit: $0 >> 4), UInt8(hexDigit: $0 & 0x0F)] }
        return String(decoding: text, as: UTF8.self)
    }
}

extension UInt8 {
    /// The lower-case digit of a number below 16.
    init(hexDigit number: UInt8) { self = number + (number < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) }
}

extension [UInt8] {
    /// Nil unless `hex` is an even number of hexadecimal digits.
    package init?(hex: some StringProtocol) {
        let digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        guard digits.count == hex.utf8.count, digits.count % 2 == 0 else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
