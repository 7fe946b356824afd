// What else the library can do, over the wire: identifiers and their states, the review queue in pages, counters, checks,
// the register of erasures, leads entered by hand.

import Dispatch
import Foundation
import NIOPosix
import Synchronization
import Testing

@testable import VaultDB
@testable import VaultServer

extension ServerTests {
    @Suite("Care") struct CareTests {
        private static let org = TestServer.organization
        private static let nobody = "0198c0de-0000-7000-8000-0000000000ff"

        @Test("Identifiers are listed, shared, blocked and released")
        func identifiers() async throws {
            try await TestServer.run { server in
                let id = try await server.clinic.resolve(email: "a@example.com", phone: "600123456").identity.id.text
                let wire = try server.connect()
                let listed = try wire.command("IDENTIFIERS", Self.org, id)
                #expect(listed.contains("a@example.com") && listed.contains("+34600123456"))
                #expect(try wire.command("IDENTIFIERS", Self.org, Self.nobody).hasPrefix("-NOTFOUND"))
                let shared = try wire.command("SHARE", Self.org, "PHONE", "600 123 456")
                #expect(shared.contains("before, owned, after, shared") && shared.contains(id))
                #expect(try wire.command("FIND", Self.org, "PHONE", "600123456") == "nil")
                #expect(try wire.command("RELEASE", Self.org, "phone", "600123456").contains("after, owned"))
                #expect(try wire.command("FIND", Self.org, "PHONE", "600123456") == id)
                let blocked = try wire.command("BLOCK", Self.org, "EMAIL", "noreply@example.com")
                #expect(blocked.contains("before, nil, after, blocked"))
                let refused = try wire.command("RESOLVE", Self.org, "EMAIL", "noreply@example.com")
                #expect(refused.hasPrefix("-INVALID"))
                #expect(try wire.command("RELEASE", Self.org, "EMAIL", "noreply@example.com").contains("after, nil"))
                #expect(try wire.command("RELEASE", Self.org, "EMAIL", "noreply@example.com").hasPrefix("-NOTFOUND"))
                #expect(try wire.command("SHARE", Self.org, "EMAIL", "nothing").hasPrefix("-INVALID"))
                #expect(try wire.command("SHARE", Self.org, "NAME", "Ana").hasPrefix("-ERR"))
            }
        }

        @Test("The review queue comes in pages, each conflict once", arguments: [1, 2, 100])
        func conflicts(_ count: Int) async throws {
            try await TestServer.run { server in
                for index in 0..<5 {
                    _ = try await server.clinic.resolve(email: "c\(index)@example.com")
                    _ = try await server.clinic.resolve(phone: "60012340\(index)")
                    _ = try await server.clinic.resolve(email: "c\(index)@example.com", phone: "60012340\(index)")
                }
                let wire = try server.connect()
                _ = try wire.command("HELLO", "3")
                var (cursor, seen): (String?, [String]) = (nil, [])
                repeat {
                    let from = cursor.map { ["FROM", $0] } ?? []
                    try wire.send(Wire.encoded(["CONFLICTS", Self.org, "COUNT", "\(count)"] + from))
                    let reply = try wire.reply()
                    seen += reply.matches(of: /\+346001234\d\d/).map { String($0.output) }
                    let next = try #require(reply.firstMatch(of: /next, ([0-9a-f]+|nil)\]$/)).output.1
                    cursor = next == "nil" ? nil : String(next)
                } while cursor != nil
                #expect(seen.sorted() == (0..<5).map { "+3460012340\($0)" })
                #expect(try wire.command("CONFLICTS", Self.org, "FROM", "00").hasPrefix("-INVALID"))
                #expect(try wire.command("CONFLICTS", Self.org, "STATE", "merged") == "[results, [], next, nil]")
            }
        }

