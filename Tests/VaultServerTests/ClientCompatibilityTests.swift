// What the world's clients, monitors and balancers want of a server before they use it, or take it for an answer.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Client compatibility") struct ClientCompatibilityTests {
        @Test("INFO says what cluster clients, balancers and monitors look for")
        func information() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                // As HAProxy asks.
                try wire.send("info replication\r\n")
                #expect(try wire.reply() == "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n")
                let lines = try wire.command("INFO").split(separator: "\r\n")
                func value(_ name: String) throws -> Substring {
                    try #require(lines.first { $0.hasPrefix("\(name):") }).dropFirst(name.utf8.count + 1)
                }
                #expect(try value("redis_mode") == "standalone")
                #expect(try value("role") == "master")
                #expect(try !value("os").isEmpty)
                let used = try #require(Int(try value("used_memory")))
                let resident = try #require(Int(try value("used_memory_rss")))
                #expect(used > 0 && used < resident)
            }
        }

        @Test("CLIENT INFO has the fields of Redis 7 in its order, and then others")
        func clientInformation() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let line = try wire.command("CLIENT", "INFO")
                let names = line.split(whereSeparator: \.isWhitespace).map { $0.prefix { $0 != "=" } }
                let expected = """
                    id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs \
                    rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver cmds auth
                    """
                #expect(names == expected.split(separator: " "))
                #expect(line.contains(" laddr=127.0.0.1:\(server.port) "))
                #expect(try wire.command("CLIENT", "LIST").split(separator: " ").count == names.count)
            }
        }

        @Test(
            "The PROXY protocol ends the connection, so that no reply is taken for another's",
            arguments: [
                "PROXY TCP4 192.0.2.1 192.0.2.2 50000 7379\r\n", "PROXY UNKNOWN\r\n",
                "\r\n\r\n\0\r\nQUIT\n!\u{11}\0\u{0C}0123456789ab",
            ])
        func proxy(_ header: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(header + Wire.encoded(["RESOLVE", TestServer.organization, "EMAIL", "a@example.com"]))
                #expect(wire.all() == "-ERR Protocol error: \(ProtocolFault.proxy.sentence)\r\n")
                #expect(server.vault.createdCount == 0)
            }
        }
    }
}

@Suite("Generated clients") struct GeneratedClientTests {
    @Test("No schema has the name that generators give to an object within another: both names, one behind the other")
    func schemaNames() throws {
        let schemas = try APIPromise.document.get()["components"]?["schemas"]
        guard case .object(let members, _)? = schemas else {
            Issue.record("no schemas")
            return
        }
        let names = Set(members.map(\.name))
        for member in members {
            guard case .object(let properties, _)? = member.value["properties"] else { continue }
            for property in properties where property.value["type"]?.string == "object" {
                let name = member.name + property.name.split(separator: "_").map(\.capitalized).joined(separator: "")
                #expect(!names.contains(name), "\(member.name).\(property.name)")
            }
        }
    }
}
