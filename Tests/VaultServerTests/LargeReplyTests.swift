// Replies of thousands of entries: made beside the event loops, and no more of them than there is room for.

import Dispatch
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Large replies") struct LargeReplyTests {
        private static let org = TestServer.organization

        // MARK: Events

        @Test("Many events are answered beside the event loops, and few at once")
        func manyEvents() async throws {
            try await TestServer.run { server in
                for index in 0..<120 { try Self.create("c\(index)@example.com", in: server) }
                let (reader, other) = (try server.connect(), try server.connect())
                let endHold = Self.holdWork(of: server)
                try reader.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "COUNT", "1000"]))
                let pending = { server.server.state.work.pending.load(ordering: .relaxed) }
                while pending() == 0 { #expect(try other.command("PING") == "PONG") }
                let few = try other.command("CHANGES", Self.org, "FROM", "21", "COUNT", "100")
                let fewer = try other.command("CHANGES", Self.org, "FROM", "100", "COUNT", "1000")
                endHold()
                #expect(Self.sequences(few) == Array(21...120))
                #expect(Self.sequences(fewer) == Array(100...120))
                #expect(Self.sequences(try reader.reply()) == Array(1...120))
            }
        }

        @Test("Who waits for events gets few at a time, and all of them one after the other")
        func manyEventsAtOnce() async throws {
            try await TestServer.run { server in
                let (reader, writer) = (try server.connect(), try server.connect())
                let changes = { (first: Int) in
                    Wire.encoded(["CHANGES", Self.org, "FROM", "\(first)", "BLOCK", "0", "COUNT", "1000"])
                }
                let endHold = CareTests.holdWriter(of: server)
                try reader.send(changes(1))
                while try !writer.command("INFO", "clients").contains("blocked_clients:1\r\n") { await Task.yield() }
                let creates = (0..<150).map { Wire.encoded(["RESOLVE", Self.org, "EMAIL", "w\($0)@example.com"]) }
                try writer.send(creates.joined())
                try endHold()
                var seen = Self.sequences(try reader.reply())
                #expect((1...100).contains(seen.count))
                while seen.count < 150 {
                    try reader.send(changes(seen.count + 1))
                    seen += Self.sequences(try reader.reply())
                }
                #expect(seen == Array(1...150))
            }
        }

        private static func sequences(_ reply: String) -> [Int] {
            reply.matches(of: /sequence, :(\d+),/).compactMap { Int($0.output.1) }
        }

        private static func create(_ email: String, in server: TestServer) throws {
            _ = try server.clinic.resolveBlocking(ResolveRequest(email: email))
        }

        /// Has no long read or rare write begin.
        /// - Returns: what ends that.
        private static func holdWork(of server: TestServer) -> () -> Void {
            let threads = server.server.state.work.threads
            let (isHeld, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            for _ in 0..<threads.numberOfThreads {
                threads.submit { _ in
                    isHeld.signal()
                    mayEnd.wait()
                }
            }
            for _ in 0..<threads.numberOfThreads { isHeld.wait() }
            return { for _ in 0..<threads.numberOfThreads { mayEnd.signal() } }
        }

        // MARK: Replies that are not taken

        @Test("Where there is no room for replies large ones are refused, and what is short or writes is answered")
        func full() async throws {
            try await TestServer.run({ $0.limits.workOutputBytesMax = 1_000 }) { server in
                try Self.fill(server)
                try Self.create("ana@example.com", in: server)
                let wire = try server.connect()
                let id = try wire.command("FIND", Self.org, "EMAIL", "ana@example.com")
                let held = server.server.state.heldReplies
                do {
                    let hold = held.hold(1_001)
                    #expect(try Self.isBusy(wire))
                    #expect(try wire.command("SEARCH", Self.org, "nobody").contains("results"))
                    #expect(try wire.command("FIND", Self.org, "EMAIL", "ana@example.com") == id)
                    #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "ana@example.com").contains("matched_email"))
                    #expect(try wire.command("RESOLVE", Self.org, "EMAIL", "leo@example.com").contains("created"))
                    #expect(try !wire.command("ERASE", Self.org, id).hasPrefix("-"))
                    withExtendedLifetime(hold) {}
                }
                #expect(try !Self.isBusy(wire))
                #expect(try wire.command("INFO", "stats").contains("busy_replies:1\r\n"))
            }
        }

        @Test("Replies take room until their client has taken them, or is ended as one that takes nothing")
        func untaken() async throws {
            try await Self.leavingUntaken(outputSecondsMax: 3_600) { wire, _, held in
                #expect(wire.all().components(separatedBy: "*2\r\n$1\r\n0\r\n").count == Self.scanCount + 1)
                while held.isFull { await Task.yield() }
            }
            // Less waits for it than any one client may leave.
            try await Self.leavingUntaken(outputSecondsMax: 1) { wire, metrics, held in
                while metrics.outputOverrunCount.load(ordering: .relaxed) == 0 {
                    try await Task.sleep(for: .milliseconds(10))
                }
                while held.isFull { await Task.yield() }
                #expect(wire.isClosed())
            }
        }

        private static let scanCount = 250

        private static func fill(_ server: TestServer) throws {
            for index in 0..<300 { try create("\(String(repeating: "a", count: 200))\(index)@example.com", in: server) }
        }

        /// Asks for some twenty megabytes, more than the system keeps for a client, until there is no room for others.
        private static func leavingUntaken(
            outputSecondsMax: Int, _ body: (Wire, ServerMetrics, HeldReplies) async throws -> Void
        ) async throws {
            try await TestServer.run({
                $0.limits.outputHighWaterBytes = 1_024
                $0.limits.workOutputBytesMax = 20_000
                $0.limits.outputSecondsMax = outputSecondsMax
            }) { server in
                try fill(server)
                let (wire, state) = (try server.connect(), server.server.state)
                let scan = Wire.encoded(["SCAN", org, "0", "KIND", "EMAIL", "COUNT", "10000"])
                try wire.send(String(repeating: scan, count: scanCount) + "QUIT\r\n")
                while !state.heldReplies.isFull { await Task.yield() }
                try await body(wire, state.metrics, state.heldReplies)
            }
        }

        private static func isBusy(_ wire: Wire) throws -> Bool {
            try wire.command("SCAN", org, "0", "KIND", "EMAIL", "COUNT", "10000").hasPrefix("-BUSY")
        }

        @Test("Memory is looked for behind large replies, not twice in a minute")
        func trimming() {
            let held = HeldReplies(bytesMax: 1)
            let now = NIODeadline.now() + .minutes(5)
            _ = held.hold(1 << 20)
            #expect(!held.isTrimDue(at: now))
            _ = held.hold(16 << 20)
            #expect(held.isTrimDue(at: now))
            #expect(!held.isTrimDue(at: now + .minutes(2)))
            _ = held.hold(16 << 20)
            #expect(!held.isTrimDue(at: now + .seconds(59)))
            #expect(held.isTrimDue(at: now + .seconds(60)))
        }

        @Test("Memory of large replies is given back to the system")
        func trimmed() async throws {
            try await TestServer.run { server in
                _ = server.server.state.heldReplies.hold(16 << 20)
                let now = NIODeadline.now() + .minutes(5)
                Upkeep(server.server.state).seeToReplies(at: now)
                #expect(!server.server.state.heldReplies.isTrimDue(at: now + .minutes(5)))
                let wire = try server.connect()
                #expect(try wire.command("SEARCH", Self.org, "nobody").contains("results"))
            }
        }
    }
}
