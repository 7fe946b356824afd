import Foundation
import Testing

@Suite("Commands about people, in text and as the contract's JSON")
struct PeopleTests {
    private func resolved(_ place: Workplace, _ words: String...) throws -> [String: Any] {
        let result = try place.start(["resolve", "--json"] + words).end()
        #expect(result.status == 0, "\(result.errors)")
        return try result.object
    }

    @Test func resolveExplainsItsAnswer() throws {
        let place = try Workplace.withVault()
        let made = try resolved(place, "--email", "  John@Example.COM ", "--name", "John Doe")
        #expect(
            Set(made.keys) == [
                "identity_id", "outcome", "matched", "primary_email", "primary_phone", "enriched", "conflicts",
                "warnings", "sequence",
            ])
        #expect(made["outcome"] as? String == "created")
        #expect(made["primary_email"] as? String == "john@example.com")
        #expect(made["primary_phone"] is NSNull)
        let matched = try resolved(place, "--email", "john@example.com", "--phone", "600 123 456")
        #expect(matched["identity_id"] as? String == made["identity_id"] as? String)
        #expect(matched["outcome"] as? String == "matched_email")
        #expect(matched["enriched"] as? [String] == ["+34600123456"])
        #expect(matched["primary_phone"] as? String == "+34600123456")
        let text = try place.run("resolve", "--phone", "600 123 456", "--email", "12")
        #expect(text.status == 0)
        #expect(text.output.contains("matched_phone"))
        #expect(text.output.contains("invalid_email"))
    }

    @Test func aDryRunWritesNothing() throws {
        let place = try Workplace.withVault()
        let before = try place.counters()
        let answer = try resolved(place, "--dry-run", "--email", "new@example.com")
        #expect(answer["outcome"] as? String == "created")
        #expect(answer["identity_id"] is NSNull)
        #expect(try place.counters() == before)
        #expect(try place.run("resolve", "--dry-run", "--email", "new@example.com").output.contains("a new one"))
    }

    @Test func nothingUsableIsAFailure() throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.run("resolve", "--phone", "12"), status: 1)
    }

    @Test func aRepeatedIdempotencyKeyGivesTheFirstAnswer() throws {
        let place = try Workplace.withVault()
        let first = try place.run("resolve", "--email", "a@example.com", "--idempotency-key", "k", "--json")
        let second = try place.run("resolve", "--email", "b@example.com", "--idempotency-key", "k", "--json")
        #expect(first.output == second.output)
    }

    @Test func findPrintsTheIdentityByEachOfItsIdentifiers() throws {
        let place = try Workplace.withVault()
        let id = try #require(
            try resolved(
                place, "--email", "ana@example.com", "--phone", "600123456", "--external", "stripe:cus_1", "--name",
                "Ana")[
                    "identity_id"] as? String)
        let ways = [
            ["--email", "ANA@example.com"], ["--phone", "600 123 456"], ["--external", "stripe:cus_1"], ["--id", id],
        ]
        for way in ways {
            let found = try place.start(["find", "--json"] + way).end().object
            #expect(found["identity_id"] as? String == id)
            #expect(found["emails"] as? [String] == ["ana@example.com"])
            #expect(found["phones"] as? [String] == ["+34600123456"])
            #expect(found["external"] as? [String] == ["stripe:cus_1"])
            #expect(found["is_merged"] as? Bool == false)
            let names = [
                "primary_email", "primary_phone", "created_at", "updated_at", "merged_with", "redirected_from",
            ]
            #expect(Set(names).isSubset(of: found.keys))
            #expect(try place.start(["find"] + way).end().output.contains(id))
        }
    }

    @Test(arguments: [
        ["find", "--email", "nobody@example.com"], ["find", "--email", "nonsense"], ["find", "--phone", "12"],
        ["find", "--external", "x:y"], ["find", "--id", "11111111-2222-4333-8444-555555555555"],
        ["identifiers", "11111111-2222-4333-8444-555555555555"], ["audit", "11111111-2222-4333-8444-555555555555"],
        ["get", "by_email", "nobody@example.com"], ["release", "--email", "nobody@example.com"],
        ["stat", "--org", "11111111-2222-4333-8444-555555555555"],
    ])
    func whatIsNotThereEndsWithThree(_ words: [String]) throws {
        let place = try Workplace.withVault()
        let result = try place.start(words).end()
        expectOneLineError(result, status: 3)
        #expect(result.output.isEmpty)
    }

    @Test func adviceAboutWhatIdentifiesNobodyCanBePasted() throws {
        let place = try Workplace.withVault()
        // A mark makes another character of the quote that it stands on, though not to a shell.
        for (external, word) in [
            ("stripe:cus 1", "'stripe:cus 1'"), ("stripe:o'\u{301}x", "'stripe:o'\\''\u{301}x'"),
        ] {
            try place.run("resolve", "--email", "ana@example.com", "--external", external)
            try place.run("block", "--external", external)
            expectOneLineError(
                try place.run("find", "--external", external), status: 3,
                containing: "vaultdb get by_external \(word) shows it")
        }
    }

    @Test func theReasonIsTheSameInAnotherRegion() throws {
        let place = try Workplace.withVault()
        try place.run("resolve", "--phone", "+351912345678")
        try place.run("block", "--phone", "+351912345678")
        for (words, part) in [
            (["--phone", "912 345 678"], "shared or blocked"),
            (["--phone", "12"], "not a valid phone number in region PT"),
            (["--email", "nonsense"], "not a usable email"), (["--email", "nobody@example.com"], "no identity"),
        ] {
            expectOneLineError(
                try place.start(["find", "--region", "PT"] + words).end(), status: 3, containing: part)
        }
    }

    /// Looked up, nobody has it; named to be changed, it is wrong usage. Either way the reason is told.
    @Test(arguments: [
        ("--email", "nonsense", "check how it is written"), ("--phone", "12", "country code"),
        ("--external", "whatsapp:abc", "no id that whatsapp gives out, so it never matches anybody; give a phone"),
        ("--external", "nonsense", "stripe:cus_123"),
    ])
    func anUnusableIdentifierHasOneReasonEverywhere(_ option: String, _ text: String, _ part: String) throws {
        let place = try Workplace.withVault()
        for command in ["find", "contact", "identifiers"] {
            expectOneLineError(try place.run(command, option, text), status: 3, containing: part)
        }
        for command in ["share", "block", "release"] {
            expectOneLineError(try place.run(command, option, text), status: 2, containing: part)
        }
    }

    @Test func identifiersListsThemWithTheirState() throws {
        let place = try Workplace.withVault()
        let id = try #require(
            try resolved(place, "--email", "ana@example.com", "--source", "form")["identity_id"] as? String)
        let list = try place.run("identifiers", id, "--json").list
        #expect(list.count == 1)
        #expect(list[0]["identifier"] as? String == "ana@example.com")
        #expect(list[0]["state"] as? String == "owned")
        #expect(list[0]["source"] as? String == "form")
        #expect(try place.run("identifiers", id).output.contains("ana@example.com"))
    }

    @Test func shareBlockAndReleaseChangeAState() throws {
        let place = try Workplace.withVault()
        _ = try resolved(place, "--email", "family@example.com")
        let shared = try place.run("share", "--email", "Family@example.com", "--json").object
        #expect(shared["before"] as? String == "owned")
        #expect(shared["after"] as? String == "shared")
        expectOneLineError(try place.run("find", "--email", "family@example.com"), status: 3, containing: "shared")
        let blocked = try place.run("block", "--phone", "600 123 456")
        #expect(blocked.status == 0)
        #expect(blocked.output.contains("blocked"))
        let released = try place.run("release", "--email", "family@example.com", "--json").object
        #expect(released["after"] as? String == "owned")
        #expect(try place.run("find", "--email", "family@example.com").status == 0)
        try place.expectClean()
    }

    @Test func conflictsAreOnTheQueue() throws {
        let place = try Workplace.withVault()
        let one = try resolved(place, "--email", "a@example.com")["identity_id"] as? String
        let other = try resolved(place, "--phone", "600123456")["identity_id"] as? String
        let answer = try resolved(place, "--email", "a@example.com", "--phone", "600123456")
        let conflicts = try #require(answer["conflicts"] as? [[String: Any]])
        #expect(conflicts.first?["identifier"] as? String == "+34600123456")
        #expect(conflicts.first?["kind"] as? String == "phone")
        #expect(conflicts.first?["identity_id"] as? String == other)
        let queue = try place.run("conflicts", "--json").results
        #expect(queue.count == 1)
        #expect([one, other].contains(queue[0]["first"] as? String))
        #expect(try place.run("conflicts").output.contains("+34600123456"))
        #expect(try place.run("conflicts", "--state", "kept_apart", "--json").results.isEmpty)
        #expect(try place.run("conflicts", "--state", "merged").output.contains("no conflicts"))
    }

    /// They are to be copied, so no terminal is too narrow for them.
    @Test func idsAreWholeOnATerminal() throws {
        let place = try Workplace.withVault()
        let one = try #require(try resolved(place, "--email", "a@example.com")["identity_id"] as? String)
        let other = try #require(try resolved(place, "--phone", "600123456")["identity_id"] as? String)
        _ = try resolved(place, "--email", "a@example.com", "--phone", "600123456")
        try place.run("token", "create", "--label", "a long label that has to be cut where the terminal is narrow")
        let queue = try place.onTerminal(columns: 60, "conflicts").output
        #expect(queue.contains(one) && queue.contains(other), "\(queue)")
        let trail = try place.onTerminal(columns: 60, "audit").output
        #expect(trail.contains(one) && trail.contains(other), "\(trail)")
        #expect(try place.onTerminal(columns: 60, "stat").output.contains(Workplace.organization))
        #expect(try place.onTerminal(columns: 60, "token", "list").output.contains(Workplace.organization))
        try place.run("merge", one, "--into", other)
        let merges = try place.onTerminal(columns: 60, "merges").output
        #expect(merges.contains(one) && merges.contains(other), "\(merges)")
    }

    @Test func theTrailNamesTheActorAndHolds() throws {
        let place = try Workplace.withVault()
        let id = try #require(
            try resolved(place, "--email", "a@example.com", "--actor", "reception")["identity_id"] as? String)
        _ = try resolved(place, "--email", "b@example.com")
        let all = try place.run("audit", "--json").results
        #expect(all.compactMap { $0["sequence"] as? Int } == Array(1...all.count))
        let own = try place.run("audit", id, "--json").results
        #expect(own.first?["event"] as? String == "identity_created")
        #expect(own.first?["actor"] as? String == "reception")
        #expect(try place.run("audit", "--from", "2", "--limit", "1", "--json").results.count == 1)
        #expect(try place.run("audit").output.contains("identity_created"))
        #expect(try place.run("audit", "--verify").output.contains("intact"))
        #expect(try place.run("audit", "--verify", "--json").object["intact"] as? Bool == true)
    }

    @Test func noControlCharacterOfANameReachesATerminal() throws {
        let place = try Workplace.withVault()
        try place.write(
            "{\"id\":\"1\",\"name\":\"\\u001b]0;x\\u0007Ana\\u009b31m\\u061c\",\"email\":\"a@example.com\",\"status\":\"\\u001b[2J\\u009bK\"}\n",
            to: "a.jsonl")
        #expect(try place.run("import", "--kind", "lead", "a.jsonl").status == 0)
        let commands = [
            ["find", "--email", "a@example.com"], ["get", "records", "lead/1"], ["keys", "--table", "records"],
            ["find", "--email", "a@example.com", "--json"], ["get", "records", "lead/1", "--json"],
        ]
        for words in commands {
            let output = try place.start(words).end().output
            #expect(
                !output.unicodeScalars.contains {
                    $0.properties.generalCategory == .control && $0 != "\n" || $0.properties.isBidiControl
                })
        }
    }

    /// `script` gives the program a terminal, as a person's shell does.
    @Test func onATerminalThereIsColourUnlessNobodyWantsIt() throws {
        let place = try Workplace.withVault()
        let words = ["script", "-qec", "\(Program.path) check", "/dev/null"]
        place.environment["TERM"] = "xterm"
        #expect(try place.start(program: words).end().output.contains("\u{1B}[32m"))
        place.environment["NO_COLOR"] = "1"
        #expect(try !place.start(program: words).end().output.contains("\u{1B}[32m"))
        place.environment["NO_COLOR"] = nil
        place.environment["TERM"] = "dumb"
        #expect(try !place.start(program: words).end().output.contains("\u{1B}["))
    }
}
