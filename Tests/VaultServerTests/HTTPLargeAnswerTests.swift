// Answers of many records over HTTP: written piece by piece, and no more of them than there is room for.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Large answers") struct LargeAnswerTests {
        /// A person with so many records of 16 KB, which packing leaves a good part of.
        private static func person(_ server: TestServer, records: Int) throws -> String {
            let rows = (0..<records).map { row in
                let words = (0..<1_000).map { String(UInt64(row * 1_000 + $0) &* 0x9E37_79B9_7F4A_7C15, radix: 16) }
                return #"{"id":"r\#(row)","email":"p@example.com","note":"\#(words.joined())"}"# + "\n"
            }
            let answer = try server.ask(
                "POST", "/api/v1/contacts/import?kind=lead", rows.joined(),
                headers: ["Content-Type": "application/x-ndjson"])
            let id = try #require(try answer.lines.first?["identity_id"]?.string, "\(answer.text.prefix(500))")
            return "/api/v1/contacts/\(id)"
        }

        private static func get(_ path: String, _ headers: String = "") -> String {
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nX-Organization-Id: \(TestServer.organization)\r\n\(headers)\r\n"
        }

        @Test("A large answer is whole, also where it is packed piece by piece, and its connection goes on")
        func whole() async throws {
            try await TestServer.runHTTP({ $0.limits.httpBodyBytesMax = 4 << 20 }) { server in
                let path = "\(try Self.person(server, records: 40))/timeline"
                let wire = try server.connectHTTP()
                try wire.send(Self.get(path))
                let plain = try wire.answer()
                #expect(try plain.json["results"]?.array.count == 40)
                #expect(plain["content-length"] == "\(plain.body.count)")
                try wire.send(Self.get(path, "Accept-Encoding: gzip\r\n"))
                let head = try wire.answerHead()
                #expect(head["content-encoding"] == "gzip" && head["content-length"] == nil)
                var (packed, pieces): ([UInt8], Int) = ([], 0)
                while let chunk = try wire.chunk() {
                    packed += chunk
                    pieces += 1
                }
                #expect(pieces >= plain.body.count >> 16)
                #expect(packed.count < plain.body.count)
                // Who reads it has unpacked it, and has found JSON to its end.
                let sent = try server.ask(
                    "POST", "/api/v1/contacts/resolve", bytes: packed, headers: ["Content-Encoding": "gzip"])
                #expect(sent.status == 400)
                #expect(try sent.text("detail").hasSuffix("'results'"))
                try wire.send(Self.get(path))
                #expect(try wire.answer().body == plain.body)
                #expect(try server.ask("HEAD", path)["content-length"] == "\(plain.body.count)")
            }
        }

        @Test("Where there is no room for replies large answers are refused, and what is short or writes is answered")
        func full() async throws {
            try await TestServer.runHTTP({ $0.limits.workOutputBytesMax = 1_000 }) { server in
                let path = try Self.person(server, records: 8)
                let held = server.server.state.heldReplies
                do {
                    let hold = held.hold(1_001)
                    for list in ["timeline", "leads", "export"] {
                        let refused = try server.ask("GET", "\(path)/\(list)")
                        #expect(refused.status == 503 && refused["retry-after"] == "1", "\(list)")
                        #expect(try refused.text("code") == "busy")
                    }
                    #expect(try server.ask("GET", "\(path)/timeline?limit=1").status == 200)
                    #expect(try server.ask("GET", path).status == 200)
                    _ = try server.put("lead/l1", #"{"email": "p@example.com"}"#)
                    withExtendedLifetime(hold) {}
                }
                #expect(try server.ask("GET", "\(path)/timeline").status == 200)
                while held.isFull { await Task.yield() }
                // Its head alone takes no room.
                #expect(try server.ask("HEAD", "\(path)/timeline").status == 200)
                while held.isFull { await Task.yield() }
            }
        }

        @Test("A large answer takes room until its client has taken it, or is gone", arguments: [false, true])
        func untaken(_ isGone: Bool) async throws {
            try await TestServer.runHTTP({ $0.limits.workOutputBytesMax = 1 << 20 }) { server in
                let path = "\(try Self.person(server, records: 700))/timeline?limit=700"
                let held = server.server.state.heldReplies
                let wire = try Wire(port: server.httpPort, receiveBytes: 65_536)
                try wire.send(Self.get(path))
                let count = try #require(try wire.answerHead()["content-length"].flatMap { Int($0) })
                #expect(held.isFull)
                #expect(try server.ask("GET", path).status == 503)
                if isGone {
                    wire.reset()
                } else {
                    #expect(try wire.take(count).last == UInt8(ascii: "}"))
                }
                while held.isFull { await Task.yield() }
                #expect(try server.ask("GET", path).status == 200)
            }
        }
    }
}
