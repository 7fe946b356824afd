// What is refused over HTTP, and that it is told as problem details.

import Foundation
import HTTPTypes
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Refusals") struct RefusalTests {
        struct Wrong: Sendable, CustomTestStringConvertible {
            let name: String
            var method = "POST"
            var path = "/api/v1/contacts/resolve"
            var body: [UInt8]?
            var headers: [String: String?] = [:]
            let status: Int
            var code = "invalid_argument"

            var testDescription: String { name }

            init(
                _ name: String, _ method: String = "POST", _ path: String = "/api/v1/contacts/resolve",
                _ body: String? = nil, headers: [String: String?] = [:], _ status: Int = 400,
                _ code: String = "invalid_argument"
            ) {
                (self.name, self.method, self.path, self.headers) = (name, method, path, headers)
                (self.body, self.status, self.code) = (body.map { Array($0.utf8) }, status, code)
            }

            init(_ name: String, bytes: [UInt8]) {
                (self.name, body, status) = (name, bytes, 400)
            }
        }

        private static let id = "0198c0de-0000-7000-8000-000000000001"
        private static let wrong: [Wrong] = [
            Wrong("malformed JSON", "POST", "/api/v1/contacts/resolve", #"{"email": }"#),
            Wrong("no object", "POST", "/api/v1/contacts/resolve", "[]"),
            Wrong("nothing", "POST", "/api/v1/contacts/resolve", ""),
            Wrong("two documents", "POST", "/api/v1/contacts/resolve", "{} {}"),
            Wrong("invalid UTF-8", bytes: Array(#"{"email": ""#.utf8) + [0xFF, 0xC0] + Array(#""}"#.utf8)),
            Wrong("a lone surrogate", "POST", "/api/v1/contacts/resolve", #"{"name": "\ud800"}"#),
            Wrong(
                "a name twice", "POST", "/api/v1/contacts/resolve", #"{"email": "a@b.example", "email": "c@d.example"}"#
            ),
            Wrong(
                "deep nesting", "PUT", "/api/v1/records/lead/1",
                #"{"attributes": \#(String(repeating: #"{"a":"#, count: 100_000))"#),
            Wrong("an unknown field", "POST", "/api/v1/contacts/resolve", #"{"mail": "a@b.example"}"#),
            Wrong("a wrong type", "POST", "/api/v1/contacts/resolve", #"{"email": 5}"#),
            Wrong("a wrong type in a list", "POST", "/api/v1/contacts/resolve", #"{"external": [5]}"#),
            Wrong("a wrong flag", "POST", "/api/v1/bookings", #"{"paid": "yes"}"#),
            Wrong("a wrong time", "PUT", "/api/v1/records/lead/1", #"{"created_at": "yesterday"}"#),
            Wrong("half an escape", "PUT", "/api/v1/records/lead/a%4", "{}"),
            Wrong("an escape of no digits", "PUT", "/api/v1/records/lead/%+1", "{}"),
            Wrong("a wrong region", "POST", "/api/v1/contacts/resolve", #"{"region": "Spain"}"#),
            Wrong("a wrong kind", "PUT", "/api/v1/records/Le%20ad/1", "{}"),
            Wrong("a record's id that is no text", "PUT", "/api/v1/records/lead/%FF", "{}"),
            Wrong("a record's id with a zero byte", "PUT", "/api/v1/records/lead/a%00b", "{}"),
            Wrong("an empty key", "POST", "/api/v1/contacts/resolve", "{}", headers: ["Idempotency-Key": ""]),
            Wrong(
                "a long key", "POST", "/api/v1/contacts/resolve", "{}",
                headers: ["Idempotency-Key": String(repeating: "k", count: 256)]),
            Wrong("nothing to look for", "GET", "/api/v1/contacts"),
            Wrong("an unknown parameter", "GET", "/api/v1/contacts?mail=a@b.example"),
            Wrong("a parameter twice", "GET", "/api/v1/conflicts?limit=1&limit=2"),
            Wrong("an escape that is none", "GET", "/api/v1/contacts?email=%ZZ"),
            Wrong("a limit that is none", "GET", "/api/v1/conflicts?limit=0"),
            Wrong("a huge limit", "GET", "/api/v1/conflicts?limit=99999999999999999999"),
            Wrong("a cursor that is none", "GET", "/api/v1/conflicts?cursor=nonsense"),
            Wrong("a state that is none", "GET", "/api/v1/conflicts?state=shut"),
            Wrong("no organization", "GET", "/api/v1/conflicts", headers: ["X-Organization-Id": nil]),
            Wrong("a wrong organization", "GET", "/api/v1/conflicts", headers: ["X-Organization-Id": "clinic"]),
            Wrong("no identifier", "POST", "/api/v1/contacts/resolve", "{}", 422, "no_usable_identifier"),
            Wrong("an unknown address", "GET", "/api/v1/nothing", nil, 404, "not_found"),
            Wrong("an unknown contact", "GET", "/api/v1/contacts/\(id)", nil, 404, "not_found"),
            Wrong("an id that is none", "GET", "/api/v1/contacts/..%2f..%2fetc", nil, 404, "not_found"),
            Wrong("an unknown record", "GET", "/api/v1/records/lead/1", nil, 404, "not_found"),
            Wrong("an unknown merge", "DELETE", "/api/v1/merges/\(id)", nil, 404, "not_found"),
            Wrong("another method", "PATCH", "/api/v1/contacts/\(id)", nil, 405, "method_not_allowed"),
            Wrong("another method of a list", "DELETE", "/api/v1/conflicts", nil, 405, "method_not_allowed"),
            Wrong(
                "another type", "POST", "/api/v1/contacts/resolve", "email=a",
                headers: ["Content-Type": "application/x-www-form-urlencoded"], 415, "unsupported_media_type"),
            Wrong(
                "no type", "POST", "/api/v1/contacts/resolve", "{}", headers: ["Content-Type": nil], 415,
                "unsupported_media_type"),
            Wrong("an import without a kind", "POST", "/api/v1/contacts/import", "{}"),
            Wrong("a switch without a value", "PUT", "/api/v1/records/lead/1?keep", #"{"email": "a@b.example"}"#),
            Wrong("a parameter with an empty value", "DELETE", "/api/v1/records/lead/1?mode="),
            Wrong(
                "a large body", "POST", "/api/v1/contacts/resolve",
                #"{"name": "\#(String(repeating: "a", count: 1 << 20))"}"#, 413, "too_large"),
        ]

        @Test("What is wrong is refused as problem details, and nothing is written")
        func refused() async throws {
            try await TestServer.runHTTP { server in
                let commit = try server.vault.lastCommit()
                for wrong in Self.wrong {
                    let answer = try server.ask(
                        wrong.method, wrong.path, bytes: wrong.body, headers: wrong.headers)
                    #expect(answer.status == wrong.status, "\(wrong.name): \(answer.text)")
                    #expect(answer["content-type"] == "application/problem+json", "\(wrong.name)")
                    let problem = try answer.json
                    #expect(problem["code"]?.string == wrong.code, "\(wrong.name)")
                    #expect(problem["advice"]?.string?.isEmpty == false, "\(wrong.name)")
                    #expect(problem["type"]?.string == "urn:vaultdb:problem:\(wrong.code)")
                    #expect(problem["status"] == .number("\(wrong.status)"))
                }
                #expect(try server.vault.lastCommit() == commit)
            }
        }

        @Test(
            "A precondition of a write is refused, and nothing is done",
            arguments: [("If-Match", "\"zzz\""), ("If-None-Match", "*"), ("If-Unmodified-Since", "0")])
        func precondition(_ name: String, _ value: String) async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let commit = try server.vault.lastCommit()
                let requests: [(method: String, path: String, body: String?)] = [
                    ("PUT", "records/lead/l1", #"{"email": "leo@example.com"}"#), ("DELETE", "records/lead/l1", nil),
                    ("DELETE", "contacts/\(id)", nil), ("POST", "contacts/resolve", #"{"email": "leo@example.com"}"#),
                ]
                for (method, path, body) in requests {
                    let answer = try server.ask(method, "/api/v1/\(path)", body, headers: [name: value])
                    try Self.expect(answer, 412, "precondition_failed")
                    #expect(try answer.text("advice") == "leave out \(name)")
                }
                #expect(try server.vault.lastCommit() == commit)
            }
        }

        @Test("The times that there are here are told")
        func time() async throws {
            try await TestServer.runHTTP { server in
                let answer = try server.ask(
                    "PUT", "/api/v1/records/lead/1", #"{"created_at": "1965-01-31T09:00:00Z"}"#)
                try Self.expect(answer, 400, "invalid_argument")
                #expect(
                    try answer.text("detail")
                        == "created_at is no time from 1970 to 9999, such as 2025-01-31T09:00:00Z")
            }
        }

        @Test("An escape stands for its byte, and a byte order mark for itself")
        func escapes() throws {
            let query = try Query("%EF%BB%BFa=%ef%bb%bf&\u{FEFF}b=\u{FEFF}%2B+%25")
            #expect(query.pairs.map { Array($0.name.utf8) } == ["\u{FEFF}a", "\u{FEFF}b"].map { Array($0.utf8) })
            #expect(query.pairs.map { Array($0.value.utf8) } == ["\u{FEFF}", "\u{FEFF}+ %"].map { Array($0.utf8) })
            for text in ["%", "%4", "%4%", "%g0", "%+1", "%FF", "%C3", "%00"] {
                #expect(throws: Problem.self, "\(text)") { try Query("a=\(text)") }
            }
        }

        @Test("A mark on a separator does not hide it")
        func separators() throws {
            let pairs = try Query("a=1&\u{301}b=\u{301}2+\u{301}3").pairs
            #expect(pairs.map { $0.name } == ["a", "\u{301}b"])
            #expect(pairs.map { $0.value } == ["1", "\u{301}2 \u{301}3"])
        }

        @Test("Names of parameters and fields are one where their bytes are")
        func names() throws {
            let query = try Query("\u{E9}=1&e\u{301}=2")
            #expect(query["\u{E9}"] == "1" && query["e\u{301}"] == "2")
            try query.allow(["\u{E9}", "e\u{301}"])
            let body = "{\"\u{E9}\":\"1\",\"e\u{301}\":\"2\"}"
            var fields = try Fields(JSONElement(parsing: body.utf8.span), of: "a body")
            let (second, first) = (try fields.text("e\u{301}"), try fields.text("\u{E9}"))
            #expect(first == "1" && second == "2")
            try fields.end()
        }

        @Test("What a request is refused without is required in the document")
        func required() async throws {
            try await TestServer.runHTTP { server in
                let paths = try #require(try server.ask("GET", "/openapi.json").json["paths"])
                for (path, method, name) in [
                    ("/api/v1/contacts/import", "post", "kind"), ("/api/v1/whatsapp/webhook", "get", "hub.mode"),
                    ("/api/v1/whatsapp/webhook", "get", "hub.verify_token"),
                    ("/api/v1/whatsapp/webhook", "post", "X-Hub-Signature-256"),
                ] {
                    let parameter = paths[path]?[method]?["parameters"]?.array.first { $0["name"]?.string == name }
                    #expect(parameter?["required"] == .bool(true), "\(name)")
                }
            }
        }

        @Test(
            "What an address does answer to is named",
            arguments: [
                ("PATCH", "/api/v1/contacts/\(id)", "GET, HEAD, DELETE"), ("GET", "/api/v1/contacts/import", "POST"),
                ("PUT", "/api/v1/contacts/", "GET, HEAD"), ("HEAD", "/api/v1/bookings", "POST"),
                ("DELETE", "/en/sign-in", "GET, HEAD, POST"), ("GET", "/conflicts/keep-apart", "POST"),
            ])
        func allow(_ method: String, _ path: String, _ methods: String) async throws {
            try await TestServer.runHTTP { server in
                let answer = try server.ask(method, path)
                #expect(answer.status == 405)
                #expect(answer["allow"] == methods)
            }
        }

        @Test("A key whose bytes are no text is refused: it would be taken for another such key")
        func keyOfBytes() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                let (body, end) = (#"{"email": "ana@example.com"}"#, "\r\n\r\n")
                let head =
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "X-Organization-Id: \(TestServer.organization)\r\nContent-Length: \(body.utf8.count)\r\n"
                try wire.send(bytes: Array("\(head)Idempotency-Key: a".utf8) + [0xFF] + Array("\(end)\(body)".utf8))
                try Self.expect(try wire.answer(), 400, "invalid_argument")
                #expect(try server.clinic.find(email: "ana@example.com") == nil)
            }
        }

        @Test("What only the operator can mend is not asked of the client, nor the words of the command")
        func advice() async throws {
            let full = VaultError(.mapFull, "it is full", advice: "raise it")
            #expect(Problem(full).advice == "for the server's operator: raise it")
            // Trying again helps where what is in the way passes.
            let passing: [(code: VaultError.Code, seconds: String?)] = [
                (.busy, "1"), (.readersFull, "1"), (.readOnly, nil), (.rekeyRequired, nil),
            ]
            for (code, seconds) in passing {
                #expect(Problem(VaultError(code, "it is so")).headers[.retryAfter] == seconds)
            }
            try await TestServer.runHTTP { server in
                let first = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let other = try server.resolved(#"{"email": "leo@example.com"}"#)
                #expect(first != other)
                let moved = try server.ask("PUT", "/api/v1/records/lead/l1", #"{"identity_id": "\#(other)"}"#)
                #expect(moved.status == 409)
                #expect(!moved.text.contains("--"), "\(moved.text)")
                let rows = try server.ask(
                    "POST", "/api/v1/contacts/import?kind=lead", "email\na@example.com\n",
                    headers: ["Content-Type": "text/csv"])
                #expect(rows.text.contains("no id column") && !rows.text.contains("--"), "\(rows.text)")
            }
        }

        @Test("What is wrong with a kind or a type is told, and what is shown of it is short")
        func told() async throws {
            try await TestServer.runHTTP { server in
                let kind = try server.ask("POST", "/api/v1/contacts/import?kind=Lead", "")
                #expect(try kind.text("detail") == "there is no such kind of record 'Lead'")
                let marks = String(repeating: "%CC%81", count: 4_000)
                for path in ["contacts/x\(marks)", "records/x\(marks)/1", "conflicts?state=x\(marks)"] {
                    #expect(try server.ask("GET", "/api/v1/\(path)").text.utf8.count < 1_000, "\(path.prefix(20))")
                }
                let form = try server.ask(
                    "POST", "/api/v1/forms", "x", headers: ["Content-Type": "multipart/form-data; boundary=x"])
                #expect(form.status == 415)
                #expect(try form.text("detail").contains("application/x-www-form-urlencoded"))
            }
        }

        /// Expects problem details.
        private static func expect(
            _ answer: WebAnswer, _ status: Int, _ code: String, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            #expect(answer.status == status, sourceLocation: sourceLocation)
            #expect(answer["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
            #expect(try answer.text("code") == code, sourceLocation: sourceLocation)
        }

        @Test("Another organization's ids are answered exactly as unknown ones are")
        func otherOrganization() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let (unknown, other) = (Self.id, ["X-Organization-Id": TestServer.other])
                let requests: [(method: String, path: String, body: String?)] =
                    ["", "/leads", "/patients", "/followers", "/timeline", "/export", "/audit"].map {
                        ("GET", "/api/v1/contacts/ID\($0)", nil)
                    } + [
                        ("DELETE", "/api/v1/contacts/ID", nil),
                        ("POST", "/api/v1/contacts/ID/merge", #"{"into": "ID"}"#),
                        ("PUT", "/api/v1/records/lead/l2", #"{"identity_id": "ID"}"#),
                        ("POST", "/api/v1/conflicts/keep-apart", #"{"first": "ID", "second": "ID"}"#),
                    ]
                for (method, path, body) in requests {
                    let answers = try [id, unknown].map {
                        try server.ask(
                            method, path.replacing("ID", with: $0), body?.replacing("ID", with: $0), headers: other)
                    }
                    #expect(answers[0].status >= 400, "\(method) \(path)")
                    #expect(answers[0].status == answers[1].status, "\(method) \(path)")
                    #expect(answers[0].text.replacing(id, with: unknown) == answers[1].text, "\(method) \(path)")
                }
                #expect(try server.ask("GET", "/api/v1/records/lead/l1", headers: other).status == 404)
                #expect(try server.ask("GET", "/api/v1/contacts/\(id)").status == 200)
            }
        }

        @Test("A body that drips is ended, and the connection with it")
        func slowBody() async throws {
            try await TestServer.runHTTP({ $0.limits.httpRequestSecondsMax = 1 }) { server in
                let wire = try server.connectHTTP()
                try wire.send(
                    "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "X-Organization-Id: \(TestServer.organization)\r\nContent-Length: 100\r\n\r\n{")
                try Self.expect(try wire.answer(), 408, "timed_out")
                #expect(wire.isClosed())
                #expect(try server.ask("GET", "/health").status == 200)
            }
        }

        @Test(
            "Headers that never end are told so and closed, and who sends nothing is only closed",
            arguments: [0, 1], ["", "GET /health HTTP/1.1\r\nHost: localh"])
        func slowHeader(_ before: Int, _ beginning: String) async throws {
            try await TestServer.runHTTP({ $0.limits.httpIdleSecondsMax = 1 }) { server in
                let wire = try server.connectHTTP()
                for _ in 0..<before {
                    try wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(try wire.answer().status == 200)
                }
                try wire.send(beginning)
                if !beginning.isEmpty { try Self.expect(try wire.answer(), 408, "timed_out") }
                #expect(wire.all().isEmpty && wire.isClosed())
            }
        }

        @Test("Headers beyond the limit are refused")
        func largeHeader() async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(
                    "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: \(String(repeating: "a", count: 40_000))\r\n")
                try Self.expect(try wire.answer(), 431, "headers_too_large")
                #expect(wire.isClosed())
                #expect(try server.ask("GET", "/health").status == 200)
            }
        }

        @Test(
            "What is no HTTP is told so",
            arguments: ["nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n"])
        func malformed(_ text: String) async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(text)
                try Self.expect(try wire.answer(), 400, "invalid_argument")
                #expect(wire.isClosed())
            }
        }

        @Test(
            "What is no HTTP is refused, and harms nobody else",
            arguments: [
                "\r\n\r\nnonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
                "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n",
                "GET /a\u{0}b HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ])
        func noHTTP(_ text: String) async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send(text)
                wire.endSending()
                let statuses = wire.all().matches(of: #/HTTP/1\.1 (\d{3}) /#).compactMap { Int($0.output.1) }
                let answered = text.hasPrefix("GET /health") ? [200] : []
                #expect(Array(statuses.prefix(answered.count)) == answered)
                let refused = statuses.dropFirst(answered.count)
                #expect(refused.allSatisfy { (400..<500).contains($0) } && !statuses.isEmpty, "\(statuses)")
                #expect(try server.ask("GET", "/health").status == 200)
            }
        }

        @Test("A header can't be brought into an answer by way of an address")
        func injection() async throws {
            try await TestServer.runHTTP { server in
                for path in ["/api/v1/contacts/%0d%0aSet-Cookie:%20a=b", "/es/contacts?q=%0d%0aSet-Cookie:a=b"] {
                    let answer = try server.ask("GET", path, headers: ["Accept": "text/html"])
                    #expect(answer["set-cookie"]?.hasPrefix("a=b") != true)
                }
            }
        }
    }
}
