// Connections are counted, of both protocols, and so seen before and when there are too many.

import Synchronization
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

@Suite("The log tells of full listeners") struct FullListenerTests {
    @Test("Once that all connections are taken, and once that there is room again")
    func told() throws {
        let directory = try TemporaryDirectory()
        let vault = try Vault(at: directory.file("vault"), options: .quick)
        defer { vault.close() }
        var configuration = ServerConfiguration()
        configuration.limits.httpConnectionsMax = 2
        let lines = LogLines()
        let state = try ServerState(
            vault, configuration, durability: .relaxed, loopCount: 1, isProtected: false, logger: lines.logger)
        let upkeep = Upkeep(state)
        func expect(_ connections: Int, _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation) {
            state.httpMetrics.connections.store(connections, ordering: .relaxed)
            for _ in 0..<2 { upkeep.lookAtConnections() }
            let written = lines.take()
            #expect(written.count == expected.count, "\(written)", sourceLocation: sourceLocation)
            for (line, words) in zip(written, expected) {
                #expect(line.contains("http-connections-max=2"), "\(line)", sourceLocation: sourceLocation)
                #expect(line.contains(words), "\(line)", sourceLocation: sourceLocation)
            }
        }
        expect(1, [])
        expect(2, ["All connections are taken"])
        expect(1, ["There is room for connections again"])
    }
}

extension ServerTests.HTTPTests {
    @Suite("Connections are counted") struct ConnectionCountTests {
        private static let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

        @Test("INFO and /metrics tell how many connections of HTTP are open")
        func gauge() async throws {
            try await TestServer.runHTTP { server in
                let open = try server.connectHTTP()
                try open.send(Self.health)
                #expect(try open.answer().status == 200)
                #expect(try server.ask("GET", "/metrics").text.contains("\nvaultdb_http_connections 2\n"))
                let wire = try server.connect()
                let isAlone = { try wire.command("INFO", "clients").contains("http_connections:1\r\n") }
                let deadline = ContinuousClock.now + .seconds(60)
                // That of the last request takes a moment to close.
                while try !isAlone(), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
                #expect(try isAlone())
            }
        }

        @Test("A connection that asks nothing is closed sooner than one that has asked, and makes room")
        func silent() async throws {
            try await TestServer.runHTTP({
                $0.limits.unauthenticatedSecondsMax = 1
                $0.limits.httpIdleSecondsMax = 1_000
                $0.limits.httpConnectionsMax = 2
            }) { server in
                let asking = try server.connectHTTP()
                try asking.send(Self.health)
                let silent = try server.connectHTTP()
                #expect(try asking.answer().status == 200)
                #expect(try server.ask("GET", "/health").status == 200)
                #expect(silent.isClosed())
                try asking.send(Self.health)
                #expect(try asking.answer().status == 200)
            }
        }
    }
}
