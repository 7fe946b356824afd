import Foundation
import Glibc
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

    /// So that a power cut leaves no vault that lacks it.
    @Test func makesTheOrganizationInTheCommitThatMakesTheVault() throws {
        let (alone, together) = (try Workplace(), try Workplace())
        #expect(try alone.run("init").status == 0)
        #expect(try together.run("init", "--org", Workplace.organization, "--org-region", "PT").status == 0)
        let commits = try [alone, together].map { try $0.run("stat", "--json").object["last_commit"] as? Int }
        #expect(commits[0] != nil && commits[0] == commits[1])
        let events = try together.run("audit", "--org", Workplace.organization, "--json")
        #expect(events.status == 0 && events.output.contains("organization_changed"), "\(events.errors)")
        try together.expectClean()
    }

    @Test(.enabled(if: Workplace.mayMount, "needs a disk of its own"))
    func aReadOnlyFileSystemIsNamed() throws {
        let place = try Workplace()
        let disk = try place.mountDisk(mebibytes: 1)
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let mounted = try place.start(program: ["mount", "-o", "remount,ro", disk]).end()
        try #require(mounted.status == 0, "\(mounted.errors)")
        let result = try place.run("init", "--db", "disk/clinic.vault")
        expectOneLineError(result, status: 1, containing: "lies on a read-only file system")
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

    @Test func finishesAFileThatHasNoTableYet() throws {
        let place = try Workplace()
        for words in [["stat"], ["resolve", "--email", "a@example.com", "--org", Workplace.organization]] {
            try Self.emptyStore.write(to: URL(filePath: place.vault))
            let result = try place.start(words).end()
            expectOneLineError(result, status: 1, containing: "make one with `vaultdb init`")
        }
        try Self.emptyStore.write(to: URL(filePath: place.vault))
        #expect(try place.run("init").status == 0)
        try place.expectClean()
    }

    /// What LMDB makes of a new file before anything is put into it: its two first pages, which lead nowhere.
    private static let emptyStore: Data = {
        var words = [UInt64](repeating: 0, count: 2 * 512)
        for page in 0..<2 {
            let head: [UInt64] = [
                // The page's number and kind, then LMDB's mark, its version and the bytes of the map.
                UInt64(page), 8 << 16, 1 << 32 | 0xBEEF_C0DE, 0, 1 << 30,
                // The bytes of a page and the kind of the free list's keys, and that it begins nowhere.
                8 << 32 | 4_096, 0, 0, 0, 0, .max,
                // Nor do the tables. Then the last page, and no commit.
                0, 0, 0, 0, 0, .max, 1, 0,
            ]
            words.replaceSubrange(page * 512..<page * 512 + head.count, with: head)
        }
        return words.withUnsafeBytes { Data($0) }
    }()

    @Test(arguments: [["init"], ["stat"], ["find", "--email", "a@example.com"]])
    func aLinkThatLeadsNowhereIsNamed(_ words: [String]) throws {
        let place = try Workplace()
        try FileManager.default.createSymbolicLink(atPath: place.vault, withDestinationPath: place.file("gone"))
        expectOneLineError(try place.start(words).end(), status: 1, containing: "is a link that leads nowhere")
        #expect(try place.files() == ["clinic.vault"])
    }

    @Test func leavesAnotherKindOfFileAlone() throws {
        let place = try Workplace()
        try place.write("hello\n", to: "clinic.vault")
        let result = try place.run("init")
        expectOneLineError(result, status: 1, containing: "choose another name, or remove it if")
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
