import Foundation
import Glibc
import Testing

@Suite("identifiers over time, changes and the trail of a merged identity")
struct TrailCommandTests {
    @Test func whoHeldAPhoneWhenIsToldFromItsTimes() throws {
        let place = try Workplace.withVault()
        let first = try place.person("--email", "a@example.com", "--phone", "600123456")
        let before = try #require(try place.run("audit", "--json").results.last?["time"] as? String)
        try place.run("release", "--phone", "600123456")
        let second = try place.person("--email", "b@example.com", "--phone", "600123456")

        let all = try place.run("identifiers", "--phone", "600 123 456", "--json").list
        #expect(all.compactMap { $0["identity_id"] as? String } == [first, second])
        #expect(all[0]["until"] is String && all[1]["until"] is NSNull)
        let then = try place.run("identifiers", "--phone", "600123456", "--at", before, "--json").list
        #expect(then.compactMap { $0["identity_id"] as? String } == [first])
        let text = try place.run("identifiers", "--phone", "600123456").output
        #expect(text.contains(first) && text.contains(second) && text.contains("now"))

        #expect(try place.run("identifiers", first, "--json").list.count == 1)
        #expect(try place.run("identifiers", first, "--history", "--json").list.count == 2)
        #expect(try place.run("identifiers", first, "--at", before).output.contains("+34600123456"))
        expectOneLineError(
            try place.run("identifiers", "--phone", "600123456", "--at", "1999-01-01"), status: 3, containing: "then")
        expectOneLineError(try place.run("identifiers", "--phone", "611111111"), status: 3, containing: "nobody")
        expectOneLineError(try place.run("identifiers", "--phone", "12"), status: 3)
        expectOneLineError(try place.run("identifiers", first, "--at", "1969-12-31"), status: 2, containing: "1970")
        expectOneLineError(try place.run("identifiers", first, "--at", "2025-01-01", "--history"), status: 2)
        expectOneLineError(try place.run("identifiers"), status: 2, containing: "exactly one")
    }

    @Test func theStoryOfAMergedIdentityStays() throws {
        let place = try Workplace.withVault()
        let a = try place.person("--email", "a@example.com")
        let b = try place.person("--email", "b@example.com")
        try place.run("merge", a, "--into", b)
        let story = try place.run("audit", a, "--json").results
        #expect(story.compactMap { $0["event"] as? String } == ["identity_merged", "identity_created"])
        #expect(story[0]["merge_id"] is String && story[0]["other_identity_id"] as? String == b)
        #expect(try place.run("identifiers", a, "--history").output.contains("a@example.com"))
    }

    @Test(arguments: [false, true])
    func theTrailAndAStoryGoOnPageByPage(_ isStory: Bool) throws {
        let place = try Workplace.withVault()
        let id = try place.person("--email", "a@example.com")
        _ = try place.person("--email", "b@example.com")
        for number in 1...3 { _ = try place.person("--email", "a@example.com", "--external", "crm:\(number)") }
        let words = ["audit", "--json"] + (isStory ? [id] : [])
        let whole = try place.start(words).end()
        #expect(try whole.object["next"] is NSNull)
        let sequences = try whole.results.compactMap { $0["sequence"] as? Int }
        #expect(sequences.count >= 4 && sequences == (isStory ? sequences.sorted(by: >) : sequences.sorted()))
        var (found, from): ([Int], String?) = ([], nil)
        repeat {
            let page = try place.start(words + ["--limit", "2"] + (from.map { ["--from", $0] } ?? [])).end()
            found += try page.results.compactMap { $0["sequence"] as? Int }
            from = try page.object["next"] as? String
            if let from {
                let text = try place.start(words.filter { $0 != "--json" } + ["--limit", "\(found.count)"]).end()
                #expect(text.output.contains("to go on: --from \(from)"))
            }
        } while from != nil && found.count < sequences.count
        #expect(found == sequences && from == nil)
    }

    @Test(arguments: ["audit", "merges", "erasures", "conflicts"])
    func aListHasABound(_ command: String) throws {
        let place = try Workplace.withVault()
        #expect(try place.run(command, "--limit", "10000").status == 0)
        expectOneLineError(try place.run(command, "--limit", "10001"), status: 2, containing: "at most 10000")
    }

    @Test func aStoryBeginsWithAnEventOfItsOwn() throws {
        let place = try Workplace.withVault()
        let a = try place.person("--email", "a@example.com")
        _ = try place.person("--email", "b@example.com")
        let last = try #require(try place.run("audit", "--json").results.last?["sequence"] as? Int)
        expectOneLineError(
            try place.run("audit", a, "--from", "\(last)"), status: 2, containing: "none of that identity's")
        expectOneLineError(try place.run("audit", a, "--from", "0"), status: 2)
    }

    @Test func changesAreLinesFromANumberOn() throws {
        let place = try Workplace.withVault()
        for number in 1...5 { _ = try place.person("--email", "p\(number)@example.com") }
        func sequences(_ words: String...) throws -> [Int] {
            let result = try place.start(["changes"] + words).end()
            #expect(result.status == 0 && result.errors.isEmpty)
            return try result.lines.map { line in
                let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return try #require(event?["sequence"] as? Int)
            }
        }
        let all = try sequences()
        #expect(all == Array(1...all.count) && all.count >= 5)
        #expect(try sequences("--from", "3", "--limit", "2", "--json") == [3, 4])
        #expect(try sequences("--follow", "--limit", "3") == [1, 2, 3])
        #expect(try sequences("--from", "1000").isEmpty)
        expectOneLineError(try place.run("changes", "--from", "x"), status: 2)
        expectOneLineError(try place.run("changes", "--limit", "0"), status: 2)
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aFollowerSeesWhatComesAndEndsQuietly(_ signal: Int32) throws {
        let place = try Workplace.withVault()
        let follower = try place.start(["changes", "--follow"])
        let id = try place.person("--email", "a@example.com")
        try follower.wait { follower.outputSoFar.contains(id) }
        follower.signal(signal)
        let result = try follower.end()
        #expect(result.status == 130 && result.errors.isEmpty)
        let lines = result.lines
        #expect(Set(lines).count == lines.count && lines.last?.contains(id) == true)
    }

    @Test func aFollowerWhomNobodyReadsEnds() throws {
        let place = try Workplace.withVault()
        _ = try place.person("--email", "a@example.com")
        let result = try place.start(program: ["sh", "-c", "\(Program.path) changes --follow | head -n 1"]).end()
        #expect(result.status == 0 && result.errors.isEmpty && result.lines.count == 1)
    }
}
