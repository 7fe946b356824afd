// Who follows an organization's events: each once, in order, and an end to every wait.

import Foundation
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Changes") struct ChangesTests {
        private static let org = TestServer.organization

        @Test("CHANGES gives each event once, in order, to who reads on from the last")
        func feed() async throws {
            try await TestServer.run { server in
                let (reader, writer) = (try server.connect(), try server.connect())
                var next = 1
                for index in 0..<20 {
                    try reader.send(Wire.encoded(["CHANGES", Self.org, "FROM", "\(next)", "BLOCK", "0"]))
                    _ = try writer.command("RESOLVE", Self.org, "EMAIL", "c\(index)@example.com")
                    let reply = try reader.reply()
                    #expect(reply.contains("sequence, :\(next),"))
                    next += reply.components(separatedBy: "sequence, :").count - 1
                }
                #expect(next == 21)
            }
        }

        @Test("CHANGES that waits for nothing answers nothing, and what follows it is answered after it")
        func timeout() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "20"]) + Wire.encoded(["PING"]))
                #expect(try wire.reply() == "[]")
                #expect(try wire.reply() == "PONG")
            }
        }

        @Test(
            "A client that ends its sending while it waits is answered in time, and so is what follows",
            arguments: [0, 50])
        func halfClosed(_ milliseconds: Int) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let wait = Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "\(milliseconds)"])
                try wire.send(wait + wait + Wire.encoded(["PING"]))
                wire.endSending()
                #expect(wire.all() == "*0\r\n*0\r\n+PONG\r\n")
            }
        }

        @Test("An event reaches a client that waits for it and has ended its sending")
        func eventAfterTheEnd() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "15000"]))
                wire.endSending()
                try await Self.waitForWaiters(of: server)
                _ = try await server.clinic.resolve(email: "late@example.com")
                #expect(try wire.reply().contains("sequence, :1,"))
                #expect(wire.isClosed())
            }
        }

        @Test("Stopping answers who waits, and what follows, waits among it", arguments: [0, 15_000])
        func stopped(_ milliseconds: Int) async throws {
            let server = try await TestServer()
            let wire = try server.connect()
            let wait = Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "\(milliseconds)"])
            try wire.send(wait + wait + Wire.encoded(["PING"]))
            try await Self.waitForWaiters(of: server)
            try await server.stop()
            #expect(wire.all() == "*0\r\n*0\r\n+PONG\r\n")
        }

        private static func waitForWaiters(of server: TestServer) async throws {
            let waiters = { server.server.state.waiters.load(ordering: .relaxed) }
            for _ in 0..<1_000 where waiters() == 0 { try await Task.sleep(for: .milliseconds(10)) }
            #expect(waiters() == 1)
        }

        @Test("A waiting connection that ends is forgotten")
        func gone() async throws {
            try await TestServer.run({ $0.limits.waitersMax = 1 }) { server in
                var wire: Wire? = try server.connect()
                try wire?.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "0"]))
                let second = try server.connect()
                while try !second.command("INFO", "clients").contains("blocked_clients:1\r\n") { await Task.yield() }
                #expect(try second.command("CHANGES", Self.org, "FROM", "1", "BLOCK", "1").hasPrefix("-BUSY"))
                #expect(try second.command("INFO", "stats").contains("busy_replies:1\r\n"))
                wire = nil
                // Answered with nothing as soon as the place is free.
                while try second.command("CHANGES", Self.org, "FROM", "1", "BLOCK", "1").hasPrefix("-BUSY") {
                    await Task.yield()
                }
            }
        }
    }
}