        @Test("Counters are told, entries compared, the trail walked")
        func checks() async throws {
            try await TestServer.run { server in
                for index in 0..<10 { _ = try await server.clinic.resolve(email: "s\(index)@example.com") }
                let wire = try server.connect()
                let counters = try wire.command("STAT", Self.org)
                #expect(counters.contains("identities, :10") && counters.contains("region, ES"))
                #expect(try wire.command("STAT", TestServer.other).contains("identities, :0"))
                #expect(try wire.command("CHECK", Self.org).hasPrefix("[clean, :1, entries, :"))
                #expect(
                    try wire.command("CHECK", TestServer.other)
                        == "[clean, :1, entries, :0, fault_count, :0, faults, []]")
                #expect(try wire.command("AUDIT", Self.org, "VERIFY") == "[intact, :1, events, :10, faults, []]")
                #expect(try wire.command("AUDIT", Self.org, "verify").contains("events, :10"))
                #expect(try wire.command("AUDIT", Self.org, "VERIFY", "x").hasPrefix("-ERR wrong number"))
                #expect(try wire.command("INFO", "tables").contains("table_identities:entries=10,"))
            }
        }

        @Test("A walk over everything keeps nobody waiting, and ends with its client")
        func walks() async throws {
            try await TestServer.run { server in
                _ = try await server.clinic.resolve(email: "w@example.com")
                let mayEnd = Self.holdWalks(of: server)
                let waiting = try server.connect()
                let id = try waiting.command("CLIENT", "ID").dropFirst()
                try waiting.send(Wire.encoded(["AUDIT", Self.org, "VERIFY"]))
                let other = try server.connect()
                let pending = { server.server.state.walks.pending.load(ordering: .relaxed) }
                while pending() == 0 { #expect(try other.command("PING") == "PONG") }
                // Work of other kinds goes on beside it.
                #expect(try other.command("SEARCH", Self.org, "nobody").contains("results"))
                #expect(try other.command("CLIENT", "KILL", "ID", String(id)) == ":1")
                #expect(waiting.isClosed())
                mayEnd.signal()
                while pending() > 0 { #expect(try other.command("PING") == "PONG") }
                #expect(try other.command("INFO", "commandstats").contains(/cmdstat_audit:calls=1,.*failed_calls=1/))
            }
        }

        @Test("A walk ends when its client has closed and is gone, and not while it has only ended its sending")
        func walksOfTheGone() async throws {
            try await TestServer.run({ $0.limits.keepaliveSeconds = 1 }) { server in
                _ = try await server.clinic.resolve(email: "w@example.com")
                let mayEnd = Self.holdWalks(of: server)
                let (gone, waiting) = (try server.connect(), try server.connect())
                for wire in [gone, waiting] { try wire.send(Wire.encoded(["AUDIT", Self.org, "VERIFY"])) }
                let pending = { server.server.state.walks.pending.load(ordering: .relaxed) }
                while pending() < 2 { await Task.yield() }
                waiting.endSending()
                gone.closeAndForget()
                while server.server.state.clients.count > 1 { try await Task.sleep(for: .milliseconds(10)) }
                mayEnd.signal()
                #expect(try waiting.reply() == "[intact, :1, events, :1, faults, []]")
                let other = try server.connect()
                while pending() > 0 { #expect(try other.command("PING") == "PONG") }
                let stats = try other.command("INFO", "commandstats")
                #expect(stats.contains(/cmdstat_audit:calls=2,.*failed_calls=1/))
            }
        }

        @Test("Walks beyond their own limit are answered busy, and other work is not")
        func walksMax() async throws {
            try await TestServer.run({ $0.limits.walksPendingMax = 1 }) { server in
                let mayEnd = Self.holdWalks(of: server)
                let (waiting, other) = (try server.connect(), try server.connect())
                try waiting.send(Wire.encoded(["CHECK", Self.org]))
                while try !other.command("INFO", "clients").contains("pending_walks:1\r\n") { await Task.yield() }
                #expect(try other.command("AUDIT", Self.org, "VERIFY").hasPrefix("-BUSY"))
                #expect(try other.command("SEARCH", Self.org, "nobody").contains("results"))
                mayEnd.signal()
                #expect(try waiting.reply().hasPrefix("[clean, :1"))
            }
        }

        /// Has no walk begin until the semaphore is signalled.
        private static func holdWalks(of server: TestServer) -> DispatchSemaphore {
            let (isStarted, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            server.server.state.walks.threads.submit { _ in
                isStarted.signal()
                mayEnd.wait()
            }
            isStarted.wait()
            return mayEnd
        }

        @Test("The register of erasures is played again, and its hashes forgotten")
        func erasures() async throws {
            try await TestServer.run { server in
                let a = try await server.clinic.resolve(email: "a@example.com").identity.id.text
                let wire = try server.connect()
                #expect(try wire.command("ERASURES", Self.org, "REPLAY", Self.nobody) == "[outcome, nothing_to_do]")
                #expect(try wire.command("ERASURES", Self.org, "REPLAY", a, Self.nobody) == "[outcome, erased]")
                #expect(try wire.command("ERASURES", Self.org, "REPLAY", a) == "[outcome, nothing_to_do]")
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
                #expect(try wire.command("ERASURES", Self.org, "REPLAY").hasPrefix("-ERR wrong number"))
                #expect(try wire.command("ERASURES", Self.org, "REPLAY", "x").hasPrefix("-INVALID"))
                let back = try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com", "DRYRUN")
                #expect(back.contains("previously_erased"))
                #expect(try wire.command("ERASURES", Self.org, "FORGET") == "[forgotten, :1]")
                #expect(try wire.command("ERASURES", Self.org).contains(a), "the register stays")
            }
        }

        @Test("A lead entered by hand is resolved and linked")
        func lead() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let words = ["LEAD", Self.org, "first_name", "Ana", "email", "l@example.com", "idempotency", "k"]
                try wire.send(Wire.encoded(words) + Wire.encoded(words))
                let made = try wire.reply()
                #expect(made.contains("outcome, created, record, [kind, lead"))
                #expect(try wire.reply() == made)
                let id = try wire.command("FIND", Self.org, "EMAIL", "l@example.com")
                let records = try wire.command("RECORDS", Self.org, id)
                #expect(records.contains("source, manual, status, NEW"))
                #expect(try wire.command("LEAD", Self.org, "colour", "red").hasPrefix("-INVALID"))
                #expect(try wire.command("LEAD", Self.org, "email").hasPrefix("-ERR"))
            }
        }

        @Test(
            "The events of an identity go on from the one that the page before ended with, or before it",
            arguments: ["FROM", "BEFORE"])
        func story(_ keyword: String) async throws {
            try await TestServer.run { server in
                let id = try await server.clinic.resolve(email: "x@example.com").identity.id
                for index in 0..<4 { _ = try await server.clinic.resolve(email: "x@example.com", name: "Ana \(index)") }
                let all = try server.clinic.historyPage(of: id, limit: 10).events.map(\.sequence)
                try #require(all.count == 5)
                let wire = try server.connect()
                var (told, place) = ([UInt64](), [String]())
                for _ in 0..<4 {
                    try wire.send(Wire.encoded(["AUDIT", Self.org, id.text, "COUNT", "2"] + place))
                    let page = try wire.reply()
                    told += page.matches(of: #/sequence, :(\d+)/#).compactMap { UInt64($0.output.1) }
                    place = [keyword, "\(told.last ?? 0)"]
                }
                if keyword == "FROM" { told = told.reduce(into: []) { if $0.last != $1 { $0.append($1) } } }
                #expect(told == all)
                #expect(try wire.command("AUDIT", Self.org, id.text, keyword, "9").hasPrefix("-INVALID"))
                let both = try wire.command("AUDIT", Self.org, id.text, "FROM", "2", "BEFORE", "2")
                #expect(both == "-ERR syntax error")
                #expect(try wire.command("AUDIT", Self.org, "BEFORE", "2") == "-ERR syntax error")
            }
        }

        @Test("Lists end where they are told to")
        func counts() async throws {
            try await TestServer.run({ $0.limits.answerEntriesMax = 2 }) { server in
                let id = try await server.clinic.resolve(email: "x@example.com", phone: "600123456", externals: ["a:1"])
                    .identity.id.text
                for index in 0..<3 { _ = try await server.clinic.resolve(email: "y\(index)@example.com") }
                let wire = try server.connect()
                let held = try wire.command("HOLDINGS", Self.org, id)
                #expect(held.components(separatedBy: "identifier, ").count - 1 == 2)
                #expect(
                    try wire.command("HOLDINGS", Self.org, id, "COUNT", "1").components(separatedBy: "identifier, ")
                        .count
                        - 1 == 1)
                for words in [["AUDIT", Self.org, "COUNT", "9"], ["CHANGES", Self.org, "FROM", "1", "COUNT", "9"]] {
                    try wire.send(Wire.encoded(words))
                    #expect(try wire.reply().components(separatedBy: "sequence, ").count - 1 == 2, "\(words)")
                }
            }
        }

        @Test("Lists that are told no end have no more entries than an answer may")
        func defaultCounts() async throws {
            try await TestServer.run({ $0.limits.answerEntriesMax = 2 }) { server in
                let wire = try server.connect()
                var people: [String] = []
                for index in 0..<4 {
                    let (email, phone) = ("d\(index)@example.com", "60012340\(index)")
                    people.append(
                        try await server.clinic.resolve(email: email, name: "Ana \(index)").identity.id.text)
                    _ = try await server.clinic.resolve(phone: phone)
                    _ = try await server.clinic.resolve(email: email, phone: phone)
                    _ = try wire.command("PUT", Self.org, "lead", "\(index)", "email", "d0@example.com")
                }
                for (words, part) in [
                    (["AUDIT"], "sequence, :"), (["CHANGES", "FROM", "1"], "sequence, :"),
                    (["CONFLICTS"], "first_seen, "), (["SCAN", "0", "KIND", "EMAIL"], "@example.com"),
                    (["RECORDS", people[0]], "kind, lead"), (["TIMELINE", people[0]], "kind, lead"),
                    (["SEARCH", "ana"], "display_name, "),
                ] {
                    try wire.send(Wire.encoded([words[0], Self.org] + words.dropFirst()))
                    let reply = try wire.reply()
                    #expect(reply.components(separatedBy: part).count - 1 == 2, "\(words) \(reply)")
                }
            }
        }

        @Test("A slow disk slows creates and no hit")
        func slowDisk() async throws {
            try await TestServer.run { server in
                let id = try await server.clinic.resolve(email: "known@example.com").identity.id.text
                let endHold = Self.holdWriter(of: server)
                let writers = try (0..<10).map { _ in try server.connect() }
                for (index, wire) in writers.enumerated() {
                    try wire.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "new\(index)@example.com"]))
                }
                let reader = try server.connect()
                let pending = { server.server.state.pendingWrites.load(ordering: .relaxed) }
                while pending() < writers.count { #expect(try reader.command("PING") == "PONG") }
                for _ in 0..<100 {
                    #expect(try reader.command("FIND", Self.org, "EMAIL", "known@example.com") == id)
                    #expect(try reader.command("RESOLVE", Self.org, "EMAIL", "known@example.com").contains("matched"))
                }
                #expect(pending() == writers.count, "no create is acknowledged before the disk has it")
                let info = try reader.command("INFO", "writer")
                #expect(info.contains("writer_queue:10\r\n") && info.contains("pending_writes:10\r\n"))
                try endHold()
                for wire in writers { #expect(try wire.reply().contains("outcome, created")) }
                let after = try reader.command("INFO", "writer")
                #expect(after.contains("writer_queue:0\r\n") && after.contains("pending_writes:0\r\n"))
                #expect(after.contains("writer_group_max:10\r\n"), "what waited shares one commit: \(after)")
            }
        }

        /// Has the writer hold the write lock, as it does while the disk takes its time.
        /// - Returns: what ends that.
        static func holdWriter(of server: TestServer) -> () throws -> Void {
            let (isHeld, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let write = server.vault.core.writes.submit { (_) throws(VaultError) in
                isHeld.signal()
                mayEnd.wait()
            }
            isHeld.wait()
            return {
                mayEnd.signal()
                try write.wait()
            }
        }

        /// Has another writer hold the lock that the server's needs, as another process does.
        /// - Returns: what ends that.
        static func holdLock(of server: TestServer) throws -> () throws -> Void {
            let other = try WriteQueue(engine: server.vault.core.engine)
            let (isHeld, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let write = other.submit { (_) throws(VaultError) in
                isHeld.signal()
                mayEnd.wait()
            }
            isHeld.wait()
            return {
                mayEnd.signal()
                try write.wait()
                other.close()
            }
        }

        @Test("How long the oldest write waits for another process is told")
        func oldestWait() async throws {
            try await TestServer.run({ $0.httpPort = 0 }) { server in
                let reader = try server.connect()
                #expect(try reader.command("INFO", "writer").contains("writer_oldest_wait_seconds:0\r\n"))
                let endHold = try Self.holdLock(of: server)
                let writer = try server.connect()
                try writer.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "slow@example.com"]))
                while try !reader.command("INFO", "writer").contains(/writer_oldest_wait_seconds:[1-9]/) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                let metrics = try server.ask("GET", "/metrics").text
                #expect(metrics.contains(/\nvaultdb_writer_oldest_wait_seconds [1-9]/))
                try endHold()
                #expect(try writer.reply().contains("outcome, created"))
                #expect(try reader.command("INFO", "writer").contains("writer_oldest_wait_seconds:0\r\n"))
            }
        }

