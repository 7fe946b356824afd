// Who may do what: tokens, roles, organizations, and where the server listens.

import Foundation
import NIOCore
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Access") struct AccessTests {
        private static let org = TestServer.organization
        private static let id = UUID(uuidString: TestServer.organization) ?? UUID()

        @Test("Without tokens a server on loopback asks for none")
        func open() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com").contains("created"))
            }
        }

        @Test("Beyond loopback a server without tokens refuses to start, and says how", arguments: ["0.0.0.0", "::"])
        func refusal(_ host: String) async throws {
            await #expect {
                try await TestServer.run({ $0.host = host }) { _ in }
            } throws: {
                "\($0)".contains("vaultdb token create")
            }
        }

        @Test("Beyond loopback a server with a token starts, and asks for it")
        func beyond() async throws {
            try await TestServer.run(
                { $0.host = "0.0.0.0" }, prepare: { _ = try $0.createTokenBlocking(for: Self.id, role: .reader) }
            ) { server in
                let wire = try server.connect()
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com").hasPrefix("-NOAUTH"))
            }
        }

        @Test("Each role may do its own and what the roles below it may", arguments: AccessRole.allCases)
        func roles(_ role: AccessRole) async throws {
            var token = ""
            try await TestServer.run(prepare: { token = try $0.createTokenBlocking(for: Self.id, role: role).text }) {
                server in
                let wire = try server.connect()
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com").hasPrefix("-NOAUTH"))
                #expect(try wire.command("PING").hasPrefix("-NOAUTH"))
                #expect(try wire.command("HELLO", "3").hasPrefix("-NOAUTH"))
                #expect(try wire.command("HELLO", "3", "AUTH", "default", token).contains("vaultdb"))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
                let resolved = try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com")
                #expect(role >= .resolver ? resolved.contains("created") : resolved.hasPrefix("-NOPERM"))
                let log = try wire.command("SLOWLOG", "LEN")
                #expect(role == .admin ? log == ":0" : log.hasPrefix("-NOPERM"))
            }
        }

        @Test("A token is for its own organization only")
        func organizations() async throws {
            var token = ""
            try await TestServer.run(prepare: { token = try $0.createTokenBlocking(for: Self.id, role: .admin).text }) {
                server in
                let wire = try server.connect()
                #expect(try wire.command("AUTH", token) == "OK")
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
                #expect(try wire.command("FIND", TestServer.other, "EMAIL", "a@example.com").hasPrefix("-NOPERM"))
                #expect(try wire.command("SCAN", TestServer.other, "0").hasPrefix("-NOPERM"))
                #expect(
                    try wire.command("PUT", TestServer.other, "lead", "1", "email", "a@b.example").hasPrefix("-NOPERM"))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
            }
        }

        @Test("Tokens that are none are refused, and the connection ends after some of them")
        func wrongTokens() async throws {
            var token = ""
            try await TestServer.run(prepare: { token = try $0.createTokenBlocking(for: Self.id, role: .admin).text }) {
                server in
                let wire = try server.connect()
                let flipped = String(token.dropLast()) + (token.hasSuffix("a") ? "q" : "a")
                for wrong in ["", "secret", String(token.dropLast()), flipped] {
                    #expect(try wire.command("AUTH", wrong).hasPrefix("-WRONGPASS"), "\(wrong)")
                }
                #expect(try wire.command("AUTH", "default", "x").hasPrefix("-WRONGPASS"))
                #expect(wire.isClosed())
                #expect(try server.connect().command("AUTH", token) == "OK")
            }
        }

        @Test("Neither RESET nor bytes that are no text hide wrong tokens")
        func hiddenWrongTokens() async throws {
            try await TestServer.run(prepare: { _ = try $0.createTokenBlocking(for: Self.id, role: .admin) }) {
                server in
                let wire = try server.connect()
                for _ in 0..<2 {
                    #expect(try wire.command("AUTH", "x").hasPrefix("-WRONGPASS"))
                    try wire.send(bytes: Array("*2\r\n$4\r\nAUTH\r\n$2\r\n".utf8) + [0xFF, 0xFE, 0x0D, 0x0A])
                    #expect(try wire.reply().hasPrefix("-WRONGPASS"))
                    #expect(try wire.command("RESET") == "RESET")
                }
                #expect(try wire.command("AUTH", "x").hasPrefix("-WRONGPASS"))
                #expect(wire.isClosed())
            }
        }

        @Test(
            "A HELLO that is malformed shows no token",
            arguments: [["NONSENSE"], ["SETNAME", "a b"], ["AUTH", "x", "y"]])
        func malformedHello(_ more: [String]) async throws {
            var token = ""
            try await TestServer.run(prepare: { token = try $0.createTokenBlocking(for: Self.id, role: .admin).text }) {
                server in
                let wire = try server.connect()
                try wire.send(Wire.encoded(["HELLO", "3", "AUTH", "default", token] + more))
                #expect(try wire.reply().hasPrefix("-ERR"))
                #expect(try wire.command("PING").hasPrefix("-NOAUTH"))
            }
        }

        @Test("Who has shown no token gains no time by talking")
        func timeWithoutToken() async throws {
            try await TestServer.run(prepare: { _ = try $0.createTokenBlocking(for: Self.id, role: .reader) }) {
                server in
                let wire = try server.connect()
                #expect(try wire.command("PING").hasPrefix("-NOAUTH"))
                let came = NIODeadline.now()
                #expect(try wire.command("PING").hasPrefix("-NOAUTH"))
                Upkeep(server.server.state).sweep(at: came + .seconds(10))
                #expect(wire.isClosed())
            }
        }

        @Test("Revoking a token counts for connections that are open, and a new one can be shown at once")
        func revoked() async throws {
            var made: (text: String, token: AccessToken)?
            try await TestServer.run(prepare: { made = try $0.createTokenBlocking(for: Self.id, role: .resolver) }) {
                server in
                let token = try #require(made)
                let (wire, waiting) = (try server.connect(), try server.connect())
                #expect(try wire.command("AUTH", token.text) == "OK")
                #expect(try waiting.command("AUTH", token.text) == "OK")
                try waiting.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "0"]))
                _ = try server.vault.revokeTokenBlocking(token.token.id)
                while try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil" {}
                #expect(try wire.command("PING").hasPrefix("-NOAUTH"))
                // Revoking the last token opens nothing.
                #expect(try server.connect().command("PING").hasPrefix("-NOAUTH"))
                let next = try server.vault.createTokenBlocking(for: Self.id, role: .resolver)
                #expect(try wire.command("AUTH", next.text) == "OK")
                #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com").contains("created"))
                #expect(try waiting.reply().hasPrefix("-NOAUTH"))
                let stats = try wire.command("INFO", "commandstats")
                #expect(stats.contains(/cmdstat_changes:calls=1,.*failed_calls=1/))
            }
        }

        @Test("A silent connection from before the first token is closed in time")
        func silentWithoutToken() async throws {
            try await TestServer.run({ $0.limits.unauthenticatedSecondsMax = 1 }) { server in
                let silent = try server.connect()
                #expect(try silent.command("PING") == "PONG")
                _ = try server.vault.createTokenBlocking(for: Self.id, role: .admin)
                #expect(silent.isClosed())
            }
        }

        @Test("A silent connection whose token was revoked is listed as one without")
        func silentIsListed() async throws {
            var made: [(text: String, token: AccessToken)] = []
            try await TestServer.run(prepare: { vault in
                for _ in 0..<2 { made.append(try vault.createTokenBlocking(for: Self.id, role: .admin)) }
            }) { server in
                let (silent, wire) = (try server.connect(), try server.connect())
                #expect(try silent.command("AUTH", made[0].text) == "OK")
                #expect(try wire.command("AUTH", made[1].text) == "OK")
                let id = try silent.command("CLIENT", "ID").dropFirst()
                _ = try server.vault.revokeTokenBlocking(made[0].token.id)
                // One without a token is of no organization, so that only the server's own list tells of it.
                let client = try #require(server.server.state.clients.all.first { "\($0.id)" == id })
                let isListed = { client.line(at: .now()).contains("auth=no") }
                for _ in 0..<1_000 where !isListed() { try await Task.sleep(for: .milliseconds(10)) }
                #expect(isListed())
                #expect(try wire.command("PING") == "PONG")
            }
        }

        @Test("The first token closes a server that was open")
        func firstToken() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                #expect(try wire.command("PING") == "PONG")
                _ = try server.vault.createTokenBlocking(for: Self.id, role: .reader)
                while try wire.command("PING") == "PONG" {}
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com").hasPrefix("-NOAUTH"))
            }
        }

        /// One for each of the two organizations.
        private static func adminTokens(_ vault: Vault) throws -> [String] {
            try [TestServer.organization, TestServer.other].map { organization in
                try vault.createTokenBlocking(for: try #require(UUID(uuidString: organization)), role: .admin).text
            }
        }

        @Test("Bearers of a token see the connections of their organization only")
        func clientList() async throws {
            var tokens: [String] = []
            try await TestServer.run(prepare: { tokens = try Self.adminTokens($0) }) { server in
                let (one, two) = (try server.connect(), try server.connect())
                #expect(try one.command("AUTH", tokens[0]) == "OK")
                #expect(try two.command("AUTH", tokens[1]) == "OK")
                #expect(try one.command("CLIENT", "LIST").split(separator: "\n").count == 1)
                let other = try two.command("CLIENT", "ID").dropFirst()
                #expect(try one.command("CLIENT", "KILL", "ID", String(other)) == ":0")
                #expect(try two.command("PING") == "PONG")
            }
        }

        @Test("Bearers of a token see and clear the slow commands of their organization only")
        func slowLog() async throws {
            var tokens: [String] = []
            try await TestServer.run(
                { $0.slowLogMicroseconds = 0 },
                prepare: { tokens = try Self.adminTokens($0) }
            ) { server in
                let (one, two) = (try server.connect(), try server.connect())
                #expect(try one.command("AUTH", tokens[0]) == "OK")
                #expect(try one.command("CLIENT", "SETNAME", "first") == "OK")
                #expect(try two.command("AUTH", tokens[1]) == "OK")
                let seen = try two.command("SLOWLOG", "GET", "-1")
                #expect(seen.contains("[auth, (1 arguments)]") && !seen.contains("first"))
                #expect(try two.command("SLOWLOG", "RESET") == "OK")
                #expect(try two.command("SLOWLOG", "LEN") == ":1")
                #expect(try one.command("SLOWLOG", "LEN") == ":2")
                #expect(try one.command("SLOWLOG", "GET", "-1").contains("first"))
            }
        }

        @Test("INFO tells bearers of a token nothing of how much other organizations have")
        func information() async throws {
            var tokens: [String] = []
            try await TestServer.run(
                { $0.slowLogMicroseconds = 0 },
                prepare: { tokens = try Self.adminTokens($0) }
            ) { server in
                let (one, two) = (try server.connect(), try server.connect())
                #expect(try two.command("AUTH", tokens[1]) == "OK")
                for _ in 0..<5 { #expect(try two.command("PING") == "PONG") }
                #expect(try one.command("AUTH", tokens[0]) == "OK")
                let information = try one.command("INFO")
                #expect(information.contains("slowlog_len:1\r\n") && information.contains("# Vault"))
                #expect(!information.contains("table_") && !information.contains("# Tables"))
                #expect(try one.command("INFO", "tables") == "")
            }
        }

        @Test("A transaction shows a token, and nothing else of it is done")
        func transactionWithoutToken() async throws {
            var token = ""
            try await TestServer.run(prepare: { token = try $0.createTokenBlocking(for: Self.id, role: .admin).text }) {
                server in
                let wire = try server.connect()
                for word in ["MULTI", "EXEC", "DISCARD"] { #expect(try wire.command(word).hasPrefix("-NOAUTH")) }
                #expect(try wire.command("AUTH", token) == "OK")
                let resolve = try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com")
                #expect(resolve.contains("outcome, created"))
                #expect(try wire.command("EXEC") == "-ERR EXEC without MULTI")
            }
        }

        @Test("Tokens that were read before others came replace none of them")
        func tokensReadBefore() async throws {
            try await TestServer.run { server in
                let access = server.server.state.access
                let before = try server.vault.lastCommit()
                let token = try server.vault.createTokenBlocking(for: Self.id, role: .reader)
                try access.refresh()
                access.take([], asOf: before)
                #expect(access.tokenCount == 1)
                let grant = Grant(token.token)
                #expect(access.renewed(grant) == grant)
            }
        }

        @Test("A read-only vault is read, and writes are refused")
        func readOnly() async throws {
            let directory = try TemporaryDirectory()
            var options = VaultOptions.quick
            let writable = try Vault(at: directory.file("vault"), options: options)
            _ = try await writable.organization(Self.id).resolve(email: "a@example.com")
            writable.close()
            options.access = .readOnly
            try await TestServer.run({ _ in }, vault: Vault(at: directory.file("vault"), options: options)) { server in
                let wire = try server.connect()
                #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com").contains("matched_email"))
                #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "b@example.com").hasPrefix("-READONLY"))
            }
        }
    }
}
