import Foundation
import Testing

@Suite("init makes a vault, and nothing else does")
struct InitTests {
    @Test func makesAVaultAndSaysWhatComesNext() throws {
        let place = try Workplace()
        let result = try place.run("init", "--region", "PT")
        #expect(result.status == 0)
        #expect(result.output.contains("region PT"))
        #expect(result.output.contains("next: vaultdb import"))
        #expect(place.exists("clinic.vault"))
    }

    @Test func printsJSON() throws {
        let place = try Workplace()
        let made = try place.run("init", "--org", Workplace.organization, "--org-region", "FR", "--json").object
        #expect(made["region"] as? String == "ES")
        #expect(made["organization_id"] as? String == Workplace.organization)
        let organization = try place.run("get", "organizations", Workplace.organization, "--json").object
        #expect(organization["region"] as? String == "FR")
    }

    @Test func refusesAVaultThatIsThere() throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.run("init"), status: 1, containing: "exists already")
    }

    @Test func finishesAFileOfWhichNoVaultWasMade() throws {
        let place = try Workplace()
        // As a crash leaves it.
        try place.write("", to: "clinic.vault")
        expectOneLineError(try place.run("stat"), status: 1, containing: "make one with `vaultdb init`")
        #expect(try place.run("init").status == 0)
        #expect(try place.run("stat").status == 0)
    }

    @Test func leavesAnotherKindOfFileAlone() throws {
        let place = try Workplace()
        try place.write("hello\n", to: "clinic.vault")
        expectOneLineError(try place.run("init"), status: 1, containing: "choose another name")
        #expect(try place.read("clinic.vault") == "hello\n")
    }

    @Test func anActorThatIsTooLongMakesNoFile() throws {
        let place = try Workplace()
        let actor = String(repeating: "x", count: 70)
        expectOneLineError(try place.run("init", "--actor", actor), status: 2, containing: "shorten it")
        #expect(try place.files() == [])
    }

    @Test func aDirectoryThatIsNotThereIsNamed() throws {
        let place = try Workplace()
        let result = try place.run("init", "--db", "none/a.vault")
        expectOneLineError(result, status: 1, containing: "the directory none is not there")
    }

    @Test(arguments: ["d/", "ab/", "no/ne/", "./", "/"])
    func theNameOfADirectoryIsRefused(_ path: String) throws {
        let place = try Workplace()
        expectOneLineError(try place.run("init", "--db", path), status: 2, containing: "\(path) is the name of a")
        #expect(try place.files() == [])
    }

    @Test(arguments: ["o'clock.vault", "-dash.vault", "two\nlines\\n\t'.vault", "\u{202E}\u{1}1.vault"])
    func whatComesNextIsQuotedForAShell(_ name: String) throws {
        let place = try Workplace()
        let made = try place.run("init", "--db=\(name)", "--org", Workplace.organization)
        #expect(made.status == 0 && made.lines.count == 2, "\(made.output)\(made.errors)")
        let next = try #require(made.lines.last?.dropFirst("next: vaultdb import ".count))
        try place.write("id,email\n1,a@example.com\n", to: "leads.csv")
        let command = "exec \(Program.path) import \(next)"
        let imported = try place.start(program: ["bash", "-c", command]).end()
        #expect(imported.status == 0, "\(command): \(imported.errors)")
    }

    /// Each for another region and organization.
    @Test func ofThoseWhoMakeOneVaultAtOnceOneDoes() throws {
        let regions = ["ES", "PT", "FR", "DE"]
        for _ in 0..<10 {
            let place = try Workplace()
            let all = try regions.map { region in
                try place.start(["init", "--region", region, "--org", UUID().uuidString, "--json"])
            }
            let results = try all.map { try $0.end() }
            let makers = results.filter { $0.status == 0 }
            try #require(makers.count == 1, "\(results)")
            for other in results where other.status != 0 {
                expectOneLineError(other, status: 1, containing: "exists already")
            }
            let vault = try place.run("stat", "--json").object
            #expect(try vault["region"] as? String == makers[0].object["region"] as? String)
            let organizations = try #require(vault["organizations"] as? [[String: Any]])
            let made = try makers[0].object["organization_id"] as? String
            #expect(organizations.map { $0["organization_id"] as? String } == [made])
        }
    }

    @Test(arguments: ["XX", "Spain", "", "E"])
    func namesWhatIsWrongWithARegion(_ region: String) throws {
        let place = try Workplace()
        expectOneLineError(try place.run("init", "--region=\(region)"), status: 2, containing: "region")
        #expect(!place.exists("clinic.vault"))
    }

    @Test(arguments: [
        ["find", "--email", "a@example.com"], ["resolve", "--email", "a@example.com"],
        ["resolve", "--dry-run", "--email", "a@example.com"], ["keys"], ["get", "meta", "vault"], ["stat"],
        ["check"], ["identifiers", Workplace.organization], ["share", "--email", "a@example.com"],
        ["block", "--email", "a@example.com"], ["release", "--email", "a@example.com"], ["conflicts"], ["audit"],
        ["audit", "--verify"], ["backup", "copy.vault"], ["compact"], ["import", "--kind", "lead", "/dev/null"],
        ["backfill", "lead=/dev/null"], ["put", "lead", "1", "email=a@example.com"],
        ["records", Workplace.organization], ["delete", "lead", "1"], ["contact", Workplace.organization],
        ["search", "ana"], ["merge", Workplace.organization, "--into", Workplace.organization],
        ["unmerge", Workplace.organization], ["merges"],
        ["keep-apart", Workplace.organization, Workplace.organization],
        ["erase", Workplace.organization, "--yes", "--scrub"], ["erasures"], ["erasures", "forget", "--yes"],
        ["export", Workplace.organization], ["changes"],
    ])
    func isTheOnlyCommandThatMakesOne(_ words: [String]) throws {
        let place = try Workplace()
        let result = try place.start(words + ["--org", Workplace.organization]).end()
        expectOneLineError(result, status: 1, containing: "vaultdb init")
        #expect(try place.files() == [])
    }
}
