// The commands of the whole person: records, contacts, merges, erasures, intake.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Whole person") struct WholePersonTests {
        private static let org = TestServer.organization
        private static let nobody = "0198c0de-0000-7000-8000-0000000000ff"

        @Test("Attributes are JSON text in every answer, whether there are any or not", arguments: [2, 3])
        func attributes(_ version: Int) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                _ = try wire.command("HELLO", "\(version)")
                for given in ["", "{}", #"{"a":[1]}"#] {
                    let put = ["PUT", Self.org, "lead", "1", "email", "j@example.com"]
                    try wire.send(Wire.encoded(given.isEmpty ? put : put + ["attributes", given]))
                    _ = try wire.reply()
                    let id = try wire.command("FIND", Self.org, "EMAIL", "j@example.com")
                    for words in [["RECORD", "lead", "1"], ["RECORDS", id], ["EXPORT", id]] {
                        try wire.send(Wire.encoded([words[0], Self.org] + words.dropFirst()))
                        let told = "attributes, \(given.isEmpty ? "{}" : given)"
                        #expect(try wire.reply().contains(told), "\(words)")
                    }
                }
            }
        }

        @Test("Records are put, listed, shown on the contact, found by name and deleted")
        func records() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let put = try wire.command(
                    "PUT", Self.org, "lead", "l1", "first_name", "José", "last_name", "Pérez", "email", "j@example.com",
                    "created_at", "2025-01-01T10:00:00Z", "active", "true", "region", "ES", "idempotency", "k")
                #expect(put.contains("change, created") && put.contains("primary_email, j@example.com"))
                let id = try wire.command("FIND", Self.org, "EMAIL", "j@example.com")
                let kept = try wire.command("PUT", Self.org, "lead", "l1", "IDENTITY", id, "KEEP", "status", "NEW")
                #expect(kept.contains("change, updated"))
                #expect(try wire.command("RECORD", Self.org, "lead", "l1").contains("j@example.com"))
                let patient = try wire.command("PUT", Self.org, "patient", "p1", "email", "j@example.com")
                #expect(patient.contains("converted_leads, [l1]"))
                #expect(try wire.command("SEARCH", Self.org, "jose per", "COUNT", "5").contains(id))
                let contact = try wire.command("CONTACT", Self.org, id)
                #expect(contact.contains("total_interactions, :2") && contact.contains("CONVERTED"))
                let newest = try wire.command("TIMELINE", Self.org, id, "COUNT", "1", "REV")
                #expect(newest.contains("patient") && !newest.contains("l1"))
                let cursor = try #require(newest.split(separator: " ").last).dropLast()
                let rest = try wire.command("TIMELINE", Self.org, id, "FROM", String(cursor), "REV")
                #expect(rest.contains("l1") && !rest.contains("p1"))
                let leads = try wire.command("RECORDS", Self.org, id, "lead", "COUNT", "10")
                #expect(leads.contains("l1") && !leads.contains("p1"))
                #expect(try wire.command("DEL", Self.org, "patient", "p1", "HARD").hasPrefix("-CONFLICT"))
                #expect(try wire.command("DEL", Self.org, "patient", "p1").contains("deactivated"))
                #expect(try wire.command("DEL", Self.org, "lead", "l1").contains("deleted"))
                #expect(try wire.command("DEL", Self.org, "lead", "l1").hasPrefix("-NOTFOUND"))
            }
        }

        @Test("A record leaves its identity only where it is told to move")
        func moves() async throws {
            try await TestServer.run { server in
                let other = try await server.clinic.resolve(email: "b@example.com").identity.id.text
                let wire = try server.connect()
                _ = try wire.command("PUT", Self.org, "lead", "1", "email", "a@example.com")
                let refused = try wire.command("PUT", Self.org, "lead", "1", "IDENTITY", other)
                #expect(refused.hasPrefix("-CONFLICT"))
                #expect(try wire.command("PUT", Self.org, "lead", "1", "MOVE", "IDENTITY", other).contains(other))
            }
        }

        @Test("Two are merged, unmerged, kept apart and erased")
        func lifecycle() async throws {
            try await TestServer.run { server in
                let a = try await server.clinic.resolve(email: "a@example.com").identity.id.text
                let b = try await server.clinic.resolve(phone: "600123456").identity.id.text
                _ = try await server.clinic.resolve(email: "a@example.com", phone: "600123456")
                let wire = try server.connect()
                #expect(try wire.command("CONFLICTS", Self.org).contains(a))
                #expect(try wire.command("MERGE", Self.org, a, b, "DRYRUN").contains("conflicts_settled, :1"))
                #expect(try wire.command("MERGES", Self.org) == "[]")
                let merged = try wire.command("MERGE", Self.org, a, b)
                let merge = String(try #require(merged.split(separator: ", ").dropFirst().first))
                #expect(try wire.command("MERGES", Self.org, "COUNT", "1").contains(merge))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == b)
                #expect(try wire.command("MERGE", Self.org, a, b).hasPrefix("-CONFLICT"))
                #expect(try wire.command("UNMERGE", Self.org, merge).contains(a))
                #expect(try wire.command("UNMERGE", Self.org, merge).hasPrefix("-NOTFOUND"))
                #expect(try wire.command("KEEPAPART", Self.org, a, b).contains("kept_apart"))
                #expect(try wire.command("KEEPAPART", Self.org, a, b).hasPrefix("-NOTFOUND"))
                #expect(try wire.command("HOLDINGS", Self.org, "EMAIL", "a@example.com").contains(a))
                #expect(try wire.command("HOLDINGS", Self.org, b).contains("+34600123456"))
                #expect(try wire.command("HOLDINGS", Self.org, b, "AT", "1999-01-01") == "[]")
                #expect(try wire.command("EXPORT", Self.org, a).contains("vaultdb-export/1"))
                #expect(try wire.command("ERASE", Self.org, a).contains(a))
                #expect(try wire.command("ERASE", Self.org, a).hasPrefix("-NOTFOUND"))
                #expect(try wire.command("ERASURES", Self.org).contains(a))
                #expect(try wire.command("FIND", Self.org, "EMAIL", "a@example.com") == "nil")
            }
        }

        @Test("Bookings and forms resolve, and make a lead or a patient")
        func intake() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let free = try wire.command("BOOK", Self.org, "email", "c@example.com", "paid", "false")
                #expect(free.contains("kind, lead") && free.contains("is_patient, :0"))
                let paid = try wire.command("BOOK", Self.org, "email", "c@example.com", "paid", "true", "id", "p")
                #expect(paid.contains("kind, patient") && paid.contains("is_patient, :1"))
                let form = try wire.command(
                    "FORM", Self.org, "SOURCE", "landing", "FIELDS", "Your e-mail", "c@example.com", "source",
                    "a friend")
                #expect(form.contains("is_patient, :1") && form.contains("email, Your e-mail"))
            }
        }

        @Test(
            "What is malformed is refused, and nothing is written",
            arguments: [
                (["SEARCH", "", "x"], "-ERR"), (["CONTACT", "no-id"], "-INVALID"), (["CONTACT", nobody], "-NOTFOUND"),
                (["TIMELINE", nobody, "FROM", "xyz"], "-INVALID"), (["TIMELINE", nobody, "NO"], "-ERR"),
                (["CONTACT", nobody, "REV"], "-ERR"), (["RECORDS", nobody, "lead", "lead"], "-ERR"),
                (["RECORDS", nobody, "Lead!"], "-INVALID"), (["PUT", "lead", "1", "colour", "red"], "-INVALID"),
                (["PUT", "lead", "1", "active", "maybe"], "-INVALID"), (["PUT", "lead", "1", "email"], "-ERR"),
                (["PUT", "lead", "1", "MOVE", "email", "a@example.com"], "-INVALID"),
                (["PUT", "lead", "1"], "-INVALID"), (["DEL", "lead", "1", "MAYBE"], "-ERR"),
                (["MERGE", nobody, "x"], "-INVALID"), (["MERGE", nobody, nobody, "NOW"], "-ERR"),
                (["UNMERGE", nobody], "-NOTFOUND"), (["KEEPAPART", nobody, nobody], "-NOTFOUND"),
                (["MERGES", "BEFORE", "x"], "-INVALID"), (["ERASURES", "NO"], "-ERR"),
                (["ERASE", nobody], "-NOTFOUND"),
                (["EXPORT", nobody], "-NOTFOUND"), (["HOLDINGS", "EMAIL", "nothing"], "-INVALID"),
                (["HOLDINGS", nobody, "AT", "noon"], "-INVALID"), (["BOOK", "paid", "perhaps"], "-INVALID"),
                (["BOOK", "first_name", "Ana"], "-INVALID"), (["FORM", "message", "hello"], "-INVALID"),
                (["FORM", "message", "hello", "email"], "-ERR"), (["RECORD", "no kind", "1"], "-INVALID"),
            ])
        func refused(_ words: [String], _ word: String) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded([words[0], Self.org] + words.dropFirst()))
                let reply = try wire.reply()
                #expect(reply.hasPrefix(word), "\(reply)")
                #expect(try server.clinic.ledger().identities == 0)
            }
        }

        @Test("Who held something is told in whatever order it is asked, and counted once the moment is chosen")
        func holdings() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                for (id, email) in [("1", "a@example.com"), ("2", "b@example.com")] {
                    _ = try wire.command("PUT", Self.org, "lead", id, "email", email)
                }
                let first = try wire.command("FIND", Self.org, "EMAIL", "a@example.com")
                _ = try wire.command("RELEASE", Self.org, "EMAIL", "a@example.com")
                let second = try wire.command("RESOLVE", Self.org, "EMAIL", "a@example.com")
                #expect(second.contains("created") && !second.contains(first))
                let (all, now) = (["HOLDINGS", Self.org, "EMAIL", "a@example.com"], "2999-01-01T00:00:00Z")
                // The first of all is over by then.
                for options in [["COUNT", "1", "AT", now], ["at", now, "count", "1"]] {
                    try wire.send(Wire.encoded(all + options))
                    let reply = try wire.reply()
                    #expect(reply.components(separatedBy: "identity_id, ").count - 1 == 1, "\(reply)")
                    #expect(!reply.contains(first), "\(reply)")
                }
            }
        }

        @Test(
            "An option or a field that may be given once is refused the second time, and nothing is written",
            arguments: [
                ["RESOLVE", "EMAIL", "a@b.example", "email", "c@d.example"],
                ["RESOLVE", "EMAIL", "a@b.example", "REGION", "ES", "REGION", "FR"],
                ["RESOLVE", "EMAIL", "a@b.example", "IDEMPOTENCY", "k", "IDEMPOTENCY", "l"],
                ["RESOLVE", "EMAIL", "a@b.example", "DRYRUN", "DRYRUN"],
                ["PUT", "lead", "1", "email", "a@b.example", "EMAIL", "c@d.example"],
                ["PUT", "lead", "1", "MOVE", "email", "a@b.example", "MOVE"],
                ["PUT", "lead", "1", "IDENTITY", nobody, "IDENTITY", nobody],
                ["BOOK", "email", "a@b.example", "paid", "true", "paid", "false"],
                ["LEAD", "email", "a@b.example", "idempotency", "k", "idempotency", "k"],
                ["FORM", "SOURCE", "a", "SOURCE", "b", "email", "a@b.example"],
                ["SCAN", "0", "KIND", "EMAIL", "KIND", "PHONE"], ["SCAN", "0", "COUNT", "1", "COUNT", "2"],
                ["TIMELINE", nobody, "REV", "REV"], ["CONFLICTS", "STATE", "open", "STATE", "merged"],
                ["HOLDINGS", nobody, "AT", "2025-01-01", "AT", "2026-01-01"], ["AUDIT", "FROM", "1", "FROM", "2"],
                ["CHANGES", "FROM", "1", "FROM", "2"], ["MERGES", "BEFORE", nobody, "BEFORE", nobody],
            ])
        func givenTwice(_ words: [String]) async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                try wire.send(Wire.encoded([words[0], Self.org] + words.dropFirst()))
                let reply = try wire.reply()
                #expect(reply.hasPrefix("-ERR ") && reply.hasSuffix(" is given twice"), "\(reply)")
                #expect(try server.clinic.ledger().identities == 0)
            }
        }

        @Test("External ids may be several, and so may a form's own fields")
        func givenOften() async throws {
            try await TestServer.run { server in
                let wire = try server.connect()
                let ids = ["external", "a:1", "external", "b:2"]
                try wire.send(Wire.encoded(["PUT", Self.org, "lead", "1"] + ids))
                #expect(try wire.reply().contains("change, created"))
                let found = try wire.command("MFIND", Self.org, "EXTERNAL", "a:1", "EXTERNAL", "b:2")
                #expect(!found.contains("nil"))
                let resolved = try wire.command("RESOLVE", Self.org, "EXTERNAL", "a:1", "EXTERNAL", "c:3")
                #expect(resolved.contains("matched_external"))
                let form = try wire.command(
                    "FORM", Self.org, "email", "f@example.com", "interest", "teeth", "interest", "braces")
                #expect(form.contains("kind, lead"))
            }
        }

        @Test(
            "Reads are for readers, records for resolvers, merging and erasing for admins",
            arguments: AccessRole.allCases)
        func roles(_ role: AccessRole) async throws {
            var token = ""
            let organization = UUID(uuidString: Self.org) ?? UUID()
            try await TestServer.run(
                prepare: { token = try $0.createTokenBlocking(for: organization, role: role).text }
            ) { server in
                let wire = try server.connect()
                #expect(try wire.command("AUTH", token) == "OK")
                let needed: [(AccessRole, [String])] = [
                    (
                        .reader,
                        [
                            "search", "contact", "timeline", "holdings", "records", "record", "merges", "conflicts",
                            "identifiers", "stat",
                        ]
                    ),
                    (.resolver, ["put", "del", "book", "form", "lead"]),
                    (
                        .admin,
                        [
                            "merge", "unmerge", "keepapart", "erase", "export", "erasures", "share", "block", "release",
                            "check",
                        ]
                    ),
                ]
                #expect(try wire.command("AUDIT", Self.org, "VERIFY").hasPrefix("-NOPERM") == (role < .admin))
                for (least, names) in needed {
                    for name in names {
                        let reply = try wire.command(name, Self.org, "x", "y")
                        #expect(reply.hasPrefix("-NOPERM") == (role < least), "\(name) \(reply)")
                    }
                }
            }
        }
    }
}
