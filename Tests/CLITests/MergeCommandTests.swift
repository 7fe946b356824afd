import Foundation
import Testing

@Suite("merge, unmerge, merges, keep-apart and conflicts: review and repair")
struct MergeCommandTests {
    private static let unknown = "11111111-2222-4333-8444-555555555555"

    /// Two people whom one request named at once.
    private func placeWithPair() throws -> (place: Workplace, a: String, b: String) {
        let place = try Workplace.withVault()
        try place.run("put", "lead", "1", "phone=600123456", "first_name=Ana")
        try place.run("put", "patient", "p", "email=ana@example.com", "first_name=Ana", "last_name=Ruiz")
        let a = try place.person("--phone", "600123456")
        let b = try place.person("--email", "ana@example.com", "--phone", "600123456")
        return (place, a, b)
    }

    @Test func aDryRunShowsBothAndWritesNothing() throws {
        let (place, a, b) = try placeWithPair()
        let before = try place.counters()
        let text = try place.run("merge", a, "--into", b, "--dry-run").output
        let expected = """
            merge  \(a)
            into   \(b)

                     becomes a redirect      stays
            name     Ana                     Ana Ruiz
            email                            ana@example.com (primary)
            phone    +34600123456 (primary)
            records  1 lead                  1 patient
            """
        #expect(text.hasPrefix(expected), "\(text)")
        let outcome = [
            "primary email         ana@example.com", "primary phone         +34600123456",
            "records moved         1 lead", "names learnt          Ana", "leads converted       1",
            "conflicts settled     1", "dry run: nothing is written",
        ]
        for line in outcome { #expect(text.contains("\n\(line)\n"), "\(line)") }
        let preview = try place.document("merge", a, "--into", b, "--dry-run")
        #expect(preview["converted_leads"] as? [String] == ["1"])
        #expect((preview["records"] as? [String: Int]) == ["lead": 1])
        #expect(preview["conflicts_settled"] as? Int == 1)
        #expect(try place.counters() == before)
    }

    @Test func aMergeIsListedAndCanBeUndone() throws {
        let (place, a, b) = try placeWithPair()
        let merged = try place.document("merge", a, "--into", b, "--actor", "reception")
        let merge = try #require(merged["merge_id"] as? String)
        #expect(merged["identity_id"] as? String == b && merged["records"] as? Int == 1)
        let found = try place.document("find", "--id", a)
        #expect(found["identity_id"] as? String == b && found["redirected_from"] as? String == a)
        let list = try place.run("merges", "--json").results
        #expect(list.count == 1 && list[0]["merge_id"] as? String == merge)
        #expect(list[0]["from"] as? String == a && list[0]["actor"] as? String == "reception")
        #expect(try place.run("merges").output.contains(merge))
        #expect(try place.run("merges", "--before", merge).output == "no merges\n")
        #expect(try place.run("audit", a).output.contains("into \(b) merge \(merge)"))
        #expect(try place.run("conflicts", "--state", "merged", "--identity", a, "--json").results.count == 1)

        #expect(try place.document("unmerge", merge)["identity_id"] as? String == a)
        #expect(try place.document("find", "--phone", "600123456")["identity_id"] as? String == a)
        expectOneLineError(try place.run("unmerge", merge), status: 3, containing: "no merge")
        try place.expectClean()
    }

    @Test func mergesAreUndoneInOrder() throws {
        let (place, a, b) = try placeWithPair()
        let c = try place.person("--email", "c@example.com")
        let first = try #require(try place.document("merge", a, "--into", b)["merge_id"] as? String)
        let text = try place.run("merge", b, "--into", c).output
        let newest = try place.run("merges", "--limit", "1", "--json")
        let second = try #require(try newest.results[0]["merge_id"] as? String)
        #expect(try newest.object["next"] as? String == second)
        #expect(text.contains("vaultdb unmerge \(second)"))
        #expect(try place.run("merges", "--limit", "1").output.contains("to go on: --before \(second)"))
        expectOneLineError(try place.run("unmerge", first), status: 1, containing: second)
        #expect(try place.run("unmerge", second).status == 0)
        #expect(try place.run("unmerge", first).output.contains("records moved back  1"))
        try place.expectClean()
    }

    @Test(arguments: [[], ["--dry-run"]])
    func whatCannotBeMergedIsRefused(_ options: [String]) throws {
        let (place, a, b) = try placeWithPair()
        func refusal(_ one: String, _ other: String) throws -> Program.Result {
            try place.start(["merge", one, "--into", other] + options).end()
        }
        expectOneLineError(try refusal(a, a), status: 1, containing: "into itself")
        expectOneLineError(try refusal(a, Self.unknown), status: 3, containing: "no identity")
        expectOneLineError(try refusal("42", b), status: 2, containing: "UUID")
        let elsewhere = try place.person("--email", "x@example.com", "--org", Self.unknown)
        place.environment["VAULTDB_ORG"] = Workplace.organization
        expectOneLineError(try refusal(a, elsewhere), status: 3, containing: "organization")
        try place.run("merge", a, "--into", b)
        expectOneLineError(try refusal(b, a), status: 1, containing: "one already")
        try place.run("erase", b, "--yes")
        expectOneLineError(try refusal(b, a), status: 1, containing: "erased")
        try place.expectClean()
    }

    @Test func keepingApartSettlesAConflictForGood() throws {
        let (place, a, b) = try placeWithPair()
        #expect(try place.run("conflicts", "--identity", a, "--json").results.count == 1)
        let settled = try place.run("keep-apart", a, b, "--json").list
        #expect(settled.count == 1 && settled[0]["state"] as? String == "kept_apart")
        _ = try place.person("--email", "ana@example.com", "--phone", "600123456")
        #expect(try place.run("conflicts", "--json").results.isEmpty)
        #expect(try place.run("conflicts", "--state", "kept_apart", "--identity", b, "--json").results.count == 1)
        expectOneLineError(try place.run("keep-apart", a, b), status: 3, containing: "no open conflict")
        expectOneLineError(try place.run("keep-apart", a, a), status: 1, containing: "one identity")
        expectOneLineError(try place.run("keep-apart", a, Self.unknown), status: 3, containing: "no identity")
        expectOneLineError(try place.run("conflicts", "--identity", Self.unknown), status: 3)
        try place.expectClean()
    }

    @Test(arguments: ["open", "kept_apart"])
    func conflictsGoOnPageByPage(_ state: String) throws {
        let (place, a, b) = try placeWithPair()
        let eva = try place.person("--email", "eva@example.com")
        _ = try place.person("--email", "eva@example.com", "--phone", "600123456")
        if state == "kept_apart" {
            try place.run("keep-apart", a, b)
            try place.run("keep-apart", a, eva)
        }
        let words = ["conflicts", "--state", state, "--limit", "1"]
        let first = try place.start(words + ["--json"]).end()
        let next = try #require(try first.object["next"] as? String)
        #expect(try place.start(words).end().output.contains("to go on: --from \(next)"))
        let second = try place.start(words + ["--json", "--from", next]).end()
        let pairs = try (first.results + second.results).map {
            [$0["first"] as? String, $0["second"] as? String]
        }
        #expect(pairs.count == 2 && pairs[0] != pairs[1])
        #expect(try place.run("conflicts", "--state", state, "--identity", a, "--json").results.count == 2)
        expectOneLineError(try place.run("conflicts", "--from", "zz"), status: 2, containing: "cursor")
        expectOneLineError(
            try place.run("conflicts", "--identity", a, "--limit", "1"), status: 2, containing: "--identity")
    }

    @Test func keepingApartIsToldInText() throws {
        let (place, a, b) = try placeWithPair()
        let text = try place.run("keep-apart", a, b).output
        #expect(text.contains(a) && text.contains(b) && text.contains("phone +34600123456"))
    }
}
