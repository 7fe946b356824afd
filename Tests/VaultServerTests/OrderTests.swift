// The order of replies, and what a command sees of those before it on its connection.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Order") struct OrderTests {
        private static let org = TestServer.organization

        private static func request(_ words: String...) -> String { Wire.encoded(words) }

        @Test("Hits, creates, errors and other commands of one pipeline are answered in their order")
        func pipeline() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                var text = ""
                for index in 0..<50 {
                    text += Self.request("RESOLVE", Self.org, "EMAIL", "p\(index)@example.com")
                    text += Self.request("FIND", Self.org, "EMAIL", "p\(index)@example.com")
                    text += Self.request("ECHO", "\(index)")
                    text += Self.request("FIND", Self.org, "NOTHING", "x")
                }
                try wire.send(text)
                for index in 0..<50 {
                    let created = try wire.reply()
                    #expect(created.contains("outcome, created"))
                    #expect(created.contains(try wire.reply()), "the find of its own create")
                    #expect(try wire.reply() == "\(index)")
                    #expect(try wire.reply().hasPrefix("-ERR"))
                }
            }
        }

        @Test("Many connections that ask at once are each answered what they asked, in their order")
        func manyAtOnce() async throws {
            try await TestServer.run { server in
                let wires = try (0..<150).map { _ in try server.connect() }
                let large = String(repeating: "x", count: 9_000)
                for round in 0..<4 {
                    for (index, wire) in wires.enumerated() {
                        let email = "m\(round)-\(index)@example.com"
                        // Some have their answers at once, some wait for the writer, and some have more than others.
                        var text = Self.request("FIND", Self.org, "EMAIL", "m\(round - 1)-\(index)@example.com")
                        if index % 3 == 0 { text += Self.request("RESOLVE", Self.org, "EMAIL", email) }
                        for _ in 0..<(index % 7) { text += Self.request("ECHO", large) }
                        text += Self.request("FIND", Self.org, "EMAIL", email)
                        try wire.send(text)
                    }
                    for (index, wire) in wires.enumerated() {
                        #expect((try wire.reply() == "nil") == (round == 0 || index % 3 != 0))
                        if index % 3 == 0 { #expect(try wire.reply().contains("outcome, created")) }
                        for _ in 0..<(index % 7) { #expect(try wire.reply() == large) }
                        #expect((try wire.reply() == "nil") == (index % 3 != 0))
                    }
                }
            }
        }

        @Test("All that came before the end of a stream is answered, however much it is")
        func muchBeforeTheEnd() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let request = Self.request("FIND", Self.org, "EMAIL", "nobody@example.com")
                let count = (4 << 20) / request.utf8.count
                try wire.send(String(repeating: request, count: count))
                wire.endSending()
                #expect(wire.all().utf8.count == count * "$-1\r\n".utf8.count)
            }
        }

        @Test("HTTP behind creates ends the connection, and nothing else")
        func httpBehindCreates() async throws {
            try await TestServer.run { server in
                for round in 0..<5 {
                    let wire = try server.connect()
                    let creates = (0..<200).map { index in
                        Self.request("RESOLVE", Self.org, "EMAIL", "h\(round)-\(index)@example.com")
                    }
                    try wire.send(creates.joined() + "GET / HTTP/1.1\r\n")
                    _ = wire.all()
                }
                #expect(try server.connect().command("ECHO", "there") == "there")
            }
        }

        @Test("Who waits for changes and is gone takes no place")
        func goneWhileWaiting() async throws {
            try await TestServer.run { server in
                for _ in 0..<50 {
                    let wire = try server.connect()
                    try wire.send(Self.request("CHANGES", Self.org, "FROM", "999999999", "BLOCK", "0"))
                    wire.reset()
                }
                let other = try server.connect()
                for _ in 0..<200 where try !other.command("INFO", "clients").contains("blocked_clients:0") {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(try other.command("INFO", "clients").contains("blocked_clients:0"))
            }
        }

        /// Known and unknown people, spellings of all kinds, and what is not a lookup.
        private static func lookups(_ people: Int) -> [[String]] {
            let other = "00000000-0000-4000-8000-000000000099"
            return (0..<people).flatMap { index -> [[String]] in
                let (email, phone) = ("l\(index)@example.com", "+346\(20_000_000 + index)")
                let pairs = (0..<index).flatMap { ["EMAIL", "l\($0 * 2)@example.com"] }
                return [
                    ["FIND", org, "EMAIL", email], ["RESOLVE", org, "EMAIL", email, "PHONE", phone],
                    ["find", org, "phone", phone], ["FIND", org, "PHONE", String(phone.dropFirst(3))],
                    ["FIND", org, "EMAIL", email.uppercased()], ["FIND", org, "EMAIL", "nobody\(index)@example.com"],
                    ["RESOLVE", org, "PHONE", phone], ["FIND", other, "EMAIL", email], ["ECHO", "\(index)"],
                    ["FIND", org, "EXTERNAL", "ig:\(index)"], ["FIND", org, "EMAIL"], ["NOTHING", org],
                    ["RESOLVE", org, "EMAIL", email, "DRYRUN"], ["MFIND", org, "PHONE", phone] + pairs,
                    ["FIND", org, "EMAIL", String(repeating: "x", count: 90) + "@example.com"],
                ]
            }
        }

        @Test("Lookups that come together are answered as they are one by one", arguments: [Int.max, 700, 61])
        func lookupsTogether(_ chunk: Int) async throws {
            try await TestServer.run { server in
                for index in 0..<40 {
                    _ = try server.clinic.resolveBlocking(
                        ResolveRequest(
                            email: "l\(index)@example.com", phone: "+346\(20_000_000 + index)",
                            externals: ["ig:\(index)"]
                        ))
                }
                let commands = Self.lookups(50).map(Wire.encoded)
                // Those that are not there yet are made now.
                let (one, together) = (try server.connect(), try server.connect())
                for command in commands {
                    try one.send(command)
                    _ = try one.reply()
                }
                var answers: [String] = []
                for command in commands {
                    try one.send(command)
                    answers.append(try one.reply())
                }
                var rest = Array(commands.joined().utf8)[...]
                while !rest.isEmpty {
                    try together.send(rest.prefix(chunk))
                    rest = rest.dropFirst(chunk)
                }
                for answer in answers { #expect(try together.reply() == answer) }
            }
        }

        @Test("Writes of one pipeline share commits, and the second of two alike matches the first")
        func writes() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                var text = ""
                for index in 0..<500 {
                    text += Self.request("RESOLVE", Self.org, "EMAIL", "w\(index)@example.com")
                    text += Self.request(
                        "RESOLVE", Self.org, "EMAIL", "w\(index)@example.com", "PHONE", "+346\(10_000_000 + index)")
                    text += Self.request("RESOLVE", Self.org, "EMAIL")
                }
                try wire.send(text)
                for _ in 0..<500 {
                    #expect(try wire.reply().contains("outcome, created"))
                    let second = try wire.reply()
                    #expect(second.contains("outcome, matched_email"))
                    #expect(second.contains("enriched, [+346"))
                    #expect(try wire.reply().hasPrefix("-ERR"))
                }
                #expect(server.vault.writerStatistics.commits < 500)
                #expect(try server.clinic.ledger().identities == 500)
            }
        }

        @Test("A record put is there for the next command of its connection")
        func ownRecord() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                var text = ""
                for index in 0..<20 {
                    text += Self.request(
                        "PUT", Self.org, "lead", "\(index)", "email", "r\(index)@example.com", "status", "NEW")
                    text += Self.request("RECORD", Self.org, "lead", "\(index)")
                }
                try wire.send(text)
                for index in 0..<20 {
                    #expect(try wire.reply().contains("change, created"))
                    #expect(try wire.reply().contains("r\(index)@example.com"))
                }
            }
        }

        @Test("A write is answered as done, whatever becomes of its identity before the answer")
        func erasedBeforeTheAnswer() async throws {
            try await TestServer.run { server in
                let put = try server.clinic.putBlocking(
                    RecordDraft(kind: .lead, id: "1", firstName: "Ana", email: "gone@example.com"))
                let written = Command.Written(identity: put.identity, json: put.json)
                let identity = try server.clinic.identity(put.identity)?.identity
                #expect(try identity != nil && written.reply(in: server.clinic) == put.json(identity))
                _ = try server.clinic.eraseBlocking(put.identity)
                #expect(try written.reply(in: server.clinic) == put.json(nil))
            }
        }

        @Test("Many connections that resolve one person at once get one identity")
        func race() async throws {
            try await TestServer.run { server in
                let wires = try (0..<20).map { _ in try server.connect() }
                for wire in wires { try wire.send(Self.request("RESOLVE", Self.org, "EMAIL", "one@example.com")) }
                let replies = try wires.map { try $0.reply() }
                #expect(replies.filter { $0.contains("outcome, created") }.count == 1)
                #expect(try server.clinic.ledger().identities == 1)
            }
        }

        @Test("A hit says on bytes what the library says", arguments: [2, 3])
        func hits(_ version: Int) async throws {
            try await TestServer.run { server in
                let made = try await server.clinic.resolve(
                    email: "ana@example.com", phone: "600 123 456", externals: ["stripe:c1"], name: "Ana Ruiz")
                let wire = try server.connect()
                _ = try wire.command("HELLO", "\(version)")
                let id = made.identity.id.text
                let questions: [(words: [String], matched: String)] = [
                    (["EMAIL", "ana@example.com"], "ana@example.com"),
                    (["EMAIL", " ANA@Example.com "], "ana@example.com"),
                    (["PHONE", "+34600123456"], "+34600123456"), (["PHONE", "600123456"], "+34600123456"),
                    (["PHONE", "0034 600 123 456"], "+34600123456"), (["EXTERNAL", "stripe:c1"], "stripe:c1"),
                    (["EMAIL", "ana@example.com", "PHONE", "600123456", "NAME", "Ana Ruiz"], "ana@example.com"),
                    (["email", "ana@example.com", "source", "web form"], "ana@example.com"),
                    (["EMAIL", "ana@example.com", "PHONE", "12"], "ana@example.com"),
                ]
                for (words, matched) in questions {
                    try wire.send(Wire.encoded(["RESOLVE", Self.org] + words))
                    let reply = try wire.reply()
                    #expect(reply.hasPrefix("[identity, \(id), outcome, matched_"), "\(words)")
                    #expect(reply.contains("matched, \(matched), enriched, [], conflicts, []"), "\(words)")
                    #expect(reply.contains("sequence, :\(made.sequence)"), "\(words)")
                    if words.count == 2 {
                        try wire.send(Wire.encoded(["FIND", Self.org] + words))
                        #expect(try wire.reply() == id, "\(words)")
                    }
                }
                #expect(try server.clinic.ledger().sequence == made.sequence, "a hit writes nothing")
            }
        }

        @Test(
            "An email that is no text counts as none, and is warned of",
            arguments: [[], ["REGION", "ES"]] as [[String]])
        func emailNoText(_ more: [String]) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let words = ["RESOLVE", Self.org, "PHONE", "600123456"] + more + ["EMAIL", "a@\u{1}"]
                let bytes: [UInt8] = Wire.encoded(words).utf8.map { $0 == 0x01 ? 0xFF : $0 }
                for outcome in ["created", "matched_phone"] {
                    try wire.send(bytes: bytes)
                    let reply = try wire.reply()
                    #expect(reply.contains("outcome, \(outcome)") && reply.contains("invalid_email"), "\(reply)")
                }
            }
        }

        @Test("MFIND answers in order, with nulls where nobody is")
        func findMany() async throws {
            try await TestServer.run { server in
                let ana = try await server.clinic.resolve(email: "ana@example.com", phone: "600123456")
                let bob = try await server.clinic.resolve(externals: ["wa:1"])
                let wire = try server.connect()
                let reply = try wire.command(
                    "MFIND", Self.org, "EMAIL", "ana@example.com", "PHONE", "600999999", "EXTERNAL", "wa:1", "PHONE",
                    "600123456")
                let (one, two) = (ana.identity.id.text, bob.identity.id.text)
                #expect(reply == "[\(one), nil, \(two), \(one)]")
                #expect(try wire.command("MFIND", Self.org, "EMAIL").hasPrefix("-ERR wrong number"))
                #expect(try wire.command("MFIND", Self.org, "EMAIL", "a@b.c", "NO", "x").hasPrefix("-ERR"))
            }
        }

        @Test("A dry run says what would happen and writes nothing")
        func dryRun() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let reply = try wire.command("RESOLVE", Self.org, "EMAIL", "new@example.com", "DRYRUN")
                #expect(reply.hasPrefix("[identity, nil, outcome, created"))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "new@example.com") == "nil")
            }
        }

        @Test("An idempotency key gives the first answer again")
        func idempotency() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let words = ["RESOLVE", Self.org, "EMAIL", "i@example.com", "IDEMPOTENCY", "k1"]
                try wire.send(Wire.encoded(words) + Wire.encoded(words))
                let first = try wire.reply()
                #expect(first.contains("created"))
                #expect(try wire.reply() == first)
            }
        }

        @Test("A walk sees every entry once, in pages of any size", arguments: [1, 3, 100])
        func scan(_ count: Int) async throws {
            try await TestServer.run { server in
                for index in 0..<10 {
                    _ = try await server.clinic.resolve(email: "s\(index)@example.com", phone: "60012340\(index)")
                }
                let wire = try server.connect()
                for (kind, prefix, expected) in [("EMAIL", "", 10), ("PHONE", "+346001234", 10), ("IDENTITY", "", 10)] {
                    let seen = try Self.walk(wire, kind, prefix, count)
                    let perEntry = kind == "IDENTITY" ? 1 : 2
                    #expect(seen.count == expected * perEntry, "\(kind) \(seen)")
                    if perEntry == 1 { #expect(Set(seen).count == expected) }
                }
            }
        }

        @Test("A walk over ids gives those that begin as its prefix, at whatever digit it ends", arguments: [1, 100])
        func idPrefixes(_ count: Int) async throws {
            try await TestServer.run { server in
                var ids: [String] = []
                for index in 0..<5 {
                    ids.append(try await server.clinic.resolve(email: "i\(index)@example.com").identity.id.text)
                }
                func digits(_ id: String) -> String { id.replacing("-", with: "") }
                let wire = try server.connect()
                for length in 0...32 {
                    for prefix in ["", "0", "f"].map({ digits(ids[2]).prefix(length) + $0 }) where prefix.count <= 32 {
                        let seen = try Self.walk(wire, "IDENTITY", String(prefix), count)
                        #expect(Set(seen) == Set(ids.filter { digits($0).hasPrefix(prefix) }), "\(prefix)")
                    }
                }
                let words = ["SCAN", Self.org, "0", "PREFIX"]
                try wire.send(Wire.encoded(words + [digits(ids[2]) + "0"]) + Wire.encoded(words + ["x"]))
                #expect(try wire.reply().hasPrefix("-INVALID"))
                #expect(try wire.reply().hasPrefix("-INVALID"))
                let cursor = digits(ids[2])
                let other = String(cursor.prefix(30)) + (cursor.dropFirst(30).first == "0" ? "1" : "0")
                #expect(try wire.command("SCAN", Self.org, cursor, "PREFIX", other).hasPrefix("-INVALID"))
            }
        }

        /// The words of all pages of a walk.
        private static func walk(_ wire: Wire, _ kind: String, _ prefix: String, _ count: Int) throws -> [String] {
            var (cursor, seen): (String, [String]) = ("0", [])
            repeat {
                let reply = try wire.command("SCAN", org, cursor, "KIND", kind, "PREFIX", prefix, "COUNT", "\(count)")
                let parts = reply.dropFirst().split(separator: ", ", maxSplits: 1)
                cursor = String(parts[0])
                seen += parts[1].split(separator: ", ").map { $0.trimmingCharacters(in: ["[", "]"]) }
                    .filter { !$0.isEmpty }
            } while cursor != "0"
            return seen
        }
    }
}
