// The parser: what bytes are which commands, however they are cut, and what they may cost.

import TestSupport
import Testing

@testable import VaultServer

/// Commands out of a stream, fed in pieces; the fault that ended it, if one did.
private struct Feed {
    private(set) var commands: [[String]] = []
    private(set) var fault: ProtocolFault?
    private var parser = RequestParser()
    private var buffer: [UInt8] = []
    var limits = ServerLimits().request
    var isAuthenticated = true
    /// How many commands to look for at a time, and what was found by that before its turn came.
    var ahead = 0
    private var foreseen: [[String]] = []

    mutating func push(_ bytes: some Sequence<UInt8>) {
        buffer += bytes
        while fault == nil {
            let received = buffer
            switch parser.next(in: received.span, limits: limits, isAuthenticated: isAuthenticated) {
            case .incomplete: return
            case .fault(let found): fault = found
            case .command:
                if parser.inlineBytes == nil, ahead > 0 {
                    parser.readAhead(in: received.span, upTo: ahead, limits: limits)
                    for index in foreseen.count..<max(parser.readyCount, foreseen.count) {
                        foreseen.append(Self.words(parser.request(index, in: received.span)))
                    }
                }
                if let line = parser.inlineBytes {
                    commands.append(Self.words(parser.request(in: line.span)))
                } else {
                    commands.append(Self.words(parser.request(in: received.span)))
                }
                if !foreseen.isEmpty { #expect(foreseen.removeFirst() == commands.last) }
                buffer.removeFirst(parser.byteCount)
                parser.finish()
            }
        }
    }

    private static func words(_ request: borrowing Request) -> [String] {
        var words: [String] = []
        for index in 0..<request.count { words.append(request.text(index)) }
        return words
    }
}

private func parsed(_ text: String, limits: RequestLimits? = nil) -> Feed {
    var feed = Feed()
    if let limits { feed.limits = limits }
    feed.push(text.utf8)
    return feed
}

@Suite("Request parser") struct RequestParserTests {
    static let streams: [(text: String, commands: [[String]])] = [
        ("*1\r\n$4\r\nPING\r\n", [["PING"]]),
        ("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", [["ECHO", ""]]),
        ("*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n", [["ECHO", "a\r\nb"], ["PING"]]),
        ("PING\r\nECHO hello\n", [["PING"], ["ECHO", "hello"]]),
        ("\r\n  PING  \r\n", [[], ["PING"]]),
        ("*0\r\nPING\r\n", [[], ["PING"]]),
        ("*-1\r\nPING\r\n", [[], ["PING"]]),
        (#"ECHO "a \"b\" \x41\n" 'it\'s'"# + "\r\n", [["ECHO", "a \"b\" A\n", "it's"]]),
        (#"ECHO "" ''"# + "\r\n", [["ECHO", "", ""]]),
        ("ECHO ñandú\r\n", [["ECHO", "ñandú"]]),
    ]

    @Test("Streams give their commands, cut at any place", arguments: streams)
    func cutAnywhere(_ text: String, _ commands: [[String]]) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            let ahead = [0, 1, 2, 5][cut % 4]
            var feed = Feed()
            feed.ahead = ahead
            feed.push(bytes[..<cut])
            feed.push(bytes[cut...])
            #expect(feed.commands == commands, "cut at \(cut), \(ahead) ahead")
            #expect(feed.fault == nil, "cut at \(cut), \(ahead) ahead")
        }
    }

    @Test("Streams give their commands, byte by byte", arguments: streams)
    func byteByByte(_ text: String, _ commands: [[String]]) {
        var feed = Feed()
        for byte in text.utf8 { feed.push([byte]) }
        #expect(feed.commands == commands)
    }

