// How connections end: with all answers of what was done, whatever else the client has sent.

import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Ending") struct EndingTests {
        private static let org = TestServer.organization
        /// Far less than the answers, so that the server's system still has most of them when the connection ends.
        private static let receiveBytes: Int32 = 4_096

        @Test("A server that stops sends the answers of all that it did, however much comes behind it")
        func stoppedAmidPipeline() async throws {
            let server = try await TestServer({ $0.limits.connectionWritesPendingMax = 100 })
            let idle = try server.connect()
            #expect(try idle.command("PING") == "PONG")
            let endHold = CareTests.holdWriter(of: server)
            let wire = try Wire(port: server.port, receiveBytes: Self.receiveBytes)
            let creates = (0..<2_000).map { index in
                Wire.encoded(["RESOLVE", Self.org, "EMAIL", "e\(index)@example.com", "NAME", "Ana"])
            }
            // The writer waits, so that nothing more is read than a connection may have waiting.
            let taken = try await wire.sendUntilStalled(Array(creates.joined().utf8), bytesMax: 1 << 20)
            #expect(taken > 64 << 10)
            let stopping = Task { try await server.stop() }
            // Once the one that waits for nothing is gone, the end has reached the others.
            let clients = server.server.state.clients
            for _ in 0..<1_000 where clients.count > 1 { try await Task.sleep(for: .milliseconds(10)) }
            #expect(clients.count == 1 && idle.isClosed())
            try endHold()
            let answers = wire.all().components(separatedBy: "outcome").count - 1
            #expect(!wire.isReset)
            try await stopping.value
            #expect(answers >= 100 && answers == server.vault.createdCount)
        }

        @Test("Answers before the end of a connection arrive, whatever was sent behind it", arguments: ["QUIT", "*x"])
        func endedAmidPipeline(_ last: String) async throws {
            try await TestServer.run { server in
                let wire = try Wire(port: server.port, receiveBytes: Self.receiveBytes)
                let questions = String(repeating: "INFO\r\n", count: 30)
                try wire.send(questions + last + "\r\n" + String(repeating: "PING\r\n", count: 4_000))
                for _ in 0..<30 { #expect(try wire.reply().contains("# Latencystats")) }
                let rest = last == "QUIT" ? "+OK\r\n" : "-ERR Protocol error: invalid multibulk length\r\n"
                #expect(wire.all() == rest)
                #expect(!wire.isReset)
            }
        }

        @Test("Answers before the end of a connection arrive over HTTP too, whatever was sent behind it")
        func endedAmidRequests() async throws {
            try await TestServer.runHTTP { server in
                let wire = try Wire(port: server.httpPort, receiveBytes: Self.receiveBytes)
                let host = "127.0.0.1:\(try server.httpPort)"
                func request(_ more: String = "") -> String {
                    "GET /openapi.json HTTP/1.1\r\nHost: \(host)\r\n\(more)\r\n"
                }
                let before = String(repeating: request(), count: 9) + request("Connection: close\r\n")
                try wire.send(before + String(repeating: request(), count: 1_000))
                for _ in 0..<10 {
                    let answer = try wire.answer()
                    #expect(answer.status == 200 && answer.body.count > 10_000)
                }
                #expect(wire.all().isEmpty)
                #expect(!wire.isReset)
            }
        }

        /// Leaves a socket open that is to be closed, as TLS does until the client agrees.
        private final class Unclosing: ChannelOutboundHandler, Sendable {
            typealias OutboundIn = ByteBuffer

            func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
                promise?.succeed(())
            }
        }

        /// A connection, and what of the server's is known to tests alone.
        private struct Arrival {
            let wire: Wire
            let client: ClientRecord
            let loop: any EventLoop
            let metrics: LoopMetrics

            var lastActivity: UInt64 { client.lastActivity.load(ordering: .relaxed) }

            /// Runs `body` while the event loop stands still, as it does while the process is stopped.
            func whileStopped(_ body: () async throws -> Void) async throws {
                let mayGoOn = DispatchSemaphore(value: 0)
                loop.execute { mayGoOn.wait() }
                defer { mayGoOn.signal() }
                try await body()
            }

            /// Waits until the loop has done all that was put off for less than a second.
            func seeToTheEnd() async throws {
                try await loop.scheduleTask(in: .seconds(1)) {}.futureResult.get()
            }
        }

        /// - Parameter isUnclosing: whether the socket stays open.
        private static func connecting(
            to server: TestServer, isUnclosing: Bool = false, _ body: (Arrival) async throws -> Void
        ) async throws {
            let state = server.server.state
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            let metrics = state.metrics.addLoop(commandCount: state.table.commands.count)
            let (clients, arrivals) = AsyncStream.makeStream(of: ClientRecord.self)
            let bootstrap = ServerBootstrap(group: loop).childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let client = ClientRecord(id: 1_000, channel: channel)
                    let turn = LoopTurn(of: channel.eventLoop, metrics, LoopInbox(of: channel.eventLoop))
                    if isUnclosing { try channel.pipeline.syncOperations.addHandler(Unclosing()) }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(state, turn: turn, client: client))
                    arrivals.yield(client)
                }
            }
            let listener = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            let wire = try Wire(port: try #require(listener.localAddress?.port))
            var iterator = clients.makeAsyncIterator()
            let arrived = await iterator.next()
            let client = try #require(arrived)
            try await body(Arrival(wire: wire, client: client, loop: loop, metrics: metrics))
            try await listener.close()
        }

        @Test(
            "What comes when a connection was ended is not done, however long its closing takes",
            arguments: [true, false])
        func sentBehindTheEnd(_ isIdle: Bool) async throws {
            try await TestServer.run { server in
                try await Self.connecting(to: server, isUnclosing: true) { arrival in
                    let (wire, client, loop, metrics) = (arrival.wire, arrival.client, arrival.loop, arrival.metrics)
                    #expect(try wire.command("PING") == "PONG")
                    if isIdle { client.endIfIdle(since: arrival.lastActivity) } else { client.end() }
                    try await arrival.seeToTheEnd()
                    let (read, count) = (Self.load(metrics.bytesRead), Self.load(client.commandCount))
                    try wire.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "late@example.com"]))
                    let deadline = ContinuousClock.now + .seconds(60)
                    while Self.load(metrics.bytesRead) == read, ContinuousClock.now < deadline {
                        try await Task.sleep(for: .milliseconds(1))
                    }
                    // The first comes behind the read, the second behind the turn that the read asked for.
                    for _ in 0..<2 { try await loop.submit {}.get() }
                    let (readLater, countLater) = (Self.load(metrics.bytesRead), Self.load(client.commandCount))
                    #expect(readLater > read && countLater == count)
                    let isGone = client.isGone.load(ordering: .relaxed)
                    #expect(isGone)
                }
            }
        }

        @Test("A client that was found idle is ended only if nothing has come of it", arguments: [true, false])
        func idleWhileStopped(_ isHeard: Bool) async throws {
            try await TestServer.run { server in
                try await Self.connecting(to: server) { arrival in
                    #expect(try arrival.wire.command("PING") == "PONG")
                    try await arrival.whileStopped {
                        if isHeard { try arrival.wire.send(Wire.encoded(["PING"])) }
                        arrival.client.endIfIdle(since: arrival.lastActivity)
                    }
                    if isHeard {
                        #expect(try arrival.wire.reply() == "PONG")
                        try await arrival.seeToTheEnd()
                        #expect(try arrival.wire.command("PING") == "PONG")
                    } else {
                        #expect(arrival.wire.isClosed())
                    }
                }
            }
        }

        @Test("A client whose wait for changes ended while the server was stopped gets its answer")
        func waitingWhileStopped() async throws {
            try await TestServer.run { server in
                try await Self.connecting(to: server) { arrival in
                    try arrival.wire.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "200"]))
                    while Self.load(arrival.client.commandCount) == 0 { try await Task.sleep(for: .milliseconds(1)) }
                    try await arrival.whileStopped {
                        try await Task.sleep(for: .milliseconds(300))
                        arrival.client.endIfIdle(since: arrival.lastActivity)
                    }
                    #expect(try arrival.wire.reply() == "[]")
                }
            }
        }

        @Test("A client that has sent its token is not ended for want of it", arguments: [true, false])
        func tokenWhileStopped(_ isSent: Bool) async throws {
            var token = ""
            try await TestServer.run(prepare: {
                token = try $0.createTokenBlocking(for: UUID(uuidString: Self.org) ?? UUID(), role: .reader).text
            }) { server in
                try await Self.connecting(to: server) { arrival in
                    try await arrival.whileStopped {
                        if isSent { try arrival.wire.send(Wire.encoded(["AUTH", token])) }
                        arrival.client.endIfUnauthenticated()
                    }
                    if isSent {
                        #expect(try arrival.wire.reply() == "OK")
                        try await arrival.seeToTheEnd()
                        #expect(try arrival.wire.command("PING") == "PONG")
                    } else {
                        #expect(arrival.wire.isClosed())
                    }
                }
            }
        }

        private static func load(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }

        @Test("A server ends in time while another process has the writer's lock, and refuses what it has not begun")
        func stoppedBehindAnotherProcess() async throws {
            let server = try await TestServer({
                $0.httpPort = 0
                $0.drainSecondsMax = 1
            })
            let endHold = try CareTests.holdLock(of: server)
            let wire = try server.connect()
            try wire.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "late@example.com"]))
            let web = try server.connectHTTP()
            let body = #"{"email":"late@example.com"}"#
            try web.send(
                "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nX-Organization-Id: \(Self.org)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let state = server.server.state
            while Self.load(state.pendingWrites) < 2 { try await Task.sleep(for: .milliseconds(1)) }
            let stopping = Task { try await server.stopServing() }
            #expect(try wire.reply().hasPrefix("-BUSY the vault is being closed"))
            #expect(try web.answer().status == 503)
            try await stopping.value
            #expect(Self.load(state.pendingWrites) == 0)
            #expect(!server.vault.close(within: 1))
            try endHold()
            #expect(server.vault.close(within: 60))
            let vault = try Vault(at: server.vaultPath, options: .quick)
            let found = try vault.organization(UUID(uuidString: Self.org) ?? UUID()).find(email: "late@example.com")
            #expect(found == nil)
            vault.close()
        }

        @Test("A client that has everything and does not end is not waited for")
        func idleClients() async throws {
            let server = try await TestServer({ $0.drainSecondsMax = 3_600 })
            let wires = try (0..<5).map { _ in try server.connect() }
            for wire in wires { #expect(try wire.command("PING") == "PONG") }
            try await server.stop()
            for wire in wires { #expect(wire.all() == "" && !wire.isReset) }
        }
    }
}
