// What clients may cost: each limit, and that a hostile one gains nothing.

import Foundation
import NIOCore
import Synchronization
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Limits") struct LimitTests {
        private static let org = TestServer.organization

        @Test(
            "A length beyond a limit ends the connection before its bytes come",
            arguments: [
                ("*5000\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
                ("*2\r\n$4\r\nECHO\r\n$70000\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
                ("ECHO ", "-ERR Protocol error: too big inline request\r\n"),
            ])
        func lengths(_ sent: String, _ expected: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(sent.hasPrefix("*") ? sent : sent + String(repeating: "x", count: 66_000))
                #expect(wire.all() == expected)
            }
        }

        @Test("The limits are those of the configuration, and INFO tells them")
        func configured() async throws {
            try await TestServer.run({
                $0.limits.argumentBytesMax = 36
                $0.limits.argumentsMax = 5
            }) { server in
                let wire = try server.connect()
                let info = try wire.command("INFO", "limits")
                #expect(info.contains("argument_bytes_max:36\r\n"))
                #expect(info.contains("arguments_max:5\r\n"))
                #expect(info.contains("unauthenticated_argument_bytes_max:"))
                try wire.send("*2\r\n$4\r\nECHO\r\n$37\r\n")
                #expect(try wire.reply().contains("invalid bulk length"))
                #expect(wire.isClosed())
            }
        }

        @Test("INFO tells every limit that can be set")
        func told() async throws {
            try await TestServer.run { server in
                let info = try server.connect().command("INFO", "limits")
                for (name, _) in ServerLimits.named {
                    #expect(info.contains(name.replacing("-", with: "_") + ":"), "\(name)")
                }
            }
        }

        @Test("What is no word of the protocol is told so in a short line, however long it is")
        func longWords() async throws {
            // Of all texts the one that takes longest to compare or to hash.
            let long = "e" + String(repeating: "\u{301}\u{323}", count: 16_000)
            let refused: [[String]] = [
                [long], ["CLIENT", long], ["COMMAND", long], ["CONFIG", long], ["SLOWLOG", long], ["AUTH", long],
                ["HELLO", "3", long], ["CLIENT", "LIST", "TYPE", long], ["CLIENT", "KILL", long],
                ["CLIENT", "SETINFO", long, "x"], ["FIND", Self.org, long, "x"], ["SHARE", Self.org, long, "x"],
                ["SCAN", Self.org, long], ["SCAN", Self.org, "0", "KIND", long],
                ["SCAN", Self.org, "0", "PREFIX", long], ["PUT", Self.org, "lead", "1", long, "x"],
                ["AUDIT", Self.org, long], ["CONFLICTS", Self.org, "STATE", long], ["RESOLVE", Self.org, long, "x"],
            ]
            try await TestServer.run { server in
                let wire = try server.connect()
                for words in refused {
                    try wire.send(Wire.encoded(words))
                    let reply = try wire.reply()
                    let command = words.count == 1 ? "unknown" : words[0]
                    #expect(reply.hasPrefix("-") && reply.utf8.count < 512, "\(command)")
                }
                #expect(try wire.command("INFO", long) == "")
                #expect(try wire.command("CONFIG", "GET", long, "*" + long) == "[]")
                #expect(try wire.command("COMMAND", "INFO", long) == "[nil]")
            }
        }

        @Test("An MFIND that may take long is done beside the event loops, and answered in its order")
        func longFinds() async throws {
            try await TestServer.run({ $0.limits.workPendingMax = 1 }) { server in
                let made = try await server.clinic.resolve(email: "ana@example.com", phone: "600123456")
                let ana = made.identity.id.text
                let wire = try server.connect()
                // No number, which libphonenumber takes long to say.
                let long = "0001" + String(repeating: "6-", count: 118)
                let nobody = (0..<18).map { _ in "nil" }
                var words = ["MFIND", Self.org]
                for _ in nobody { words += ["PHONE", long] }
                words += ["PHONE", "600 123 456", "EMAIL", "ana@example.com"]
                let slow = Wire.encoded(words)
                try wire.send(slow + Wire.encoded(["PING"]))
                #expect(try wire.reply() == "[\((nobody + [ana, ana]).joined(separator: ", "))]")
                #expect(try wire.reply() == "PONG")
                let state = server.server.state
                let isReserved = ServerState.reserve(state.work.pending, max: 1)
                #expect(isReserved)
                try wire.send(slow)
                #expect(try wire.reply().hasPrefix("-BUSY"))
                // However many there are of those that take no time, and a few others.
                let known = (0..<1_000).flatMap { _ in ["PHONE", "+34600123456"] }
                try wire.send(Wire.encoded(["MFIND", Self.org, "PHONE", long] + known))
                let answer = ["nil"] + (0..<1_000).map { _ in ana }
                #expect(try wire.reply() == "[\(answer.joined(separator: ", "))]")
                state.work.pending.subtract(1, ordering: .relaxed)
            }
        }

        @Test("Others come between lookups that take long, however many have come together")
        func slowLookups() async throws {
            try await TestServer.run({ $0.threads = 1 }) { server in
                let endHold = CareTests.holdWriter(of: server)
                let wire = try server.connect()
                // libphonenumber takes milliseconds for it.
                let phone = "600123456" + String(repeating: " ", count: 200) + "x"
                let (find, count) = (Wire.encoded(["FIND", Self.org, "PHONE", phone]), 150)
                let resolve = Wire.encoded(["RESOLVE", Self.org, "EMAIL", "a@example.com"])
                let sent = resolve + String(repeating: find, count: count)
                try wire.send(sent)
                // Behind a write that waits, all of it is read at the end of the stream only.
                wire.endSending()
                let metrics = server.server.state.metrics
                let read = { metrics.sum { $0.bytesRead.load(ordering: .relaxed) } }
                for _ in 0..<1_000 where read() < sent.utf8.count { try await Task.sleep(for: .milliseconds(10)) }
                let isRead = read() == sent.utf8.count
                // Each time that others have had their turn is a batch of its own.
                let batches = { metrics.sum { $0.batches.load(ordering: .relaxed) } }
                let before = batches()
                try endHold()
                try #require(isRead)
                #expect(wire.all().components(separatedBy: "$-1\r\n").count > count)
                #expect(batches() - before > 10)
            }
        }

        @Test("More connections than allowed are told so and closed")
        func connections() async throws {
            try await TestServer.run({ $0.limits.connectionsMax = 2 }) { server in
                let wires = [try server.connect(), try server.connect()]
                for wire in wires { #expect(try wire.command("PING") == "PONG") }
                #expect(try server.connect().all() == "-ERR max number of clients reached\r\n")
                #expect(try wires[0].command("PING") == "PONG")
            }
        }

        @Test("A client that takes no replies is not read from")
        func highWater() async throws {
            try await TestServer.run({ $0.limits.outputHighWaterBytes = 64 << 10 }) { server in
                let wire = try Wire(port: server.port, receiveBytes: 4_096)
                let request = Array(Wire.encoded(["ECHO", String(repeating: "x", count: 8_000)]).utf8)
                // The system's buffers hold some megabytes; beyond them nothing may be taken, for the server would keep it.
                let taken = try await wire.sendUntilStalled(request, bytesMax: 200 << 20)
                #expect(taken < 100 << 20)
                // What was taken is answered once the client reads.
                for _ in 0..<taken / request.count { #expect(try wire.reply().utf8.count == 8_000) }
            }
        }

        @Test("A reply alone reaches a client that takes it, however little may wait")
        func longReply() async throws {
            try await TestServer.run({
                // More than the system keeps for a client.
                $0.limits.argumentBytesMax = 16 << 20
                $0.limits.requestBytesMax = 17 << 20
                $0.limits.outputHighWaterBytes = 1_024
                $0.limits.outputBytesMax = 1_024
            }) { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded(["ECHO", String(repeating: "x", count: 16 << 20)]) + Wire.encoded(["PING"]))
                #expect(try wire.reply().utf8.count == 16 << 20)
                #expect(try wire.reply() == "PONG")
                #expect(try wire.command("INFO", "stats").contains("output_overruns:0"))
            }
        }

        @Test("A client that takes nothing of replies beyond the hard limit is ended")
        func hardLimit() async throws {
            try await TestServer.run({
                $0.limits.outputHighWaterBytes = 1_024
                $0.limits.outputBytesMax = 1_024
                $0.limits.outputSecondsMax = 1
            }) { server in
                for index in 0..<300 {
                    _ = try await server.clinic.resolve(
                        email: "\(String(repeating: "a", count: 200))\(index)@example.com")
                }
                let wire = try Wire(port: server.port, receiveBytes: 4_096)
                let scan = Wire.encoded(["SCAN", Self.org, "0", "KIND", "EMAIL", "COUNT", "10000"])
                // Some ten megabytes of replies: more than the system keeps for a client.
                for _ in 0..<300 { try wire.send(scan) }
                let overruns = { server.server.state.metrics.outputOverrunCount.load(ordering: .relaxed) }
                let deadline = ContinuousClock.now + .seconds(60)
                while overruns() == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
                #expect(wire.isClosed())
                #expect(try server.connect().command("INFO", "stats").contains("output_overruns:1"))
            }
        }

        @Test("A client that sends all before it takes a reply is ended, and does not wait for ever")
        func endlessPipeline() async throws {
            try await TestServer.run({
                $0.limits.outputHighWaterBytes = 64 << 10
                $0.limits.outputSecondsMax = 1
            }) { server in
                let wire = try Wire(port: server.port, receiveBytes: 4_096)
                let request = Array(Wire.encoded(["ECHO", String(repeating: "x", count: 8_000)]).utf8)
                _ = try? await wire.sendUntilStalled(request, bytesMax: 200 << 20)
                let overruns = { server.server.state.metrics.outputOverrunCount.load(ordering: .relaxed) }
                let deadline = ContinuousClock.now + .seconds(60)
                while overruns() == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
                #expect(wire.isClosed())
            }
        }

        @Test("Writes beyond the limit of all connections are answered busy, and hits are not")
        func busy() async throws {
            try await TestServer.run({ $0.limits.writesPendingMax = 1 }) { server in
                _ = try await server.clinic.resolve(email: "known@example.com")
                let wire = try server.connect()
                var text = ""
                for index in 0..<200 { text += Wire.encoded(["RESOLVE", Self.org, "EMAIL", "b\(index)@example.com"]) }
                try wire.send(text)
                let other = try server.connect()
                #expect(try other.command("RESOLVE", Self.org, "EMAIL", "known@example.com").contains("matched_email"))
                let replies = try (0..<200).map { _ in try wire.reply() }
                let busyCount = replies.filter { $0.hasPrefix("-BUSY") }.count
                #expect(busyCount > 0)
                #expect(replies.contains { $0.contains("created") })
                #expect(try other.command("INFO", "stats").contains("busy_replies:\(busyCount)\r\n"))
            }
        }

        @Test("Long requests beyond their limit are answered busy, and short ones are not")
        func work() async throws {
            try await TestServer.run({ $0.limits.workPendingMax = 1 }) { server in
                let wire = try server.connect()
                let state = server.server.state
                let isReserved = ServerState.reserve(state.work.pending, max: 1)
                #expect(isReserved)
                #expect(try wire.command("SEARCH", Self.org, "nobody").hasPrefix("-BUSY"))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
                state.work.pending.subtract(1, ordering: .relaxed)
                #expect(try wire.command("SEARCH", Self.org, "nobody").contains("results"))
            }
        }

        @Test("What the library or HTTP answers with busy counts as that too")
        func busyElsewhere() async throws {
            try await TestServer.runHTTP({
                $0.limits.workPendingMax = 1
                $0.limits.writesPendingMax = 1
            }) { server in
                // The pages are about the vault's organization, so there has to be one.
                _ = try server.resolved(#"{"email":"ana@example.com"}"#)
                let state = server.server.state
                let isReserved = ServerState.reserve(state.work.pending, max: 1)
                let isReservedToo = ServerState.reserve(state.pendingWrites, max: 1)
                #expect(isReserved && isReservedToo)
                #expect(try server.ask("GET", "/api/v1/contacts?name=ana").status == 503)
                #expect(try server.ask("GET", "/en/contacts?q=ana").status == 503)
                let rows = try server.ask(
                    "POST", "/api/v1/contacts/import?kind=lead", #"{"id":"1","email":"leo@example.com"}"#,
                    headers: ["Content-Type": "application/x-ndjson"])
                #expect(try rows.lines.last?["error"]?.string == "busy")
                state.work.pending.subtract(1, ordering: .relaxed)
                state.pendingWrites.subtract(1, ordering: .relaxed)
                // Of a read that finds no room, of a server that stops, and of one that is told apart.
                state.metrics.note(Problem(VaultError(.readersFull, "all reader slots are taken")))
                state.metrics.note(Problem(CancellationError()))
                state.metrics.note(Problem(VaultError(.readOnly, "the vault is open for reading")))
                var writer = ReplyWriter(ByteBuffer(), .resp2)
                writer.error(ReplyError(VaultError(.busy, "another writer came first")), state.metrics)
                writer.error(ReplyError(VaultError(.notFound, "nobody")), state.metrics)
                #expect(try server.connect().command("INFO", "stats").contains("busy_replies:6\r\n"))
                #expect(try PrometheusText(server.server.state).text().contains("vaultdb_busy_total 6\n"))
            }
        }

        @Test("A connection may have so many writes waiting, and gets all its answers")
        func pendingOfOne() async throws {
            try await TestServer.run({
                $0.limits.connectionWritesPendingMax = 3
                // One loop, so that what another connection is answered comes behind what was begun for this one.
                $0.threads = 1
            }) { server in
                let (wire, other) = (try server.connect(), try server.connect())
                let endHold = CareTests.holdWriter(of: server)
                var text = ""
                for index in 0..<100 { text += Wire.encoded(["RESOLVE", Self.org, "EMAIL", "q\(index)@example.com"]) }
                try wire.send(text)
                let pending = { server.server.state.pendingWrites.load(ordering: .relaxed) }
                for _ in 0..<100_000 where pending() < 3 { #expect(try other.command("PING") == "PONG") }
                for _ in 0..<10 { #expect(try other.command("PING") == "PONG") }
                let waiting = pending()
                try endHold()
                #expect(waiting == 3)
                for _ in 0..<100 { #expect(try wire.reply().contains("created")) }
            }
        }

        @Test("Silent connections are closed")
        func idle() async throws {
            try await TestServer.run({ $0.limits.idleSecondsMax = 1 }) { server in
                let wire = try server.connect()
                #expect(try wire.command("PING") == "PONG")
                #expect(wire.isClosed())
            }
        }

        @Test("Connections that have shown no token are closed sooner, whatever they say")
        func unauthenticated() async throws {
            var token = ""
            try await TestServer.run(
                {
                    $0.limits.idleSecondsMax = 1_000
                    $0.limits.unauthenticatedSecondsMax = 100
                },
                prepare: {
                    token = try $0.createTokenBlocking(for: UUID(uuidString: Self.org) ?? UUID(), role: .reader).text
                }
            ) { server in
                let (known, unknown) = (try server.connect(), try server.connect())
                #expect(try known.command("AUTH", token) == "OK")
                #expect(try unknown.command("PING").hasPrefix("-NOAUTH"))
                let upkeep = Upkeep(server.server.state)
                upkeep.sweep(at: .now() + .seconds(500))
                #expect(unknown.isClosed())
                #expect(try known.command("PING") == "PONG")
                upkeep.sweep(at: .now() + .seconds(2_000))
                #expect(known.isClosed())
            }
        }

        @Test("A connection that waits for an answer is not silent, and has its time anew afterwards")
        func waitingIsNotIdle() async throws {
            try await TestServer.run({ $0.limits.idleSecondsMax = 100 }) { server in
                let (waiting, silent) = (try server.connect(), try server.connect())
                let upkeep = Upkeep(server.server.state)
                try waiting.send(Wire.encoded(["CHANGES", Self.org, "FROM", "1", "BLOCK", "0"]))
                while try !silent.command("INFO", "clients").contains("blocked_clients:1\r\n") { await Task.yield() }
                upkeep.sweep(at: .now() + .seconds(200))
                #expect(silent.isClosed())
                _ = try await server.clinic.resolve(email: "a@example.com")
                #expect(try waiting.reply().contains("sequence, :1,"))
                upkeep.sweep(at: .now() + .seconds(50))
                #expect(try waiting.command("PING") == "PONG")
            }
        }

        @Test(
            "A connection that takes a long answer is not silent, and one that takes nothing is",
            arguments: [true, false])
        func takingIsNotIdle(_ isTaken: Bool) async throws {
            let bytes = 16 << 20
            try await TestServer.run({
                // More than the system keeps for a client, and less than may wait for it.
                $0.limits.argumentBytesMax = bytes
                $0.limits.requestBytesMax = 17 << 20
                $0.limits.outputBytesMax = 32 << 20
                $0.limits.idleSecondsMax = 100
                $0.limits.outputSecondsMax = isTaken ? 60 : 1
                // One loop, so that what another connection is answered comes behind what was to be done for this one.
                $0.threads = 1
            }) { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded(["ECHO", String(repeating: "x", count: bytes)]))
                let metrics = server.server.state.metrics
                let sent = { metrics.sum { $0.bytesWritten.load(ordering: .relaxed) } }
                let deadline = ContinuousClock.now + .seconds(60)
                while sent() < bytes, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
                let upkeep = Upkeep(server.server.state)
                upkeep.sweep(at: .now() + .seconds(200))
                #expect(try server.connect().command("PING") == "PONG")
                if isTaken {
                    #expect(try wire.reply().utf8.count == bytes)
                    #expect(try wire.command("PING") == "PONG")
                } else {
                    let overruns = { metrics.outputOverrunCount.load(ordering: .relaxed) }
                    while overruns() == 0, ContinuousClock.now < deadline {
                        try await Task.sleep(for: .milliseconds(1))
                        // What its system had room for counted as taken.
                        upkeep.sweep(at: .now() + .seconds(200))
                    }
                    #expect(wire.isClosed())
                    #expect(try server.connect().command("INFO", "stats").contains("output_overruns:1\r\n"))
                }
            }
        }

        @Test("A client that takes a long answer little by little is not ended, however little that is")
        func littleByLittle() async throws {
            let bytes = 16 << 20
            try await TestServer.run({
                // More than the system keeps for a client.
                $0.limits.argumentBytesMax = bytes
                $0.limits.requestBytesMax = 17 << 20
                $0.limits.outputHighWaterBytes = 1_024
                $0.limits.outputBytesMax = 1_024
                $0.limits.outputSecondsMax = 2
            }) { server in
                let wire = try Wire(port: server.port, receiveBytes: 16_384)
                try wire.send(Wire.encoded(["ECHO", String(repeating: "x", count: bytes)]))
                // Less than the system waits for before it takes more from the server.
                let (pieces, piece) = (45, 8_192)
                for _ in 0..<pieces {
                    _ = try wire.take(piece)
                    try await Task.sleep(for: .milliseconds(100))
                }
                let isEnded = server.server.state.metrics.outputOverrunCount.load(ordering: .relaxed) > 0
                #expect(!isEnded)
                // Behind the length in its line.
                #expect(try wire.take("$\(bytes)\r\n".utf8.count + bytes + 2 - pieces * piece).last == 0x0A)
            }
        }

        @Test("The greatest settings there are overflow nothing")
        func greatest() async throws {
            try await TestServer.run({
                for (name, path) in ServerLimits.named where name.contains("seconds") {
                    $0.limits[keyPath: path] = 1 << 32
                }
                $0.drainSecondsMax = 1 << 32
                $0.slowLogMicroseconds = 1 << 40
            }) { server in
                let wire = try server.connect()
                #expect(try wire.command("PING") == "PONG")
                Upkeep(server.server.state).sweep(at: .now())
                #expect(try wire.command("PING") == "PONG")
            }
        }

        @Test("HTTP is dropped without a word, and nothing of it is done")
        func http() async throws {
            try await TestServer.run { server in
                for request in [
                    "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nRESOLVE \(Self.org) EMAIL evil@example.com\r\n",
                    "GET / HTTP/1.1\r\n\r\n", "Host: x\r\nPING\r\n", "PUT /a HTTP/1.1\r\nPING\r\n",
                ] {
                    let wire = try server.connect()
                    try wire.send(request)
                    #expect(wire.all() == "", "\(request)")
                }
                #expect(try server.clinic.find(email: "evil@example.com") == nil)
            }
        }

        @Test("What came before HTTP is answered, also in the same packet")
        func beforeHTTP() async throws {
            try await TestServer.run { server in
                for request in ["GET / HTTP/1.1\r\n\r\n", "Host: x\r\nPING\r\n"] {
                    let wire = try server.connect()
                    try wire.send("PING\r\n" + request)
                    #expect(wire.all() == "+PONG\r\n")
                    let writer = try server.connect()
                    try writer.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "ana@example.com"]) + request)
                    #expect(try writer.reply().contains("identity"))
                    #expect(writer.all() == "")
                }
            }
        }

        @Test("An error has nothing of a field's name that acts on a terminal", arguments: ["\u{1B}", "\0", "\u{7F}"])
        func unprintableField(_ sign: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                for command in [["PUT", Self.org, "lead", "z"], ["BOOK", Self.org], ["LEAD", Self.org]] {
                    try wire.send(Wire.encoded(command + ["A\(sign)[31mb", "1"]))
                    let reply = try wire.reply()
                    #expect(reply.contains("no such field; ") && !reply.contains(sign), "\(reply.debugDescription)")
                }
            }
        }

        @Test("Unknown organizations can be asked for without end and leave nothing behind")
        func organizations() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                for _ in 0..<200 {
                    #expect(try wire.command("FIND", UUID().text, "EMAIL", "a@example.com") == "nil")
                }
                #expect(try server.vault.organizations().isEmpty)
            }
        }

        @Test("A half-sent command is answered when the rest comes, and what came before it at once")
        func halfSent() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send("PING\r\n*2\r\n$4\r\nEC")
                #expect(try wire.reply() == "PONG")
                try wire.send("HO\r\n$5\r\nhel")
                try wire.send("lo\r\n")
                #expect(try wire.reply() == "hello")
            }
        }

        @Test("A client that ends its sending still gets its answers")
        func halfClosed() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send("PING\r\nRESOLVE \(Self.org) EMAIL last@example.com\r\n")
                wire.endSending()
                #expect(try wire.reply() == "PONG")
                #expect(try wire.reply().contains("created"))
                #expect(wire.isClosed())
            }
        }

        @Test("Stopping answers what was asked, closes, and leaves the vault whole")
        func shutdown() async throws {
            let server = try await TestServer()
            let wires = try (0..<5).map { _ in try server.connect() }
            for (place, wire) in wires.enumerated() {
                var text = ""
                for index in 0..<100 {
                    text += Wire.encoded(["RESOLVE", Self.org, "EMAIL", "d\(place)-\(index)@example.com"])
                }
                try wire.send(text)
                #expect(try wire.reply().contains("created"))
            }
            let waiting = try server.connect()
            try waiting.send(Wire.encoded(["CHANGES", Self.org, "FROM", "100000", "BLOCK", "0"]))
            try await server.stop()
            // One answer each has come before.
            let rest = wires.map { $0.all().components(separatedBy: "outcome").count - 1 }
            let isReset = wires.contains { $0.isReset }
            #expect(!isReset && rest.reduce(wires.count, +) == server.vault.createdCount)
            #expect(waiting.isClosed())
        }
    }
}
