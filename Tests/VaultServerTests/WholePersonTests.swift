// The commands of the whole person: records, contacts, merges, erasures, intake.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("Whole person") struct WholePersonTests {
        private static let org = TestServer.organization
        private static let nobody = "0198c0de-0000-7000-8000-0000000000ff"

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

        @Test(
            "Reads are for readers, records for resolvers, merging and erasing for admins",
            arguments: AccessRole.allCases)
        func roles(_ role: AccessRole) async throws {
            var token = ""
            let organization = UUID(uuidString: Self.org) ?? UUID()
            try await TestServer.run(prepare: { token = try $0.createToken(for: organization, role: role).text }) {
                server in
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
