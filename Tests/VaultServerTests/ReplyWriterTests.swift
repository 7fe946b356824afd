// Replies in both versions of the protocol, byte for byte.

import Foundation
import NIOCore
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

private func written(_ version: ProtocolVersion, _ write: (inout ReplyWriter) -> Void) -> String {
    var writer = ReplyWriter(ByteBuffer(), version)
    write(&writer)
    return String(buffer: writer.buffer)
}

@Suite("Reply writer") struct ReplyWriterTests {
    @Test(
        "JSON values are replies in either version",
        arguments: [
            (.null, "$-1\r\n", "_\r\n"), (true, ":1\r\n", "#t\r\n"), (false, ":0\r\n", "#f\r\n"),
            (.integer(-7), ":-7\r\n", ":-7\r\n"), (.integer(99), ":99\r\n", ":99\r\n"),
            (.integer(100), ":100\r\n", ":100\r\n"), ("", "$0\r\n\r\n", "$0\r\n\r\n"),
            ("ñ", "$2\r\nñ\r\n", "$2\r\nñ\r\n"), ("a\r\nb", "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"),
            ([], "*0\r\n", "*0\r\n"), ([1, [nil]], "*2\r\n:1\r\n*1\r\n$-1\r\n", "*2\r\n:1\r\n*1\r\n_\r\n"),
            ([:], "*0\r\n", "%0\r\n"),
            (
                ["a": 1, "b": ["c": "d"]], "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\n",
                "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n%1\r\n$1\r\nc\r\n$1\r\nd\r\n"
            ),
            (.raw("{\"a\":1}"), "$7\r\n{\"a\":1}\r\n", "$7\r\n{\"a\":1}\r\n"),
        ] as [(JSONValue, String, String)])
    func values(_ value: JSONValue, _ resp2: String, _ resp3: String) {
        #expect(written(.resp2) { $0.value(value) } == resp2)
        #expect(written(.resp3) { $0.value(value) } == resp3)
    }

    @Test("Sets and texts for people fall back to what RESP2 has")
    func downgrades() {
        #expect(written(.resp3) { $0.set(1) } == "~1\r\n")
        #expect(written(.resp2) { $0.set(1) } == "*1\r\n")
        #expect(written(.resp3) { $0.verbatim("hi") } == "=6\r\ntxt:hi\r\n")
        #expect(written(.resp2) { $0.verbatim("hi") } == "$2\r\nhi\r\n")
    }

    @Test("An error is one line, whatever its sentence holds")
    func errors() {
        #expect(written(.resp2) { $0.error(ReplyError(.busy, "a\r\nb\nc")) } == "-BUSY a b c\r\n")
    }

    @Test("Ids are written as their text")
    func ids() {
        let seed = UInt64.random(in: 0...(.max))
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let id = UUID(high: random.next(), low: random.next())
            #expect(written(.resp2) { $0.id(id) } == "$36\r\n\(id.text)\r\n", "seed \(seed)")
        }
    }

    @Test("Every code of the library has its word", arguments: VaultError.Code.allCases)
    func codes(_ code: VaultError.Code) {
        let error = ReplyError(VaultError(code, "what happened", advice: "what to do"))
        #expect(error.sentence == "what happened; what to do")
        #expect(["ERR", "INVALID", "NOTFOUND", "CONFLICT", "BUSY", "READONLY"].contains(error.code.rawValue))
    }
}

@Suite("Reply order") struct ReplyOrderTests {
    @Test("Replies come out in the order of their commands, whichever is done first")
    func order() {
        var order = ReplyOrder()
        let (first, second) = (order.reserve(), order.reserve())
        order.append(ByteBuffer(string: "third"))
        order.fulfil(second, ByteBuffer(string: "second"))
        #expect(order.popReady() == nil)
        order.fulfil(first, ByteBuffer(string: "first"))
        #expect(order.pendingCount == 0)
        #expect((0..<4).map { _ in order.popReady().map { String(buffer: $0) } } == ["first", "second", "third", nil])
        #expect(order.isEmpty)
    }

    @Test("Random orders of completion give the order of the commands")
    func randomOrder() {
        let seed = UInt64.random(in: 0...(.max))
        var random = SeededGenerator(seed: seed)
        var (order, waiting, next, seen): (ReplyOrder, [(Int, ReplyOrder.Ticket)], Int, [Int]) = (.init(), [], 0, [])
        func drain() { while let reply = order.popReady() { seen.append(Int(String(buffer: reply)) ?? -1) } }
        for _ in 0..<5_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                waiting.append((next, order.reserve()))
                next += 1
            case 2:
                order.append(ByteBuffer(string: "\(next)"))
                next += 1
            default:
                guard !waiting.isEmpty else { continue }
                let (number, ticket) = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &random))
                order.fulfil(ticket, ByteBuffer(string: "\(number)"))
            }
            drain()
        }
        for (number, ticket) in waiting { order.fulfil(ticket, ByteBuffer(string: "\(number)")) }
        drain()
        #expect(seen == Array(0..<next), "seed \(seed)")
    }

    @Test("Where something is always to come, nothing is kept of what was sent")
    func endless() {
        var (order, waiting) = (ReplyOrder(), [ReplyOrder.Ticket]())
        waiting.append(order.reserve())
        for _ in 0..<1_000 {
            waiting.append(order.reserve())
            order.fulfil(waiting.removeFirst(), ByteBuffer(string: "x"))
            #expect(order.popReady() != nil)
            #expect(order.count == 1)
        }
    }

    @Test("A place that was taken for nothing leaves no gap")
    func withdrawn() {
        var order = ReplyOrder()
        let first = order.reserve()
        order.withdraw(order.reserve())
        order.append(ByteBuffer(string: "second"))
        order.fulfil(first, ByteBuffer(string: "first"))
        #expect((0..<3).map { _ in order.popReady().map { String(buffer: $0) } } == ["first", "second", nil])
    }
}
