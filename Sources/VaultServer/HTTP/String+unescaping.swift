extension String {
    /// The text that percent escapes stand for, byte by byte: a mark at its beginning is part of it, too.
    /// - Parameter bytes: of a part of an address, or of a form.
    /// - Returns: nil where a percent sign is without two hexadecimal digits, or what comes out is not UTF-8.
    init?(unescaping bytes: some Collection<UInt8>) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var rest = bytes.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                text.append(byte)
                continue
            }
            guard let high = rest.next()?.hexDigitValue, let low = rest.next()?.hexDigitValue else { return nil }
            text.append(high << 4 | low)
        }
        self.init(validating: text, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var hexDigitValue: UInt8? { Character(Unicode.Scalar(self)).hexDigitValue.map { UInt8($0) } }
}
