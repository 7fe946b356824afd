// What happens once though it is asked for twice, and imports that stream both ways.

import Foundation
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Writes") struct WriteTests {
        private static let creating: [(method: String, path: String, body: String)] = [
            ("POST", "/api/v1/contacts/resolve", #"{"email": "ana@example.com"}"#),
            ("POST", "/api/v1/bookings", #"{"email": "ana@example.com"}"#),
            ("POST", "/api/v1/leads", #"{"email": "ana@example.com"}"#),
            ("POST", "/api/v1/forms", #"{"fields": {"email": "ana@example.com"}}"#),
            ("PUT", "/api/v1/records/lead/l1", #"{"email": "ana@example.com"}"#),
        ]

        @Test("What creates something does so once a key, and answers the same again", arguments: 0..<5)
        func creating(_ number: Int) async throws {
            let (method, path, body) = Self.creating[number]
            try await TestServer.runHTTP { server in
                let key = ["Idempotency-Key": "k1"]
                let first = try server.ask(method, path, body, headers: key)
                let commit = try server.vault.lastCommit()
                let again = try server.ask(method, path, body, headers: key)
                #expect(again.status == first.status)
                #expect(again.text == first.text)
                #expect(try server.vault.lastCommit() == commit)
                // The key of another organization is another key.
                let other = try server.ask(
                    method, path, body, headers: ["Idempotency-Key": "k1", "X-Organization-Id": TestServer.other])
                #expect(other.status < 300)
                #expect(try other.text("identity_id") != first.text("identity_id"))
            }
        }

        @Test(
            "What changes something does so once a key, and is refused without one",
            arguments: ["merge", "unmerge", "keep apart", "delete", "erase"])
        func changing(_ name: String) async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let contact = "/api/v1/contacts/\(first)"
                let merge = #"{"into": "\#(second)"}"#
                let request: (method: String, path: String, body: String?)
                switch name {
                case "merge": request = ("POST", "\(contact)/merge", merge)
                case "unmerge":
                    let merged = try server.ask("POST", "\(contact)/merge", merge)
                    request = ("DELETE", "/api/v1/merges/\(try merged.text("merge_id"))", nil)
                case "keep apart":
                    request = (
                        "POST", "/api/v1/conflicts/keep-apart", #"{"first": "\#(first)", "second": "\#(second)"}"#
                    )
                case "delete": request = ("DELETE", "/api/v1/records/lead/l1", nil)
                default: request = ("DELETE", contact, nil)
                }
                func ask(_ key: String?) throws -> WebAnswer {
                    try server.ask(request.method, request.path, request.body, headers: ["Idempotency-Key": key])
                }
                let answer = try ask("k")
                #expect(answer.status == 200, "\(answer.text)")
                let commit = try server.vault.lastCommit()
                #expect(try ask("k").text == answer.text)
                #expect(try server.vault.lastCommit() == commit)
                if name != "keep apart" { #expect([404, 409, 410].contains(try ask("other").status)) }
            }
        }

        @Test("A repeated request is told to come again while the first is under way")
        func underWay() async throws {
            try await TestServer.runHTTP { server in
                let path = "/api/v1/contacts/\(try server.resolved(#"{"email": "ana@example.com"}"#))"
                let endHold = ServerTests.CareTests.holdWriter(of: server)
                let wire = try server.connectHTTP()
                try wire.send(
                    "DELETE \(path) HTTP/1.1\r\nHost: localhost\r\nX-Organization-Id: \(TestServer.organization)\r\n"
                        + "Idempotency-Key: k\r\n\r\n")
                let pending = { server.server.state.pendingWrites.load(ordering: .relaxed) }
                while pending() < 1 { try await Task.sleep(for: .milliseconds(1)) }
                let again = try server.ask("DELETE", path, headers: ["Idempotency-Key": "k"])
                #expect(again.status == 409 && again["retry-after"] == "1")
                #expect(try again.text("code") == "under_way")
                try endHold()
                let first = try wire.answer()
                #expect(first.status == 200)
                #expect(try server.ask("DELETE", path, headers: ["Idempotency-Key": "k"]).text == first.text)
            }
        }

        @Test("A failed request is as if its key had not come")
        func failed() async throws {
            try await TestServer.runHTTP { server in
                let key = ["Idempotency-Key": "k"]
                #expect(try server.ask("DELETE", "/api/v1/records/lead/l1", headers: key).status == 404)
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                #expect(try server.ask("DELETE", "/api/v1/records/lead/l1", headers: key).status == 200)
            }
        }

        @Test("A key that was used for another request is refused, and nothing is done")
        func otherRequest() async throws {
            try await TestServer.runHTTP { server in
                for id in ["l1", "l2"] { _ = try server.put("lead/\(id)", #"{"email": "ana@example.com"}"#) }
                let key = ["Idempotency-Key": "k"]
                let first = try server.ask("DELETE", "/api/v1/records/lead/l1", headers: key)
                #expect(first.status == 200)
                let commit = try server.vault.lastCommit()
                for path in ["/api/v1/records/lead/l2", "/api/v1/records/lead/l1?mode=hard"] {
                    let other = try server.ask("DELETE", path, headers: key)
                    #expect(other.status == 409)
                    #expect(try other.text("code") == "refused")
                }
                #expect(try server.vault.lastCommit() == commit)
                #expect(try server.ask("DELETE", "/api/v1/records/lead/l1", headers: key).text == first.text)
            }
        }

        // MARK: Importing

        private static let head = """
            POST /api/v1/contacts/import?kind=lead HTTP/1.1\r
            Host: localhost\r
            X-Organization-Id: \(TestServer.organization)\r
            Content-Type: application/x-ndjson\r
            Transfer-Encoding: chunked\r
            \r

            """

        private static func rows(_ numbers: Range<Int>) -> String {
            numbers.map { #"{"id": "r\#($0)", "email": "p\#($0)@example.com"}"# + "\n" }.joined()
        }

        @Test("Rows are answered while others still come")
        func streaming() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(Self.head)
                try wire.send(chunk: Self.rows(0..<700))
                #expect(try wire.answerHead().status == 200)
                var text = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
                #expect(text.hasPrefix(#"{"line":1,"id":"r0","identity_id":""#))
                // A request counts at its end.
                #expect(server.server.state.httpMetrics.count(ofStatus: 2) == 0)
                try wire.send(chunk: Self.rows(700..<1_000))
                try wire.send("0\r\n\r\n")
                while let chunk = try wire.chunk() { text += String(decoding: chunk, as: UTF8.self) }
                #expect(text.split(separator: "\n").count == 1_000)
                #expect(!text.contains("error"))
                // The connection goes on.
                try wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try wire.answer().status == 200)
            }
        }

        @Test(
            "A row is answered when no other comes for a while, and the last line tells of a server that stops",
            arguments: [false, true])
        func pause(_ isPacked: Bool) async throws {
            let server = try await TestServer {
                $0.httpPort = 0
                $0.drainSecondsMax = 1
            }
            let wire = try server.connectHTTP()
            let row = Array(Self.rows(0..<1).utf8)
            let packing = isPacked ? "Content-Encoding: gzip\r\n" : ""
            try wire.send(Self.head.replacing("Transfer-Encoding", with: "\(packing)Transfer-Encoding"))
            try wire.send(chunk: isPacked ? Self.gzip(row, isWhole: false) : row)
            #expect(try wire.answerHead().status == 200)
            let first = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
            #expect(first.hasPrefix(#"{"line":1,"id":"r0","identity_id":""#))
            let stopping = Task { try await server.stop() }
            let last = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
            #expect(last.hasPrefix(#"{"error":"busy","message":"the server stops; send "#), "\(last)")
            #expect(try wire.chunk() == nil)
            #expect(wire.isClosed())
            try await stopping.value
        }

        @Test("Long rows are answered when a megabyte of them has come")
        func longRows() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(Self.head)
                let note = String(repeating: "n", count: 12_000)
                let rows = (0..<100).map { #"{"id":"r\#($0)","email":"p@example.com","note":"\#(note)"}"# + "\n" }
                try wire.send(chunk: rows.joined())
                #expect(try wire.answerHead().status == 200)
                var text = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
                #expect(text.hasPrefix(#"{"line":1,"id":"r0""#))
                try wire.send("0\r\n\r\n")
                while let chunk = try wire.chunk() { text += String(decoding: chunk, as: UTF8.self) }
                #expect(text.split(separator: "\n").count == 100)
                #expect(!text.contains("error"))
            }
        }

        @Test("An import whose sender goes away keeps the rows that were answered, and the server")
        func abandoned() async throws {
            try await TestServer.runHTTP { server in
                var wire: Wire? = try server.connectHTTP()
                try wire?.send(Self.head)
                try wire?.send(chunk: Self.rows(0..<500))
                _ = try wire?.answerHead()
                _ = try wire?.chunk()
                wire = nil
                #expect(
                    try server.ask("GET", "/api/v1/contacts?email=p0@example.com").json["results"]?.array.count == 1)
            }
        }

        @Test("A client may send all its rows before it reads an answer")
        func sendingFirst() async throws {
            // More than the system holds, both of rows and of answers. An id of 250 bytes is refused by itself.
            let row = "{\"id\": \"\(String(repeating: "x", count: 250))\"}\(String(repeating: " ", count: 900))\n"
            let (rows, count) = (Array(String(repeating: row, count: 14_000).utf8), 14_000)
            try await TestServer.runHTTP { server in
                let wire = try Wire(port: server.httpPort, receiveBytes: 4_096, sendBytes: 65_536)
                try wire.send(
                    Self.head.replacing(
                        "Transfer-Encoding: chunked", with: "Content-Length: \(rows.count)\r\nConnection: close"))
                try wire.send(bytes: rows)
                // What ended its side gets all of it too.
                wire.endSending()
                let answers = wire.all()
                #expect(answers.utf8.count { $0 == UInt8(ascii: "{") } == count)
                #expect(answers.hasSuffix("\r\n0\r\n\r\n"))
            }
        }

        @Test("A row that can't be used has a line that says why, and the others go on")
        func badRows() async throws {
            try await TestServer.runHTTP { server in
                let rows = """
                    {"id": "1", "email": "ana@example.com"}
                    {"id": "2", "email":
                    {"id": "3", "email": "nonsense"}
                    {"id": "4", "email": "leo@example.com", "phone": "12"}
                    """
                let answer = try server.ask(
                    "POST", "/api/v1/contacts/import?kind=lead", rows, headers: ["Content-Type": "application/x-ndjson"]
                )
                let lines = try answer.lines
                #expect(lines.count == 4)
                #expect(
                    lines.map { $0["error"] != nil || $0["warnings"]?.array.isEmpty == false }[1...2] == [true, true])
                #expect(lines[0]["change"]?.string == "created" && lines[3]["change"]?.string == "created")
                #expect(lines[3]["warnings"]?.array.map(\.string) == ["invalid_phone"])
            }
        }

        @Test(
            "CSV comes in as JSON Lines do, packed or not, and sending it again changes nothing",
            arguments: [false, true])
        func csv(_ isPacked: Bool) async throws {
            try await TestServer.runHTTP { server in
                let rows = Array("id,email,first_name\n1,ana@example.com,Ana\n2,leo@example.com,\"Leo, L\"\n".utf8)
                let headers = ["Content-Type": "text/csv", "Content-Encoding": isPacked ? "gzip" : nil]
                for change in ["created", "unchanged"] {
                    let answer = try server.ask(
                        "POST", "/api/v1/contacts/import?kind=lead", bytes: isPacked ? Self.gzip(rows) : rows,
                        headers: headers)
                    #expect(answer.status == 200)
                    #expect(try answer.lines.map { $0["change"]?.string } == [change, change], "\(answer.text)")
                }
            }
        }

        @Test("A packed body that is cut off is refused, and the server stays")
        func cutOff() async throws {
            try await TestServer.runHTTP { server in
                let broken = try server.ask(
                    "POST", "/api/v1/contacts/resolve", bytes: Array(Self.gzip(Array("{}".utf8)).dropLast(9)),
                    headers: ["Content-Encoding": "gzip"])
                #expect(broken.status >= 400)
                let parts = try server.ask(
                    "POST", "/api/v1/contacts/resolve", bytes: Self.gzip(Array("{".utf8)) + Self.gzip(Array("}".utf8)),
                    headers: ["Content-Encoding": "gzip"])
                #expect(parts.status == 400 && parts.text.contains("members of gzip"), "\(parts.text)")
                #expect(try server.ask("GET", "/health").status == 200)
            }
        }

        /// RFC 1952 with one stored block.
        /// - Parameter isWhole: whether no other is to follow.
        private static func gzip(_ bytes: [UInt8], isWhole: Bool = true) -> [UInt8] {
            func little(_ number: some FixedWidthInteger) -> [UInt8] {
                withUnsafeBytes(of: number.littleEndian, Array.init)
            }
            var sum = UInt32.max
            for byte in bytes {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
            }
            let size = UInt16(bytes.count)
            let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, isWhole ? 1 : 0]
            let block = head + little(size) + little(~size) + bytes
            return isWhole ? block + little(~sum) + little(UInt32(bytes.count)) : block
        }
    }
}
