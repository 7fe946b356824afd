// What becomes of an HTTP connection whose client does not keep its side, or asks for more than an answer.

import Foundation
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Connections") struct ConnectionTests {
        private static let organization = "X-Organization-Id: \(TestServer.organization)\r\n"

        @Test("A body that drips behind an answer ends the connection, and nothing else")
        func answeredBody() async throws {
            try await TestServer.runHTTP({
                $0.limits.httpRequestSecondsMax = 1
                $0.requiresTokens = true
            }) { server in
                let wire = try server.connectHTTP()
                try wire.send(
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
                #expect(try wire.answer().status == 401)
                #expect(wire.isClosed())
                #expect(try server.ask("GET", "/health").status == 200)
            }
        }

        @Test(
            "Only an import that is not refused may take its time", arguments: ["importzzz", "import?kind=", "import"])
        func noStream(_ path: String) async throws {
            try await TestServer.runHTTP({ $0.limits.httpRequestSecondsMax = 1 }) { server in
                let wire = try server.connectHTTP()
                try wire.send(
                    "POST /api/v1/contacts/\(path) HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                        + "Content-Length: 100\r\n\r\nabc")
                #expect(try wire.answer().status >= 400)
                #expect(wire.isClosed())
            }
        }

        @Test(
            "The route tells an import, however its address is written",
            arguments: [
                ("/api/v1/contacts/import", true), ("/api/v1/contacts/import/?kind=lead", true),
                ("//api/v1//contacts/import", true), ("/api/v1/contacts/import/x", false), ("/?/import", false),
                ("http://localhost/api/v1/contacts/import?kind=lead", true), ("http://localhost/?x", false),
            ])
        func streaming(_ address: String, _ isImport: Bool) {
            #expect(HTTPRoutes.isStreaming(address) == isImport)
        }

        @Test("HTTP/1.0 gets no chunks, and its connection stays only where that is asked for")
        func oldVersion() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                for _ in 0..<2 {
                    try wire.send(
                        "GET /openapi.json HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n")
                    let answer = try wire.answer()
                    #expect(answer.status == 200)
                    #expect(answer["connection"] == "keep-alive")
                    #expect(answer.text.hasSuffix("}"))
                }
                try wire.send("GET /health HTTP/1.0\r\n\r\n")
                #expect(try wire.answer()["connection"] == "close")
                #expect(wire.isClosed())
                let row = #"{"id": "1", "email": "ana@example.com"}"#
                let rows = try server.connectHTTP()
                try rows.send(
                    "POST /api/v1/contacts/import?kind=lead HTTP/1.0\r\n\(Self.organization)"
                        + "Content-Type: application/x-ndjson\r\nConnection: keep-alive\r\n"
                        + "Content-Length: \(row.utf8.count)\r\n\r\n\(row)")
                let head = try rows.answerHead()
                #expect(head["transfer-encoding"] == nil && head["connection"] == "close")
                #expect(rows.all().hasPrefix(#"{"line":1,"id":"1","#))
            }
        }

        @Test(
            "A request that is to be the last is answered, and nothing behind it",
            arguments: ["close", "Close", "x, close"])
        func last(_ word: String) async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n"
                try wire.send("\(request)Connection: \(word)\r\n\r\n\(request)\r\n")
                let answer = try wire.answer()
                #expect(answer.status == 200)
                #expect(answer["connection"] == "close")
                #expect(wire.all() == "")
            }
        }

        @Test("A request for another protocol is answered in this one, and what comes behind it is not taken")
        func upgrade() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(
                    "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
                let answer = try wire.answer()
                #expect(answer.status == 200)
                #expect(answer["connection"] == "close")
                // The system's buffers hold some megabytes.
                let taken = try await wire.sendUntilStalled([UInt8](repeating: 0, count: 16_384), bytesMax: 200 << 20)
                #expect(taken < 100 << 20)
            }
        }

        @Test("A client that waits for 100 Continue gets it, and then its answer")
        func goOn() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                let body = #"{"email":"ana@example.com"}"#
                try wire.send(
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                        + "Expect: 100-continue\r\n\r\n")
                #expect(try wire.answerHead().status == 100)
                try wire.send(body)
                #expect(try wire.answer().status == 201)
                // Behind another request it waits for that one's answer first.
                try wire.send(
                    "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                        + "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                        + "Expect: 100-continue\r\n\r\n")
                #expect(try wire.answer().status == 200)
                #expect(try wire.answerHead().status == 100)
                try wire.send(body)
                #expect(try wire.answer().status == 200)
            }
        }

        @Test(
            "What is announced too large is refused at its head, and nobody is asked to send it",
            arguments: [(1 << 20) + 1, 99_999_999])
        func announced(_ bytes: Int) async throws {
            try await TestServer.runHTTP { server in
                let head =
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                    + "Content-Type: application/json\r\nContent-Length: \(bytes)\r\n"
                let waiting = try server.connectHTTP()
                try waiting.send("\(head)Expect: 100-continue\r\n\r\n")
                let refused = try waiting.answer()
                #expect(refused.status == 413 && refused["connection"] == "close")
                #expect(waiting.isClosed())
                let sending = try server.connectHTTP()
                try sending.send("\(head)\r\n{")
                #expect(try sending.answer().status == 413)
            }
        }

        @Test("A body that is not packed as it says ends the connection, and its answer says so")
        func notPacked() async throws {
            try await TestServer.runHTTP { server in
                for version in ["1.0\r\nConnection: keep-alive", "1.1"] {
                    let wire = try server.connectHTTP()
                    try wire.send(
                        "POST /api/v1/contacts/resolve HTTP/\(version)\r\nHost: localhost\r\n\(Self.organization)"
                            + "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
                            + "notgzip")
                    let answer = try wire.answer()
                    #expect(answer.status == 400 && answer["connection"] == "close")
                    #expect(wire.isClosed())
                }
            }
        }

        @Test("What is not ASCII in a header means nothing, and the rest of it is read")
        func headersOfBytes() async throws {
            try await TestServer.runHTTP { server in
                let marks = "\u{301}\u{323}"
                for (header, status) in [
                    ("Host: localhost\(marks)", 421), ("Host: localhost\r\nOrigin: http://localhost\(marks)", 403),
                    ("Host: localhost\r\nContent-Encoding: gzip\(marks)", 415),
                ] {
                    let wire = try server.connectHTTP()
                    try wire.send(
                        "POST /api/v1/contacts/resolve HTTP/1.1\r\n\(header)\r\n\(Self.organization)"
                            + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                    #expect(try wire.answer().status == status, "\(header)")
                }
                // As a text, its last letter would be another one.
                let page = try server.ask("GET", "/nothing", headers: ["Accept": "text/html\(marks)"])
                #expect(page["content-type"]?.hasPrefix("text/html") == true)
                // A key is a text of any kind.
                let ids = try ["\u{E9}", "\u{F1}"].map { key in
                    try server.ask(
                        "POST", "/api/v1/contacts/resolve", #"{"email": "p\#(key.utf8.last ?? 0)@example.com"}"#,
                        headers: ["Idempotency-Key": key]
                    ).text("identity_id")
                }
                #expect(ids[0] != ids[1])
            }
        }

        // MARK: Answers that are not taken at once

        /// The path of an answer of so many times 16 KB.
        private static func largeAnswer(_ server: TestServer, records: Int) throws -> String {
            let note = String(repeating: "n", count: 16_000)
            let rows = (0..<records).map { #"{"id":"r\#($0)","email":"p@example.com","note":"\#(note)"}"# + "\n" }
            let answer = try server.ask(
                "POST", "/api/v1/contacts/import?kind=lead", rows.joined(),
                headers: ["Content-Type": "application/x-ndjson"])
            let id = try #require(try answer.lines.first?["identity_id"]?.string, "\(answer.text.prefix(500))")
            return "/api/v1/contacts/\(id)/timeline?limit=\(records)"
        }

        /// Asks for an answer that is more than the system holds, on a connection that stays.
        /// - Returns: the connection, and how many bytes are to come behind the head that was read.
        private static func ask(
            _ server: TestServer, _ path: String, receiveBytes: Int32 = 65_536
        ) throws -> (wire: Wire, count: Int) {
            let wire = try Wire(port: server.httpPort, receiveBytes: receiveBytes)
            try wire.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(organization)\r\n")
            return (wire, try #require(try wire.answerHead()["content-length"].flatMap { Int($0) }))
        }

        @Test("A client that takes an answer slowly gets all of it, as long as it goes on taking")
        func slowReader() async throws {
            try await TestServer.runHTTP({ $0.limits.httpIdleSecondsMax = 2 }) { server in
                let (wire, count) = try Self.ask(server, try Self.largeAnswer(server, records: 1_500))
                let piece = count / 25
                for _ in 0..<24 {
                    _ = try wire.take(piece)
                    try await Task.sleep(for: .milliseconds(150))
                }
                #expect(try wire.take(count - 24 * piece).last == UInt8(ascii: "}"))
            }
        }

        @Test("A client that takes less than the system waits for before it takes more is not disconnected")
        func slowestReader() async throws {
            try await TestServer.runHTTP({ $0.limits.httpIdleSecondsMax = 2 }) { server in
                let (wire, count) = try Self.ask(
                    server, try Self.largeAnswer(server, records: 700), receiveBytes: 16_384)
                let (pieces, piece) = (45, 8_192)
                for _ in 0..<pieces {
                    _ = try wire.take(piece)
                    try await Task.sleep(for: .milliseconds(100))
                }
                #expect(try wire.take(count - pieces * piece).last == UInt8(ascii: "}"))
            }
        }

        @Test("A client that waits for the writer is not idle, and what it sends behind has its time from its turn on")
        func waitingForWriter() async throws {
            try await TestServer.runHTTP({
                $0.limits.httpIdleSecondsMax = 2
                $0.limits.httpRequestSecondsMax = 2
            }) { server in
                func post(_ path: String, _ type: String, _ headers: String) -> String {
                    "POST /api/v1/contacts/\(path) HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                        + "Content-Type: application/\(type)\r\n\(headers)\r\n"
                }
                func resolve(_ email: String) -> String {
                    let body = #"{"email":"\#(email)"}"#
                    return post("resolve", "json", "Content-Length: \(body.utf8.count)\r\n") + body
                }
                let wires = try (0..<3).map { _ in try server.connectHTTP() }
                let endHold = ServerTests.CareTests.holdWriter(of: server)
                // A whole batch, behind which more might come.
                try wires[0].send(post("import?kind=lead", "x-ndjson", "Transfer-Encoding: chunked\r\n"))
                let rows = (0..<500).map { #"{"id":"r\#($0)","email":"r\#($0)@example.com"}"# + "\n" }
                try wires[0].send(chunk: rows.joined())
                // Requests whose bodies come once `100 Continue` does.
                let waiting = "Content-Length: 100\r\nExpect: 100-continue\r\n"
                try wires[1].send(resolve("ana@example.com") + post("import?kind=lead", "x-ndjson", waiting))
                try wires[2].send(resolve("leo@example.com") + post("resolve", "json", waiting))
                let pending = { server.server.state.pendingWrites.load(ordering: .relaxed) }
                let deadline = ContinuousClock.now + .seconds(60)
                while pending() < wires.count, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(1))
                }
                #expect(pending() == wires.count)
                try await Task.sleep(for: .seconds(3))
                try endHold()
                #expect(try wires[0].answerHead().status == 200)
                var lines = 0
                while lines < rows.count, let chunk = try wires[0].chunk() { lines += chunk.count { $0 == 0x0A } }
                #expect(lines == rows.count)
                for wire in wires[1...] {
                    #expect(try wire.answer().status == 201)
                    #expect(try wire.answerHead().status == 100)
                }
            }
        }

        @Test("A client that takes nothing of an answer is disconnected")
        func noReader() async throws {
            try await TestServer.runHTTP({
                $0.limits.httpIdleSecondsMax = 1
                $0.limits.httpConnectionsMax = 1
            }) { server in
                let (wire, count) = try Self.ask(server, try Self.largeAnswer(server, records: 700))
                // There is room for another only then.
                #expect(try server.ask("GET", "/health").status == 200)
                #expect(wire.all().utf8.count < count)
            }
        }

        @Test(
            "What was written arrives whole, whatever the client sends or ends meanwhile",
            arguments: ["", "nonsense\r\n\r\n"])
        func endedMeanwhile(_ rest: String) async throws {
            try await TestServer.runHTTP { server in
                let (wire, count) = try Self.ask(server, try Self.largeAnswer(server, records: 700))
                if rest.isEmpty { wire.endSending() } else { try wire.send(rest) }
                #expect(try wire.take(count).last == UInt8(ascii: "}"))
                let end = wire.all()
                #expect(rest.isEmpty ? end.isEmpty : end.hasPrefix("HTTP/1.1 400"))
                #expect(!wire.isReset)
            }
        }

        @Test("A server that stops lets its clients take what it has answered")
        func stoppedMeanwhile() async throws {
            let server = try await TestServer { $0.httpPort = 0 }
            let (wire, count) = try Self.ask(server, try Self.largeAnswer(server, records: 700))
            let idle = try server.connectHTTP()
            try idle.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try idle.answer().status == 200)
            let stopping = Task { try await server.stop() }
            // Once the one that waits for nothing is gone, the end has reached the others.
            #expect(idle.isClosed())
            #expect(try wire.take(count).last == UInt8(ascii: "}"))
            #expect(wire.isClosed() && !wire.isReset)
            try await stopping.value
        }

        @Test("A client that takes nothing does not keep a server from stopping")
        func stoppedInVain() async throws {
            let server = try await TestServer {
                $0.httpPort = 0
                $0.drainSecondsMax = 1
                $0.limits.httpIdleSecondsMax = 0
            }
            let (wire, count) = try Self.ask(server, try Self.largeAnswer(server, records: 700))
            try await server.stop()
            #expect(wire.all().utf8.count < count)
        }

        @Test("A write that was carried out is answered, whatever comes behind it")
        func junkBehind() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                let body = #"{"email":"ana@example.com"}"#
                try wire.send(
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                        + "GARBAGE\r\n\r\n")
                let answer = try wire.answer()
                #expect(answer.status == 201 && answer["connection"] == "close")
                #expect(wire.isClosed())
            }
        }

        @Test("HEAD tells the length that GET has, also to those who take gzip")
        func head() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.resolved(#"{"email":"ana@example.com"}"#)
                let path = "/api/v1/contacts/\(id)"
                let length = try server.ask("GET", path)["content-length"]
                #expect(try server.ask("HEAD", path, headers: ["Accept-Encoding": "gzip"])["content-length"] == length)
            }
        }

        @Test("What is refused has no body either where HEAD asked")
        func refusedHead() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                for (path, status) in [("/nothing", 404), ("/api/v1/bookings", 405), ("/health", 200)] {
                    try wire.send("HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(try wire.answer(isHead: true).status == status)
                }
            }
        }

        @Test("What is no request has no body either where it asks with HEAD, first or behind another")
        func malformedHead() async throws {
            try await TestServer.runHTTP { server in
                for isFirst in [true, false] {
                    let wire = try server.connectHTTP()
                    if !isFirst {
                        try wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        #expect(try wire.answer().status == 200)
                    }
                    try wire.send("HEAD / HTTP/1.1\r\nBad Header: x\r\n\r\n")
                    #expect(try wire.answerHead().status == 400)
                    #expect(wire.all() == "")
                }
            }
        }

        @Test("Compressed and plain answers may follow each other on a connection")
        func turns() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.resolved(#"{"email":"ana@example.com"}"#)
                let wire = try server.connectHTTP()
                func get(_ headers: String) -> String {
                    "GET /api/v1/contacts/\(id) HTTP/1.1\r\nHost: localhost\r\n\(Self.organization)\(headers)\r\n"
                }
                // At once: what compresses can't come in between two requests, so the second is answered plainly.
                try wire.send(get("") + get("Accept-Encoding: gzip\r\n") + get(""))
                let plain = try wire.answer().body
                for _ in 0..<2 { #expect(try wire.answer().body == plain) }
                try wire.send(get("Accept-Encoding: gzip\r\n"))
                #expect(try wire.answer()["content-encoding"] == "gzip")
                try wire.send(get(""))
                #expect(try wire.answer().body == plain)
            }
        }

        @Test("A small body that would grow without end is refused, and so is a packing that is not known")
        func bomb() async throws {
            // {"email":"aaa…"} with 300,000 letters, packed by gzip.
            let bomb = """
                H4sIAAAAAAACA+3BQQ0AIAwEMC8nAzd78CABBQve8UHaduaptTNSAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwkdwHf9881eyTBAA=
                """
            let bytes = try #require(Data(base64Encoded: bomb, options: .ignoreUnknownCharacters))
            try await TestServer.runHTTP { server in
                let path = "/api/v1/contacts/resolve"
                let grown = try server.ask(
                    "POST", path, bytes: [UInt8](bytes), headers: ["Content-Encoding": "gzip"])
                #expect(grown.status == 413)
                let rows = try server.ask(
                    "POST", "/api/v1/contacts/import?kind=lead", bytes: [UInt8](bytes),
                    headers: ["Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"])
                #expect(rows.text.contains("times its compressed size; send it without compression"), "\(rows.text)")
                let unknown = try server.ask("POST", path, "{}", headers: ["Content-Encoding": "br"])
                #expect(unknown.status == 415)
            }
        }

        @Test("A view that was kept is given out only while it is the present one")
        func cache() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.resolved(#"{"email":"ana@example.com"}"#)
                let path = "/api/v1/contacts/\(id)"
                let first = try server.ask("GET", path)
                #expect(try server.ask("GET", path).body == first.body)
                #expect(try server.ask("GET", path, headers: ["If-None-Match": "*"]).status == 304)
                // Not by way of HTTP, as another process would.
                _ = try await server.clinic.put(
                    RecordDraft(kind: .lead, id: "L-1", email: "ana@example.com", source: "site"))
                let second = try server.ask("GET", path)
                #expect(second.body != first.body && second["etag"] != first["etag"])
                #expect(try second.json["total_interactions"] == .number("1"))
                _ = try await server.clinic.erase(try #require(UUID(uuidString: id)))
                #expect(try server.ask("GET", path).status == 410)
            }
        }

        @Test("A mark is escaped whatever stands around it")
        func marks() async throws {
            let neighbours = [
                "\u{600}", "\u{605}", "\u{6DD}", "\u{70F}", "\u{8E2}", "\u{110BD}", "\u{301}", "\u{338}", "",
            ]
            try await TestServer.runHTTP { server in
                // The pages are about the vault's organization, so there has to be one.
                _ = try server.resolved(#"{"email":"ana@example.com"}"#)
                for neighbour in neighbours {
                    for mark in ["<", ">", "\"", "'"] {
                        let text = "a\(neighbour)\(mark)\(neighbour)evil"
                        let query = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                        let page = try server.ask("GET", "/en/contacts?q=\(query)").text
                        let value = try #require(
                            page.components(separatedBy: #"type="search" value=""#).last?
                                .components(separatedBy: #"" autocomplete"#).first)
                        #expect(
                            value.utf8.first == UInt8(ascii: "a") && value.utf8.suffix(4).elementsEqual("evil".utf8))
                        #expect(!value.unicodeScalars.contains { "<>\"'".unicodeScalars.contains($0) }, "\(value)")
                    }
                }
            }
        }
    }
}
