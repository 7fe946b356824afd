/// Redis' protocol as a client needs it for measuring: requests to bytes, and where a reply ends.
enum RESPText {
    /// Adds a request to what is to be sent.
    static func append(_ words: [String], to bytes: inout [UInt8]) {
        appendHead(UInt8(ascii: "*"), words.count, to: &bytes)
        for word in words {
            appendHead(UInt8(ascii: "$"), word.utf8.count, to: &bytes)
            bytes.append(contentsOf: word.utf8)
            bytes.append(contentsOf: [0x0D, 0x0A])
        }
    }

    private static func appendHead(_ kind: UInt8, _ count: Int, to bytes: inout [UInt8]) {
        bytes.append(kind)
        bytes.append(contentsOf: String(count).utf8)
        bytes.append(contentsOf: [0x0D, 0x0A])
    }

    enum Reply: Equatable {
        case value
        case null
        case error(String)
    }

    /// The reply that begins at `offset`, and where the next one begins; nil where it is not complete yet.
    /// - Throws: where the bytes are no reply.
    static func reply(in bytes: [UInt8], at offset: Int, end: Int) throws(Failure) -> (reply: Reply, next: Int)? {
        var next = offset
        var reply: Reply?
        // A reply is one value, and each aggregate adds its elements to what is still to come.
        var toCome = 1
        while toCome > 0 {
            guard let line = lineEnd(in: bytes, from: next, end: end) else { return nil }
            let kind = bytes[next]
            toCome -= 1
            var read = Reply.value
            var after = line + 2
            switch kind {
            case UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "("): break
            case UInt8(ascii: "-"): read = .error(String(decoding: bytes[next + 1..<line], as: UTF8.self))
            case UInt8(ascii: "_"): read = .null
            case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
                let count = try number(in: bytes, next + 1..<line)
                if count < 0 { read = .null } else { after += count + 2 }
            case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "%"):
                let count = try number(in: bytes, next + 1..<line)
                if count < 0 { read = .null } else { toCome += kind == UInt8(ascii: "%") ? count * 2 : count }
            default: throw unreadable
            }
            guard after <= end else { return nil }
            reply = reply ?? read
            next = after
        }
        return (reply ?? .value, next)
    }

    /// The strings of a reply, however they are nested; for short and rare ones.
    static func strings(in bytes: ArraySlice<UInt8>) throws(Failure) -> [String] {
        let bytes = Array(bytes)
        var strings: [String] = []
        var next = 0
        while let line = lineEnd(in: bytes, from: next, end: bytes.count) {
            var after = line + 2
            if bytes[next] == UInt8(ascii: "$") {
                let count = try number(in: bytes, next + 1..<line)
                if count >= 0, after + count <= bytes.count {
                    strings.append(String(decoding: bytes[after..<after + count], as: UTF8.self))
                    after += count + 2
                }
            }
            next = after
        }
        return strings
    }

    private static func lineEnd(in bytes: [UInt8], from start: Int, end: Int) -> Int? {
        var index = start
        while index + 1 < end {
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A { return index }
            index += 1
        }
        return nil
    }

    private static func number(in bytes: [UInt8], _ range: Range<Int>) throws(Failure) -> Int {
        guard let number = Int(String(decoding: bytes[range], as: UTF8.self)), number <= 1 << 30 else {
            throw unreadable
        }
        return number
    }

    private static var unreadable: Failure {
        Failure(.failed, "the server's reply can't be read", advice: "check that --port is that of `vaultdb serve`")
    }
}
