/// What keys of a walk begin with: whole bytes, and the first digit of the next where an id that is typed in part ends
/// between two.
struct KeyPrefix {
    let bytes: [UInt8]
    let digit: UInt8?

    init(_ bytes: [UInt8], digit: UInt8? = nil) {
        self.bytes = bytes
        self.digit = digit
    }

    /// An id, or the beginning of one, with hyphens or without.
    /// - Returns: nil where that is something else.
    init?(id text: String) {
        let digits = text.filter { $0 != "-" }
        guard digits.utf8.count <= 32 else { return nil }
        self.init(hex: digits)
    }

    /// - Returns: nil where there is something else than hexadecimal digits.
    init?(hex digits: String) {
        let isOdd = digits.utf8.count % 2 == 1
        guard let whole = [UInt8](hex: isOdd ? digits + "0" : digits) else { return nil }
        self.init(Array(whole.prefix(digits.utf8.count / 2)), digit: isOdd ? whole.last.map { $0 >> 4 } : nil)
    }

    /// The same behind other bytes.
    func behind(_ before: [UInt8]) -> KeyPrefix { KeyPrefix(before + bytes, digit: digit) }

    /// The first key there may be.
    var first: [UInt8] { digit.map { bytes + [$0 << 4] } ?? bytes }

    /// Whether a key that begins with the bytes, which end at `offset` of it, goes on with the digit.
    func covers(_ key: RawSpan, from offset: Int) -> Bool {
        guard let digit else { return true }
        return key.byteCount > offset && key.unsafeLoad(fromByteOffset: offset, as: UInt8.self) >> 4 == digit
    }
}
