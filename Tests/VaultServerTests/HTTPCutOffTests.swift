// Bodies that do not come to their end: a part of one never passes for the whole.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Bodies that are cut off") struct CutOffTests {
        enum Cut: CaseIterable, Sendable { case ended, silent, garbled }

        /// What would be a whole body if nothing were to follow.
        struct Beginning: Sendable {
            let path: String
            let type: String
            let bytes: [UInt8]
            var encoding: String?
        }

        private static let json = Array(#"{"email": "ana@example.com"}"#.utf8)
        private static let beginnings = [
            Beginning(
                path: "/api/v1/forms?source=web", type: "application/x-www-form-urlencoded",
                bytes: Array("email=ana%40example.com".utf8)),
            Beginning(path: "/api/v1/contacts/resolve", type: "application/json", bytes: json),
            Beginning(
                path: "/api/v1/contacts/resolve", type: "application/json", bytes: packed + json, encoding: "gzip"),
        ]
        /// RFC 1952 with the head of one stored block, behind which others may come.
        private static let packed: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 0, UInt8(json.count), 0, ~UInt8(json.count), 0xFF,
        ]

        private static func head(_ path: String, _ type: String, encoding: String? = nil) -> String {
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nX-Organization-Id: \(TestServer.organization)\r\n"
                + "Content-Type: \(type)\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n"
                + (encoding.map { "Content-Encoding: \($0)\r\n" } ?? "") + "\r\n"
        }

        private static func cut(_ wire: Wire, _ cut: Cut) throws {
            switch cut {
            case .ended: wire.endSending()
            case .silent: break
            case .garbled: try wire.send("zz\r\n")
            }
        }

        @Test("Nothing is put, and the key is free for the whole request", arguments: 0..<3, Cut.allCases)
        func request(_ number: Int, _ cut: Cut) async throws {
            let beginning = Self.beginnings[number]
            try await TestServer.runHTTP({ $0.limits.httpRequestSecondsMax = 1 }) { server in
                let commit = try server.vault.lastCommit()
                let wire = try server.connectHTTP()
                try wire.send(Self.head(beginning.path, beginning.type, encoding: beginning.encoding))
                try wire.send(chunk: beginning.bytes)
                try Self.cut(wire, cut)
                #expect(wire.all().hasPrefix("HTTP/1.1 40"))
                try await server.haveAnswered(1)
                #expect(try server.vault.lastCommit() == commit)
                let whole = try server.ask(
                    "POST", beginning.path, bytes: number == 0 ? beginning.bytes : Self.json,
                    headers: ["Content-Type": beginning.type, "Idempotency-Key": "k"])
                #expect(whole.status == 201, "\(whole.text)")
            }
        }

        @Test("Half a row of an import is none, and its last line says that it was cut off", arguments: Cut.allCases)
        func row(_ cut: Cut) async throws {
            try await TestServer.runHTTP({ $0.limits.httpIdleSecondsMax = 1 }) { server in
                let wire = try server.connectHTTP()
                try wire.send(Self.head("/api/v1/contacts/import?kind=lead", "text/csv"))
                try wire.send(chunk: Array("id,email\nl1,ana@example.com\nl2,leo@example.co".utf8))
                #expect(try wire.answerHead().status == 200)
                try Self.cut(wire, cut)
                let lines = wire.all()
                let code = cut == .silent ? "timed_out" : "invalid_argument"
                #expect(lines.contains(#"{"error":"\#(code)","message":""#), "\(lines)")
                #expect(lines.contains("; "), "\(lines)")
                try await server.haveAnswered(1)
                #expect(try server.clinic.record(.lead, "l2") == nil)
            }
        }
    }
}

extension TestServer {
    /// Waits until so many requests were counted, whether or not their clients have heard of it.
    fileprivate func haveAnswered(_ count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while (1...5).reduce(0, { $0 + server.state.httpMetrics.count(ofStatus: $1) }) < count {
            try #require(ContinuousClock.now < deadline, "a request does not end")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
