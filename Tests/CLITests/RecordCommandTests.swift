import Foundation
import Testing

@Suite("put, records and delete: the records of a person")
struct RecordCommandTests {
    @Test func putFindsOrCreatesWhoseItIs() throws {
        let place = try Workplace.withVault()
        let words = [
            "put", "lead", "1042", "first_name=Ana", "last_name=Ruiz", "email= ANA@Example.com ", "phone=600 123 456",
            "external=instagram:ana.ruiz", "external=stripe:cus_1", "source=web", "status=NEW",
            "created_at=2025-01-31T09:30:00Z", "attributes={\"n\": [1]}", "attr.treatment=implant", "--json",
        ]
        let put = try place.start(words).end().object
        #expect(put["change"] as? String == "created")
        #expect(put["kind"] as? String == "lead" && put["id"] as? String == "1042")
        #expect((put["converted_leads"] as? [Any])?.isEmpty == true)
        let resolution = try #require(put["resolution"] as? [String: Any])
        #expect(resolution["outcome"] as? String == "created")
        #expect(resolution["primary_email"] as? String == "ana@example.com")
        let id = try #require(put["identity_id"] as? String)

        let page = try place.document("records", id)
        #expect(page["next"] is NSNull)
        let record = try #require((page["results"] as? [[String: Any]])?.first)
        #expect(record["first_name"] as? String == "Ana" && record["last_name"] as? String == "Ruiz")
        #expect(record["phone"] as? String == "600 123 456")
        #expect(record["created_at"] as? String == "2025-01-31T09:30:00Z")
        #expect(record["is_active"] as? Bool == true)
        let attributes = try #require(record["attributes"] as? [String: Any])
        #expect(attributes["n"] as? [Int] == [1] && attributes["treatment"] as? String == "implant")

        let again = try place.run("put", "lead", "1042", "--keep", "status=LOST", "active=false")
        #expect(again.status == 0 && again.output.contains("updated"), "\(again.errors)")
        let text = try place.run("records", id).output
        #expect(text.contains("LOST, inactive") && text.contains("Ana Ruiz") && text.contains("1042"))
        try place.expectClean()
    }

    @Test func withoutKeepARecordIsReplaced() throws {
        let place = try Workplace.withVault()
        let put = try place.document("put", "lead", "1", "first_name=Ana", "email=a@example.com", "source=web")
        let id = try #require(put["identity_id"] as? String)
        #expect(try place.document("put", "lead", "1", "email=a@example.com")["change"] as? String == "updated")
        #expect(try place.document("put", "lead", "1", "email=a@example.com")["change"] as? String == "unchanged")
        let record = try #require((try place.document("records", id)["results"] as? [[String: Any]])?.first)
        #expect(record["first_name"] is NSNull && record["source"] is NSNull)
    }

    @Test func aRecordMovesOnlyWhereThatIsSaid() throws {
        let place = try Workplace.withVault()
        let other = try place.person("--email", "b@example.com")
        try place.run("put", "lead", "1", "email=a@example.com")
        expectOneLineError(
            try place.run("put", "lead", "1", "--identity", other), status: 1, containing: "(the option move)")
        let moved = try place.document("put", "lead", "1", "--identity", other, "--move", "--keep")
        #expect(moved["change"] as? String == "moved")
        #expect(moved["identity_id"] as? String == other)
        try place.expectClean()
    }

    @Test func theFirstPatientConvertsLeads() throws {
        let place = try Workplace.withVault()
        try place.run("put", "lead", "1", "email=a@example.com")
        #expect(try place.run("put", "patient", "p", "email=a@example.com").output.contains("converted lead  1\n"))
        let put = try place.document("put", "patient", "p2", "email=a@example.com")
        #expect((put["converted_leads"] as? [Any])?.isEmpty == true)
    }

    @Test func aRepeatedIdempotencyKeyGivesTheFirstAnswer() throws {
        let place = try Workplace.withVault()
        let first = try place.run("put", "lead", "1", "email=a@example.com", "--idempotency-key", "k", "--json")
        let second = try place.run("put", "lead", "2", "email=b@example.com", "--idempotency-key", "k", "--json")
        #expect(first.output == second.output)
        expectOneLineError(
            try place.run("resolve", "--email", "a@example.com", "--idempotency-key", "k"), status: 1,
            containing: "another kind of call")
    }

