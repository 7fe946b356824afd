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

    @Test func whatComesNextIsQuotedForAShell() throws {
        let place = try Workplace()
        #expect(try place.run("init", "--db", "o'clock.vault").output.contains(#"o'\''clock.vault' "#))
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
