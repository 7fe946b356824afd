/// The words of a command that was typed as a line, as Redis splits it: white space between them, double quotes with
/// escapes, single quotes with `\'` alone.
struct InlineWords {
    private(set) var bytes: [UInt8] = []
    private(set) var places: [Request.Place] = []

    init(_ line: Span<UInt8>, wordsMax: Int) throws(ProtocolFault) {
        var reader = Reader(line)
        while reader.skipSpace() {
            guard places.count < wordsMax else { throw .multibulkLength }
            let start = bytes.count
            try reader.word(into: &bytes)
            places.append(Request.Place(start: start, count: bytes.count - start))
        }
    }

    /// The fault of a line that is of another protocol, where it is.
    ///
    /// Acting on what a browser or an HTTP library sends first, or as a header, would let a web page reach the vault through
    /// its visitor. A reply to the PROXY line of a load balancer, or to the zero that is a line of that protocol's version
    /// 2, would be taken for that to the client's first command, and so on.
    var otherProtocol: ProtocolFault? {
        guard let first = places.first, let last = places.last else { return nil }
        if bytes[last.start..<last.start + last.count].starts(with: "HTTP/".utf8) { return .http }
        switch bytes.span.extracting(first.start..<first.start + first.count).word {
        case "post", "host:", "connect", "options", "head", "patch": return .http
        case "proxy", "\0": return .proxy
        default: return nil
        }
    }
}

extension InlineWords {
    private struct Reader: ~Escapable {
        private let line: Span<UInt8>
        private var index = 0

        @_lifetime(copy line)
        init(_ line: Span<UInt8>) { self.line = line }

        /// False at the end of the line.
        @_lifetime(self: copy self)
        mutating func skipSpace() -> Bool {
            while index < line.count, Self.isSpace(line[index]) { index += 1 }
            return index < line.count
        }

        @_lifetime(self: copy self)
        mutating func word(into bytes: inout [UInt8]) throws(ProtocolFault) {
            while index < line.count {
                let byte = line[index]
                if Self.isSpace(byte) { return }
                index += 1
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    try quoted(by: byte, into: &bytes)
                    // What follows a closing quote must be the end of the word.
                    if index < line.count, !Self.isSpace(line[index]) { throw .quotes }
                    return
                }
                bytes.append(byte)
            }
        }

        @_lifetime(self: copy self)
        private mutating func quoted(by quote: UInt8, into bytes: inout [UInt8]) throws(ProtocolFault) {
            while index < line.count {
                let byte = line[index]
                index += 1
                if byte == quote { return }
                if byte == UInt8(ascii: "\\"), index < line.count {
                    escape(inside: quote, into: &bytes)
                } else {
                    bytes.append(byte)
                }
            }
            throw .quotes
        }

        @_lifetime(self: copy self)
        private mutating func escape(inside quote: UInt8, into bytes: inout [UInt8]) {
            let byte = line[index]
            if quote == UInt8(ascii: "'") {
                if byte == quote { index += 1 }
                bytes.append(byte == quote ? quote : UInt8(ascii: "\\"))
                return
            }
            if byte == UInt8(ascii: "x"), index + 2 < line.count, let high = Self.hex(line[index + 1]),
                let low = Self.hex(line[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
                return
            }
            index += 1
            switch byte {
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "a"): bytes.append(0x07)
            default: bytes.append(byte)
            }
        }

        private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

        private static func hex(_ byte: UInt8) -> UInt8? {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
            default: nil
            }
        }
    }
}
