// Who may do what over HTTP: tokens, roles, other sites.

import Foundation
import HTTPTypes
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Access") struct AccessTests {
        private static let organization = UUID(uuidString: TestServer.organization) ?? UUID()
        private static let id = "0198c0de-0000-7000-8000-000000000001"

        /// Requests to every endpoint that needs a role, good enough to be let in.
        private static let requests = Endpoint.all.filter { $0.role != nil }

        /// An address of the endpoint.
        private static func path(_ endpoint: Endpoint) -> String {
            endpoint.path.replacing("{identity_id}", with: id).replacing("{merge_id}", with: id).replacing(
                "{kind}", with: "lead"
            ).replacing("{id}", with: "1")
        }

        private static func headers(_ token: String?) -> [String: String?] {
            ["X-Organization-Id": nil, "Authorization": token.map { "Bearer \($0)" }]
        }

        @Test("Each role may do its own and what the roles below it may", arguments: AccessRole.allCases)
        func roles(_ role: AccessRole) async throws {
            var token = ""
            try await TestServer.runHTTP(prepare: {
                token = try $0.createTokenBlocking(for: Self.organization, role: role).text
            }) {
                server in
                for endpoint in Self.requests {
                    let path = Self.path(endpoint)
                    let body = endpoint.bodies.isEmpty ? nil : "{}"
                    let method = endpoint.method.rawValue
                    let without = try server.ask(method, path, body, headers: Self.headers(nil))
                    #expect(without.status == 401, "\(endpoint.operation)")
                    #expect(without["www-authenticate"] == #"Bearer realm="vaultdb""#)
                    let with = try server.ask(method, path, body, headers: Self.headers(token))
                    let isForbidden = role < (endpoint.role ?? .reader)
                    #expect((with.status == 403) == isForbidden, "\(endpoint.operation): \(with.status)")
                    #expect(with.status != 401)
                }
            }
        }

        @Test("A token names its organization, whatever the header says; a revoked one is none")
        func tokens() async throws {
            var made: (text: String, token: AccessToken)?
            try await TestServer.runHTTP(prepare: {
                made = try $0.createTokenBlocking(for: Self.organization, role: .admin)
                _ = try $0.createTokenBlocking(for: UUID(uuidString: TestServer.other) ?? UUID(), role: .reader)
            }) { server in
                let token = try #require(made)
                let made = try server.ask(
                    "PUT", "/api/v1/records/lead/l1", #"{"email": "ana@example.com"}"#,
                    headers: ["X-Organization-Id": TestServer.other, "Authorization": "bearer \(token.text)"])
                #expect(made.status == 201)
                #expect(try server.clinic.record(.lead, "l1") != nil)
                for wrong in ["Basic YTpi", "Bearer", "Bearer ", "Bearer \(token.text)x"] {
                    let headers: [String: String?] = ["Authorization": wrong]
                    #expect(try server.ask("GET", "/api/v1/conflicts", headers: headers).status == 401, "\(wrong)")
                }
                _ = try server.vault.revokeTokenBlocking(token.token.id)
                #expect(
                    try server.ask("GET", "/api/v1/conflicts", headers: Self.headers(token.text)).status == 401)
                #expect(try server.ask("GET", "/health", headers: Self.headers(nil)).status == 200)
                #expect(try server.ask("GET", "/openapi.json", headers: Self.headers(nil)).status == 200)
            }
        }

        @Test("A token that is revoked while a body comes is none")
        func revokedMeanwhile() async throws {
            try await TestServer.runHTTP(
                prepare: { _ = try $0.createTokenBlocking(for: Self.organization, role: .reader) }
            ) { server in
                let body = #"{"email": "ana@example.com"}"#
                for endpoint in Self.requests where !endpoint.bodies.isEmpty {
                    // An import begins to answer before its rows are there, and has a test of its own.
                    if endpoint.operation == Endpoint.importEndpoint.operation { continue }
                    let token = try server.vault.createTokenBlocking(for: Self.organization, role: .admin)
                    let wire = try server.connectHTTP()
                    try wire.send(
                        "\(endpoint.method.rawValue) \(Self.path(endpoint)) HTTP/1.1\r\nHost: localhost\r\n"
                            + "Authorization: Bearer \(token.text)\r\nContent-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n{")
                    // Another request shows that the server has read the head of this one.
                    #expect(try server.ask("GET", "/health").status == 200)
                    _ = try server.vault.revokeTokenBlocking(token.token.id)
                    try server.server.state.access.refresh()
                    try wire.send(String(body.dropFirst()))
                    let answer = try wire.answer()
                    #expect(answer.status == 401, "\(endpoint.operation): \(answer.text)")
                    #expect(answer["www-authenticate"] == #"Bearer realm="vaultdb""#)
                }
                #expect(try server.clinic.find(email: "ana@example.com") == nil)
            }
        }

        @Test("A token that is revoked ends the imports that it began, and the last line says so")
        func revokedImport() async throws {
            var made: (text: String, token: AccessToken)?
            try await TestServer.runHTTP(prepare: {
                made = try $0.createTokenBlocking(for: Self.organization, role: .resolver)
                _ = try $0.createTokenBlocking(for: Self.organization, role: .reader)
            }) { server in
                let token = try #require(made)
                let wire = try server.connectHTTP()
                try wire.send(
                    "POST /api/v1/contacts/import?kind=lead HTTP/1.1\r\nHost: localhost\r\n"
                        + "Authorization: Bearer \(token.text)\r\nContent-Type: application/x-ndjson\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n")
                func rows(_ numbers: Range<Int>) -> String {
                    numbers.map { #"{"id": "r\#($0)", "email": "p\#($0)@example.com"}"# + "\n" }.joined()
                }
                try wire.send(chunk: rows(0..<500))
                #expect(try wire.answerHead().status == 200)
                let first = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
                #expect(first.hasPrefix(#"{"line":1,"id":"r0","identity_id":""#))
                _ = try server.vault.revokeTokenBlocking(token.token.id)
                try server.server.state.access.refresh()
                try wire.send(chunk: rows(500..<1_000))
                let last = String(decoding: try #require(try wire.chunk()), as: UTF8.self)
                #expect(last.hasPrefix(#"{"error":"unauthenticated","message":"the token was revoked"#), "\(last)")
                #expect(try wire.chunk() == nil)
                #expect(try server.clinic.record(.lead, "r499") != nil)
                #expect(try server.clinic.record(.lead, "r500") == nil)
            }
        }

        @Test("Guessing tokens is slow, and a good one from the same address does not wait")
        func guessing() async throws {
            var token = ""
            try await TestServer.runHTTP({ $0.limits.failedAttemptsPerMinuteMax = 3 }) {
                token = try $0.createTokenBlocking(for: Self.organization, role: .admin).text
            } _: { server in
                for _ in 0..<3 {
                    #expect(
                        try server.ask("GET", "/api/v1/conflicts", headers: Self.headers("vdb_guess")).status == 401)
                }
                let answer = try server.ask("GET", "/api/v1/conflicts", headers: Self.headers("vdb_guess"))
                #expect(answer.status == 429)
                #expect((1...61).contains(try #require(answer["retry-after"].flatMap { Int($0) })))
                #expect(try server.ask("GET", "/api/v1/conflicts", headers: Self.headers(token)).status == 200)
            }
        }

        // MARK: Other sites

        @Test("Scripts of other sites read nothing unless their origin is allowed")
        func origins() async throws {
            let allowed = "https://clinic.example"
            try await TestServer.runHTTP({ $0.corsOrigins = [allowed] }) { server in
                for (origin, isAllowed) in [
                    (allowed, true), ("https://clinic.example.evil.example", false), ("null", false),
                ] {
                    let answer = try server.ask("GET", "/api/v1/conflicts", headers: ["Origin": origin])
                    #expect(answer["access-control-allow-origin"] == (isAllowed ? origin : nil))
                    let asked = try server.ask(
                        "OPTIONS", "/api/v1/bookings",
                        headers: ["Origin": origin, "Access-Control-Request-Method": "POST"])
                    #expect((asked.status == 204) == isAllowed)
                    #expect(asked["access-control-allow-methods"]?.contains("POST") == (isAllowed ? true : nil))
                    let written = try server.ask(
                        "POST", "/api/v1/bookings", #"{"email": "a@b.example"}"#, headers: ["Origin": origin])
                    #expect(written.status == (isAllowed ? 201 : 403), "\(origin)")
                }
            }
            try await TestServer.runHTTP { server in
                let answer = try server.ask("GET", "/api/v1/conflicts", headers: ["Origin": allowed])
                #expect(answer["access-control-allow-origin"] == nil)
            }
        }

        @Test(
            "Other sites may not write by a browser that is let in",
            arguments: [
                ["Origin": "https://evil.example"], ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"],
            ])
        func crossSite(_ headers: [String: String]) async throws {
            try await TestServer.runHTTP { server in
                let answer = try server.ask(
                    "POST", "/api/v1/contacts/resolve", #"{"email": "a@b.example"}"#, headers: headers.mapValues { $0 })
                #expect(answer.status == 403)
                #expect(try answer.text("code") == "cross_site")
                let own = ["Origin": "http://127.0.0.1:\(try server.httpPort)", "Sec-Fetch-Site": "same-origin"]
                #expect(
                    try server.ask(
                        "POST", "/api/v1/contacts/resolve", #"{"email": "a@b.example"}"#, headers: own.mapValues { $0 }
                    ).status == 201)
            }
        }

        @Test("Without tokens the server answers to its own names only")
        func names() async throws {
            var token = ""
            try await TestServer.runHTTP { server in
                for (host, status) in [
                    ("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:80", 200), ("LOCALHOST:1", 200),
                    ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example:80", 421),
                ] {
                    let answer = try server.ask("GET", "/health", headers: ["Host": host])
                    #expect(answer.status == status, "\(host)")
                }
            }
            try await TestServer.runHTTP(prepare: {
                token = try $0.createTokenBlocking(for: Self.organization, role: .reader).text
            }) {
                server in
                var headers = Self.headers(token)
                headers["Host"] = "vault.clinic.example"
                let answer = try server.ask("GET", "/api/v1/conflicts", headers: headers)
                #expect(answer.status == 200)
            }
        }

        @Test(
            "A request of HTTP/1.1 names its host, and none does so twice",
            arguments: [
                ("1.1", "", 400), ("1.1", "Host: localhost\r\nHost: localhost\r\n", 400),
                ("1.1", "Host: localhost\r\nHost: evil.example\r\n", 400), ("1.1", "Host: localhost\r\n", 200),
                ("1.0", "", 200), ("1.0", "Host: localhost\r\nHost: evil.example\r\n", 400),
                ("1.0", "Host: evil.example\r\n", 421),
            ])
        func host(_ version: String, _ headers: String, _ status: Int) async throws {
            try await TestServer.runHTTP { server in
                let wire = try server.connectHTTP()
                try wire.send("GET /health HTTP/\(version)\r\n\(headers)\r\n")
                #expect(try wire.answer().status == status)
            }
        }

        @Test("What a target in absolute form asks for counts instead of Host")
        func absoluteForm() async throws {
            try await TestServer.runHTTP { server in
                for (target, host, status) in [
                    ("http://evil.example/health", "localhost", 421), ("http://evil.example", "localhost", 421),
                    ("http://localhost/health", "evil.example", 200),
                    ("http://localhost/health", "localhost\r\nHost: localhost", 400),
                    ("/health?x=http://evil.example", "localhost", 400),
                ] {
                    let wire = try server.connectHTTP()
                    try wire.send("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                    #expect(try wire.answer().status == status, "\(target)")
                }
            }
        }

        // MARK: The server's own answers

        @Test("Every endpoint is in the document, which says nothing else; health and metrics answer")
        func document() async throws {
            try await TestServer.runHTTP { server in
                let paths = try server.ask("GET", "/openapi.json").json["paths"]
                for endpoint in Endpoint.all {
                    let operation = paths?[endpoint.path]?[endpoint.method.rawValue.lowercased()]
                    #expect(operation?["operationId"]?.string == endpoint.operation)
                }
                guard case .object(let members, _)? = paths else {
                    Issue.record("the document has no paths")
                    return
                }
                let count = members.reduce(0) { count, path in
                    guard case .object(let operations, _) = path.value else { return count }
                    return count + operations.count
                }
                #expect(count == Endpoint.all.count)
                #expect(Set(Endpoint.all.map(\.operation)).count == count)
                #expect(try server.ask("GET", "/health").text("status") == "ok")
                let metrics = try server.ask("GET", "/metrics").text
                #expect(metrics.contains("/health") && metrics.contains("# TYPE"))
                #expect(try server.ask("HEAD", "/health").status == 200)
            }
        }

        @Test("JSON is packed where it is asked for, and pages never are")
        func packing() async throws {
            try await TestServer.runHTTP { server in
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let json = try server.ask("GET", "/openapi.json", headers: ["Accept-Encoding": "gzip"])
                #expect(json["content-encoding"] == "gzip")
                #expect(json.body.prefix(3) == [0x1F, 0x8B, 8])
                #expect(json["vary"]?.contains("accept-encoding") == true)
                let page = try server.ask("GET", "/es/contacts", headers: ["Accept-Encoding": "gzip"])
                #expect(page["content-encoding"] == nil)
                #expect(page.text.hasPrefix("<!doctype html>"))
            }
        }

        @Test("A request under way is answered before the server ends, and its connection is closed then")
        func ending() async throws {
            let server = try await TestServer { $0.httpPort = 0 }
            let wire = try server.connectHTTP()
            let body = #"{"email": "ana@example.com"}"#
            try wire.send(
                "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "X-Organization-Id: \(TestServer.organization)\r\nContent-Length: \(body.utf8.count)\r\n\r\n{")
            // Another request shows that the server has read the first one's head.
            #expect(try server.ask("GET", "/health").status == 200)
            let stopping = Task { try await server.stop() }
            try wire.send(String(body.dropFirst()))
            #expect(try wire.answer().status == 201)
            #expect(wire.isClosed())
            try await stopping.value
        }

        @Test("Connections beyond the limit wait until others end")
        func connections() async throws {
            try await TestServer.runHTTP({ $0.limits.httpConnectionsMax = 2 }) { server in
                let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                var open: [Wire] = []
                for _ in 0..<2 {
                    open.append(try server.connectHTTP())
                    try open.last?.send(request)
                    #expect(try open.last?.answer().status == 200)
                }
                let waiting = try server.connectHTTP()
                try waiting.send(request)
                open.removeAll()
                #expect(try waiting.answer().status == 200)
            }
        }
    }
}
