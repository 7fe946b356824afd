// What errors repeat of a client's words: misspelt names, and nothing that is somebody's.

import Testing
import VaultDB

@testable import VaultServer

@Suite("Names in errors") struct NamingTests {
    @Test("A misspelt name is repeated", arguments: ["AUHT", "first_nam", "x.y-z1", String(repeating: "x", count: 32)])
    func repeated(_ name: String) { #expect("no such field".naming(name) == "no such field '\(name)'") }

    @Test(
        "What is no name, or no name alone, is not repeated",
        arguments: [
            "", "vdb_k3jw6qzt", "VDB_K3JW6QZT", "ana@example.com", "600123456", "+34600123456", "+34-600", "Ana Ruiz",
            "josé", "a\u{301}", "a\u{1B}[31m", "a\n", "'", String(repeating: "x", count: 33),
        ])
    func unfit(_ text: String) { #expect("no such field".naming(text) == "no such field") }
}

extension ServerTests {
    @Suite("What stands in the wrong place is not repeated") struct MisplacedTests {
        private static let org = TestServer.organization
        private static let secrets = ["vdb_k3jw6qzt_abc", "ana@example.com", "+34600123456", "600123456"]

        @Test("By errors of Redis' protocol", arguments: secrets)
        func redis(_ secret: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                #expect(try wire.command("AUHT", secret) == "-ERR unknown command 'AUHT'")
                #expect(try wire.command(secret, "x") == "-ERR unknown command")
                #expect(try wire.command("CLIENT", secret) == "-ERR unknown subcommand. Try CLIENT HELP.")
                let others = [
                    ["CONFIG", secret], ["CLIENT", "SETINFO", secret, "a b"], ["CLIENT", "SETINFO", secret, "x"],
                    ["CLIENT", "LIST", "TYPE", secret], ["PUT", Self.org, "lead", "1", secret, "x"],
                    ["BOOK", Self.org, secret, "x"], ["GET", Self.org, secret], ["FIND", Self.org, secret, "x"],
                    ["RESOLVE", Self.org, secret, "x"], ["FIND", secret, "EMAIL", "x"],
                ]
                for words in others {
                    try wire.send(Wire.encoded(words))
                    let reply = try wire.reply()
                    #expect(reply.hasPrefix("-") && !reply.contains(secret), "\(reply)")
                }
            }
        }

        @Test("By problems of HTTP", arguments: secrets)
        func http(_ secret: String) async throws {
            try await TestServer.runHTTP { server in
                let escaped = secret.replacing("@", with: "%40").replacing("+", with: "%2B")
                let identity = try server.ask("GET", "/api/v1/contacts/\(escaped)")
                #expect(identity.status == 404)
                #expect(try identity.text("detail").hasPrefix("the identity is no UUID such as "))
                let requests: [(method: String, path: String, body: String?)] = [
                    ("GET", "contacts?\(escaped)=x", nil), ("GET", "conflicts?state=\(escaped)", nil),
                    ("GET", "conflicts?\(escaped)=x&\(escaped)=y", nil), ("GET", "records/\(escaped)-/1", nil),
                    ("POST", "contacts/resolve", #"{"\#(secret)": "x"}"#),
                ]
                for (method, path, body) in requests {
                    let answer = try server.ask(method, "/api/v1/\(path)", body)
                    #expect(answer.status == 400 && !answer.text.contains(secret), "\(path): \(answer.text)")
                }
            }
        }
    }
}