    @Test(
        "What is no request is a fault",
        arguments: [
            ("*x\r\n", .multibulkLength), ("*1\r\n+OK\r\n", .expectedBulk(UInt8(ascii: "+"))),
            ("*1\r\n*1\r\n$4\r\nPING\r\n", .expectedBulk(UInt8(ascii: "*"))),
            ("*1\r\n$-1\r\n", .bulkLength), ("*1\r\n$x\r\n", .bulkLength), ("*\r\n", .multibulkLength),
            ("*1\r\n$1\r\nab\r\n", .bulkEnd), ("*99999999999999999999\r\n", .multibulkLength),
            ("*" + String(repeating: "1", count: 100), .multibulkLength),
            ("ECHO \"open\r\n", .quotes), ("ECHO 'a'b\r\n", .quotes),
            ("GET / HTTP/1.1\r\n", .http), ("POST /resolve HTTP/1.1\r\n", .http), ("Host: localhost\r\n", .http),
            ("PUT /x HTTP/1.0\r\n", .http), ("post x\r\n", .http),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 50000 7379\r\n", .proxy), ("\r\n\r\n\0\r\nQUIT\n", .proxy),
        ] as [(String, ProtocolFault)])
    func faults(_ text: String, _ fault: ProtocolFault) { #expect(parsed(text).fault == fault) }

    @Test("A length line that never ends is refused while it is short")
    func endlessLengthLine() {
        #expect(parsed("*" + String(repeating: "0", count: 40)).fault == .lengthLine)
    }

    static let tight = RequestLimits(argumentBytesMax: 10, argumentsMax: 3, inlineBytesMax: 20, requestBytesMax: 40)

    @Test(
        "Limits are enforced when a length is announced, before its bytes come",
        arguments: [
            ("*4\r\n", .multibulkLength), ("*1\r\n$11\r\n", .bulkLength),
            ("*3\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n$10\r\n", .requestLength),
            (String(repeating: "x", count: 21), .inlineLength), ("a b c d\r\n", .multibulkLength),
            ("12345678901\r\n", .bulkLength),
        ] as [(String, ProtocolFault)])
    func announced(_ text: String, _ fault: ProtocolFault) { #expect(parsed(text, limits: Self.tight).fault == fault) }

    @Test("A line is bounded as any other command")
    func longLine() {
        let limits = RequestLimits(argumentBytesMax: 10, argumentsMax: 30, inlineBytesMax: 50, requestBytesMax: 40)
        #expect(parsed(String(repeating: "x ", count: 21), limits: limits).fault == .inlineLength)
    }

    @Test(
        "Who has shown no token gets little room",
        arguments: [
            ("*11\r\n", .unauthenticatedMultibulkLength), ("*1\r\n$257\r\n", .unauthenticatedBulkLength),
            (String(repeating: "x", count: 1_025), .inlineLength),
            ("AUTH \(String(repeating: "x", count: 257))\r\n", .unauthenticatedBulkLength),
        ] as [(String, ProtocolFault)])
    func unauthenticated(_ text: String, _ fault: ProtocolFault) {
        var feed = Feed()
        feed.limits = .unauthenticated
        feed.isAuthenticated = false
        feed.push(text.utf8)
        #expect(feed.fault == fault)
    }

    @Test("Random commands come back as they were sent, in random pieces")
    func randomRoundTrip() {
        let seed = UInt64.random(in: 0...(.max))
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var (sent, bytes): ([[String]], [UInt8]) = ([], [])
            for _ in 0..<Int.random(in: 1...9, using: &random) {
                let words = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                    String(decoding: random.bytes(count: 0...30, of: 0...127), as: UTF8.self)
                }
                sent.append(words)
                bytes += "*\(words.count)\r\n".utf8
                for word in words { bytes += "$\(word.utf8.count)\r\n\(word)\r\n".utf8 }
            }
            var feed = Feed()
            feed.ahead = Int.random(in: 0...6, using: &random)
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...400, using: &random))
                feed.push(piece)
                rest = rest.dropFirst(piece.count)
            }
            #expect(feed.commands == sent, "seed \(seed)")
        }
    }

    @Test(
        "A fault behind commands that were read ahead is told when they are done",
        arguments: [
            ("*1\r\n+OK\r\n", .expectedBulk(UInt8(ascii: "+"))), ("*1\r\n$x\r\n", .bulkLength),
            ("*9999999\r\n", .multibulkLength), ("*1\r\n$999999999\r\n", .bulkLength),
        ] as [(String, ProtocolFault)])
    func faultBehind(_ text: String, _ fault: ProtocolFault) {
        var feed = Feed()
        feed.ahead = 8
        feed.push(("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\n" + text).utf8)
        #expect(feed.commands == [["PING"], ["ECHO", "a"]])
        #expect(feed.fault == fault)
    }

    @Test("Random bytes are commands or a fault, and never more")
    func randomBytes() {
        let seed = UInt64.random(in: 0...(.max))
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("*$0123456789\r\n-+ab\"' ".utf8)
        for _ in 0..<2_000 {
            var feed = Feed()
            feed.limits = Self.tight
            feed.ahead = Int.random(in: 0...3, using: &random)
            for _ in 0..<Int.random(in: 1...60, using: &random) {
                feed.push([alphabet[Int.random(in: 0..<alphabet.count, using: &random)]])
            }
            #expect(feed.commands.allSatisfy { $0.count <= 3 }, "seed \(seed)")
        }
    }
}