    @Test(arguments: [
        (["lead", "1", "nonsense"], 2, "field=value"),
        (["lead", "1", "colour=blue", "email=a@example.com"], 2, "first_name"),
        (["lead", "1", "email=a@example.com", "email=b@example.com"], 2, "twice"),
        (["lead", "1", "email=a@example.com", "attr.a=1", "attr.a=2"], 2, "twice"),
        (["lead", "1", "email=a@example.com", "attributes={\"a\":1}", "attr.a=2"], 2, "twice"),
        (["lead", "1", "email=a@example.com", "attributes=[1]"], 2, "no JSON object"),
        (["lead", "1", "email=a@example.com", "attributes=[1]", "attr.a=2"], 2, "no JSON object"),
        (["lead", "1", "email=a@example.com", "attributes={\"a\":1,\"a\":2}", "attr.b=2"], 2, "has 'a' twice"),
        (["Lead!", "1", "email=a@example.com"], 2, "lower-case"),
        (["lead", "", "email=a@example.com"], 2, "1 to 200"),
        (["lead", "1", "email=a@example.com", "created_at=1969-12-31T23:59:59Z"], 2, "1970 to 9999"),
        (["lead", "1", "email=a@example.com", "created_at=10000-01-01"], 2, "1970 to 9999"),
        (["lead", "1", "email=a@example.com", "active=perhaps"], 2, "true nor false"),
        (["lead", "1", "email=a@example.com", "--move"], 2, "--identity"),
        (["lead", "1", "email=a@example.com", "--identity", "42"], 2, "UUID"),
        (["lead", "1", "phone=12"], 1, "no usable"),
        (["lead", "1", "--identity", "11111111-2222-4333-8444-555555555555"], 3, "no identity"),
    ])
    func badInputWritesNothing(_ words: [String], _ status: Int, _ part: String) throws {
        let place = try Workplace.withVault()
        let before = try place.counters()
        expectOneLineError(try place.start(["put"] + words).end(), status: Int32(status), containing: part)
        #expect(try place.counters() == before)
    }

    /// Two names that look alike, and digits that are more than a `Double` has.
    @Test func singleAttributesGoBehindTheObject() throws {
        let place = try Workplace.withVault()
        let object = "attributes={\"\u{E9}\": 12345678901234567890.10 } "
        let put = try place.run("put", "lead", "1", "email=a@example.com", object, "attr.e\u{301}=2")
        #expect(put.status == 0, "\(put.errors)")
        let stored = "{\"\u{E9}\":12345678901234567890.10,\"e\u{301}\":\"2\"}"
        let record = Data(try place.run("record", "lead", "1", "--json").output.utf8)
        #expect(record.range(of: Data(stored.utf8)) != nil)
    }

    @Test func attributesHaveABound() throws {
        let place = try Workplace.withVault()
        let long = "attributes={\"a\":\"\(String(repeating: "x", count: 17_000))\"}"
        expectOneLineError(
            try place.run("put", "lead", "1", "email=a@example.com", long), status: 2, containing: "16384 bytes")
        #expect(try place.counters()["records"] == 0)
    }

    @Test func recordsArePagedByKindAndInEitherOrder() throws {
        let place = try Workplace.withVault()
        var id = ""
        for day in 1...5 {
            let kind = day == 3 ? "patient" : "lead"
            let put = try place.document(
                "put", kind, "r\(day)", "email=a@example.com", "created_at=2025-01-0\(day)")
            id = try #require(put["identity_id"] as? String)
        }
        func ids(_ words: String...) throws -> ([String], next: String?) {
            let page = try place.start(["records", id, "--json"] + words).end().object
            let records = try #require(page["results"] as? [[String: Any]])
            return (records.compactMap { $0["id"] as? String }, page["next"] as? String)
        }
        #expect(try ids().0 == ["r1", "r2", "r3", "r4", "r5"])
        #expect(try ids("--kind", "patient").0 == ["r3"])
        let first = try ids("--newest-first", "--limit", "2")
        #expect(first.0 == ["r5", "r4"])
        let next = try #require(first.next)
        #expect(try ids("--newest-first", "--limit", "2", "--from", next).0 == ["r3", "r2"])
        let hint = try place.run("records", id, "--limit", "2", "--newest-first").output
        #expect(hint.contains("next page: vaultdb records \(id) --from \(next) --limit 2 --newest-first"))
        #expect(try place.run("records", id, "--kind", "follower").output == "no records\n")
        expectOneLineError(try place.run("records", id, "--from", "zz"), status: 2, containing: "cursor")
        expectOneLineError(try place.run("records", id, "--limit", "10001"), status: 2, containing: "10000")
        expectOneLineError(
            try place.run("records", "11111111-2222-4333-8444-555555555555"), status: 3, containing: "no identity")
    }

    @Test func deleteKeepsTheRulesOfRetention() throws {
        let place = try Workplace.withVault()
        for (kind, id) in [("lead", "1"), ("lead", "2"), ("patient", "p")] {
            try place.run("put", kind, id, "email=a@example.com")
        }
        #expect(try place.document("delete", "lead", "1")["change"] as? String == "deleted")
        #expect(try place.document("delete", "lead", "2", "--soft")["change"] as? String == "deactivated")
        expectOneLineError(try place.run("delete", "patient", "p", "--hard"), status: 1, containing: "never deleted")
        #expect(try place.run("delete", "patient", "p").output.contains("deactivated"))
        #expect(try place.run("delete", "patient", "p").output.contains("unchanged"))
        expectOneLineError(try place.run("delete", "lead", "1"), status: 3)
        expectOneLineError(try place.run("delete", "lead", "2", "--soft", "--hard"), status: 2)
        expectOneLineError(try place.run("delete", "No Kind", "2"), status: 2, containing: "lower-case")
        try place.expectClean()
    }
}