        @Test("Who sends what is refused behind a write that waits is not read from for long, and gets all answers")
        func refusedBehindWrites() async throws {
            try await TestServer.run({ $0.limits.connectionWritesPendingMax = 10 }) { server in
                let endHold = Self.holdWriter(of: server)
                let wire = try server.connect()
                try wire.send(Wire.encoded(["RESOLVE", Self.org, "EMAIL", "slow@example.com"]))
                let refused = Array(Wire.encoded(["NOTHING", String(repeating: "x", count: 8_000)]).utf8)
                // The system's buffers hold some megabytes; beyond them nothing may be taken, for each costs a reply.
                let taken = try await wire.sendUntilStalled(refused, bytesMax: 60 << 20)
                #expect(taken < 60 << 20)
                try endHold()
                #expect(try wire.reply().contains("outcome, created"))
                for _ in 0..<taken / refused.count { #expect(try wire.reply().hasPrefix("-ERR unknown command")) }
            }
        }

        @Test("What is refused behind a write counts as failed too")
        func failedBehindWrites() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(
                    Wire.encoded(["RESOLVE", Self.org, "EMAIL", "a@example.com"])
                        + Wire.encoded(["RESOLVE", Self.org, "EMAIL"]))
                #expect(try wire.reply().contains("outcome, created"))
                #expect(try wire.reply().hasPrefix("-ERR"))
                let stats = try wire.command("INFO", "commandstats")
                #expect(stats.contains(/cmdstat_resolve:calls=2,.*failed_calls=1/))
            }
        }

        @Test("An identity counts as created once, whatever has created it, and not where it only would be")
        func createdCount() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let resolve = ["RESOLVE", Self.org, "EMAIL", "r@example.com", "IDEMPOTENCY", "k1"]
                let put = ["PUT", Self.org, "lead", "1", "email", "p@example.com"]
                let book = ["BOOK", Self.org, "email", "b@example.com", "idempotency", "k2"]
                let tried = ["RESOLVE", Self.org, "EMAIL", "t@example.com", "DRYRUN"]
                for words in [resolve, resolve, tried, put, put, book, book] { try wire.send(Wire.encoded(words)) }
                for _ in 0..<7 { #expect(try !wire.reply().hasPrefix("-")) }
                // A key that is known is answered without the writer as well.
                try wire.send(Wire.encoded(resolve))
                #expect(try wire.reply().contains("outcome, created"))
                _ = try await server.clinic.resolve(email: "h@example.com")
                #expect(try wire.command("INFO", "stats").contains("resolve_created:4\r\n"))
            }
        }

        @Test("Free pages of the file are none that are in use")
        func usedBytes() async throws {
            try await TestServer.run { server in
                for index in 0..<20 { _ = try await server.clinic.resolve(email: "u\(index)@example.com") }
                let information = try server.connect().command("INFO", "vault")
                func number(_ name: String) throws -> Int {
                    let line = try #require(information.split(separator: "\r\n").first { $0.hasPrefix("\(name):") })
                    return try #require(Int(line.dropFirst(name.utf8.count + 1)))
                }
                let (file, free) = (try number("vault_file_bytes"), try number("vault_free_pages") * 4_096)
                #expect(free > 0)
                #expect(try number("vault_used_bytes") + free <= file)
                let prometheus = try PrometheusText(server.server.state).text()
                let used = prometheus.firstMatch(of: /vaultdb_vault_used_bytes (\d+)\n/).flatMap { Int($0.output.1) }
                #expect((1..<file).contains(used ?? 0))
            }
        }

        @Test("Every command that was given is counted, timed and told, and so is the writer")
        func metrics() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                _ = try wire.command("RESOLVE", Self.org, "EMAIL", "m@example.com")
                _ = try wire.command("RESOLVE", Self.org, "EMAIL", "m@example.com")
                _ = try wire.command("FIND", Self.org, "EMAIL", "m@example.com")
                _ = try wire.command("FIND", Self.org, "NOTHING", "m@example.com")
                let info = try wire.command("INFO")
                for part in [
                    "cmdstat_resolve:calls=2,", "cmdstat_find:calls=2,", "failed_calls=1\r\n",
                    "latency_percentiles_usec_find:p50=", "resolve_created:1", "resolve_matched:1",
                    "resolve_conflicts:0", "writer_commits:1", "writer_writes:1", "writer_group_size:1.00",
                    "writer_group_max:1", "writer_queue:0", "vault_oldest_reader_lag:", "vault_used_percent:",
                ] {
                    #expect(info.contains(part), "\(part)")
                }
                let prometheus = try PrometheusText(server.server.state).text()
                for part in [
                    "vaultdb_command_seconds_count{command=\"resolve\"} 2", "vaultdb_resolve_created_total 1",
                    "vaultdb_resolve_matched_total 1", "vaultdb_writer_queue 0", "vaultdb_writer_group_max 1",
                    "vaultdb_oldest_reader_lag ", "vaultdb_vault_used_bytes ",
                    "vaultdb_command_errors_total{command=\"find\"} 1", "vaultdb_connections_blocked 0\n",
                    "vaultdb_connections_accepted_total 1\n", "vaultdb_work_pending 0\n",
                    "vaultdb_walks_pending 0\n", "vaultdb_writes_pending 0\n", "vaultdb_output_overruns_total 0\n",
                    "vaultdb_received_bytes_total ", "vaultdb_sent_bytes_total ", "vaultdb_vault_file_bytes ",
                    "vaultdb_vault_free_bytes ", "vaultdb_readers_max ", "\nprocess_start_time_seconds 1",
                ] {
                    #expect(prometheus.contains(part), "\(part)")
                }
            }
        }
    }
}
