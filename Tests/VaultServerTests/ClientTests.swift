// What clients and tools ask beside their work: echoes, help, settings.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Clients") struct ClientTests {
        @Test("A message comes back byte for byte, text or not", arguments: ["ECHO", "PING"])
        func echo(_ command: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let message: [UInt8] = [0xFF, 0xFE, 0x00, 0x0D, 0x0A, 0xC3]
                let reply = Array("$6\r\n".utf8) + message + Array("\r\n".utf8)
                try wire.send(bytes: Array("*2\r\n$4\r\n\(command)\r\n".utf8) + reply)
                #expect(try wire.take(reply.count) == reply)
                #expect(try wire.command(command, "a", "b").hasPrefix("-ERR wrong number"))
                #expect(try wire.command("PING") == "PONG")
            }
        }

        @Test("Commands with subcommands tell them", arguments: ["CLIENT", "COMMAND", "CONFIG", "SLOWLOG"])
        func help(_ command: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let help = try wire.command(command, "help")
                #expect(help.hasPrefix("[\(command) <subcommand>") && help.hasSuffix(", HELP]"))
                #expect(try wire.command(command, "NONSENSE").hasPrefix("-ERR unknown subcommand 'NONSENSE'."))
            }
        }

        @Test("CLIENT LIST by type tells all, for there is one type only")
        func listByType() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let id = try wire.command("CLIENT", "ID").dropFirst()
                #expect(try wire.command("CLIENT", "LIST", "TYPE", "Normal").hasPrefix("id=\(id) "))
                for type in ["master", "replica", "slave", "pubsub"] {
                    #expect(try wire.command("CLIENT", "LIST", "TYPE", type) == "")
                }
                #expect(try wire.command("CLIENT", "LIST", "TYPE", "x") == "-ERR Unknown client type 'x'")
                #expect(try wire.command("CLIENT", "LIST", "TYPE") == "-ERR syntax error")
                #expect(try wire.command("CLIENT", "LIST", "ID", String(id)).hasPrefix("id=\(id) "))
            }
        }

        @Test("CLIENT KILL takes yes or no for whether it spares its own connection, and nothing else")
        func killSkipsMe() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let id = String(try wire.command("CLIENT", "ID").dropFirst())
                #expect(try wire.command("CLIENT", "KILL", "ID", id, "SKIPME", "maybe") == "-ERR syntax error")
                #expect(try wire.command("CLIENT", "KILL", "ID", id, "SKIPME", "YES") == ":0")
                #expect(try wire.command("CLIENT", "KILL", "ID", id, "SKIPME", "no") == ":1")
                #expect(wire.isClosed())
            }
        }

        @Test("A transaction is refused as a whole, whether or not its client waits for the first answer")
        func transaction() async throws {
            try await TestServer.run { server in
                let (org, wire) = (TestServer.organization, try server.connect())
                let words = [
                    ["RESOLVE", org, "EMAIL", "before@example.com"], ["multi"],
                    ["RESOLVE", org, "EMAIL", "a@example.com"], ["PUT", org, "lead", "1", "email", "a@example.com"],
                    ["PING"], ["EXEC"], ["FIND", org, "EMAIL", "a@example.com"],
                    ["FIND", org, "EMAIL", "before@example.com"],
                ]
                try wire.send(words.map(Wire.encoded).joined())
                #expect(try wire.reply().contains("outcome, created"))
                for _ in 0..<4 {
                    #expect(try wire.reply().contains(/^-ERR no transactions.*redis-py: transaction=False/))
                }
                #expect(try wire.reply().contains(/^-EXECABORT .*redis-py: transaction=False/))
                #expect(try wire.reply() == "nil")
                #expect(try wire.reply().count == 36)
                #expect(server.vault.createdCount == 1)
            }
        }

        @Test("After MULTI a connection is as before with EXEC, DISCARD or RESET, and WATCH is refused")
        func transactionEnds() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                #expect(try wire.command("WATCH", "key").hasPrefix("-ERR no transactions"))
                #expect(try wire.command("PING") == "PONG")
                for (end, answer) in [("EXEC", "-EXECABORT"), ("DISCARD", "OK"), ("RESET", "RESET")] {
                    #expect(try wire.command("MULTI").hasPrefix("-ERR no transactions"))
                    #expect(try wire.command("PING").hasPrefix("-ERR no transactions"))
                    #expect(try wire.command(end).hasPrefix(answer))
                    #expect(try wire.command("PING") == "PONG")
                }
                for end in ["EXEC", "DISCARD"] { #expect(try wire.command(end) == "-ERR \(end) without MULTI") }
            }
        }

        @Test("CONFIG GET tells the port that the system chose")
        func port() async throws {
            try await TestServer.run { server in
                let answer = try server.connect().command("CONFIG", "GET", "port")
                #expect(answer == "[port, \(server.port)]")
            }
        }
    }
}
