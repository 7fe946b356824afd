import Testing

@Suite("Wrong usage ends with 2 and one line; help is there for every command")
struct UsageTests {
    private static let commands = [
        "init", "resolve", "find", "import", "backfill", "keys", "get", "stat", "check", "identifiers", "share",
        "block", "release", "conflicts", "audit", "backup", "compact", "put", "records", "delete", "contact", "search",
        "merge", "unmerge", "merges", "keep-apart", "erase", "erasures", "export", "changes", "restore", "rekey",
        "bench", "record", "serve",
    ]

    @Test(arguments: commands + ["token create", "token list", "token revoke"])
    func helpHasAnExample(_ command: String) throws {
        let place = try Workplace()
        let result = try place.start(command.split(separator: " ").map(String.init) + ["--help"]).end()
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        #expect(result.output.contains("  vaultdb \(command)"))
        #expect(result.output.contains("--db"))
    }

    /// What is wrapped would end early where it is pasted into a shell.
    @Test(arguments: commands + ["token"])
    func examplesFitOnTheirLines(_ command: String) throws {
        let help = try Workplace().run(command, "--help").output
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
        let discussion = lines.prefix { !$0.hasPrefix("USAGE:") }
        for (line, next) in zip(discussion, discussion.dropFirst()) where line.hasPrefix("  ") {
            #expect(next.isEmpty || next.hasPrefix("  "), "\(line)")
        }
    }

    @Test(arguments: [
        ["nonsense"], ["help", "nonsense"], ["find"], ["find", "--email", "a@b.c", "--phone", "1"],
        ["find", "--id", "42"], ["find", "--nonsense"], ["resolve"], ["resolve", "--name", "Ana"], ["share"],
        ["share", "--email", "a@example.com", "--phone", "1"], ["import", "x.csv"],
        ["import", "--kind", "Not A Kind", "x.csv"], ["import", "--kind", "lead", "--batch", "0", "x.csv"],
        ["import", "--kind", "lead", "--map", "nonsense", "x.csv"], ["backfill", "leads.csv"], ["backfill"],
        ["conflicts", "--state", "shut"], ["keys", "--limit", "-1"], ["keys", "--table", "nonsense"],
        ["get", "by_email"], ["audit", "--verify", "--limit", "1"], ["stat", "--org", "x"],
        ["share", "--email", "nonsense"], ["bench", "--mix", "nonsense"], ["bench", "--connections", "0"],
        ["bench", "--rate", "0"], ["bench", "--pipeline", "2"], ["bench", "--duration", "1", "--operations", "1"],
        ["bench", "--host", "127.0.0.1"], ["bench", "--db", "clinic.vault", "--mix", "mixed"],
        ["bench", "--host", "127.0.0.1", "--org", "x"], ["bench", "--port", "7380"], ["bench", "--threads", "2"],
        ["bench", "--token", "x"],
        ["resolve", "--external", "x", "--actor", String(repeating: "x", count: 999)],
    ])
    func isOneLine(_ words: [String]) throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.start(words).end(), status: 2)
    }

    @Test(
        arguments: [
            (["search", "ana", "--limit", "1001"], 2, "with a longer text"),
            (
                ["release", "--external", "foo:bar"], 3,
                "no identity holds that external id, so nothing is to be released; "
            ),
            (["put", "lead", "", "email=a@example.com"], 2, "where it comes from"),
            (["put", "lead", "1", "phone=912345678", "region=PT"], 2, "give it as --region"),
            (
                ["resolve", "--email", "a@example.com", "--idempotency-key", String(repeating: "k", count: 256)], 2,
                "give a UUID"
            ),
        ] as [([String], Int32, String)])
    func aRefusalSaysWhatToDo(_ words: [String], _ status: Int32, _ part: String) throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.start(words).end(), status: status, containing: part)
    }

    /// And not what the command lacks without it.
    @Test(arguments: [
        (["resolve", "--emial", "a@example.com"], "--emial"), (["find", "--phon=600123456"], "--phon"),
        (["import", "--knid", "lead", "x.csv"], "--knid"), (["resolve", "-x"], "-x"),
        (["audit", "--verify", "--limit", "1", "--nonsense"], "--nonsense"), (["--json", "share", "--foo"], "--foo"),
        (["resolve", "--org", "x", "--emial", "y"], "--emial"), (["token", "create", "--lable", "x"], "--lable"),
        (["find", "--email", "a@example.com", "--jsno"], "--jsno"),
    ])
    func anUnknownOptionIsNamedFirst(_ words: [String], _ option: String) throws {
        let place = try Workplace.withVault()
        let part = "unknown option '\(option)'"
        expectOneLineError(try place.start(words).end(), status: 2, containing: part)
    }

    @Test func anUnknownOptionLeavesTheHelpThatIsAskedFor() throws {
        let place = try Workplace.withVault()
        let help = try place.start(["resolve", "--emial", "a@example.com", "--help"]).end()
        #expect(help.status == 0 && help.output.contains("USAGE: vaultdb "))
    }

    @Test func aVaultHasToBeNamed() throws {
        let place = try Workplace()
        place.environment = [:]
        expectOneLineError(try place.run("stat"), status: 2, containing: "VAULTDB_PATH")
    }

    @Test(arguments: ["VAULTDB_PATH", "VAULTDB_ORG"])
    func anEnvironmentThatIsNoTextIsRefused(_ name: String) throws {
        let place = try Workplace.withVault()
        let command = #"export \#(name)=$'\xff'; exec \#(Program.path) stat"#
        let result = try place.start(program: ["bash", "-c", command]).end()
        expectOneLineError(result, status: 2, containing: name)
    }

    @Test func globalOptionsMayStandBeforeTheCommand() throws {
        let place = try Workplace.withVault()
        place.environment = [:]
        let result = try place.run("--db", "clinic.vault", "--json", "stat")
        #expect(result.status == 0)
        #expect(try result.object["region"] as? String == "ES")
        for words in [["--db", "clinic.vault", "token", "list"], ["token", "--db=clinic.vault", "list"]] {
            #expect(try place.start(["--json"] + words).end().list.isEmpty, "\(words)")
        }
    }

    @Test(arguments: [
        ["resolve", "--email", "a@example.com", "--email=b@example.com"],
        ["stat", "--db", "clinic.vault", "--db", "x"],
        ["--db", "clinic.vault", "stat", "--db", "x"], ["find", "--phone", "600123456", "--json", "--phone", "1"],
        ["serve", "--tls-key", "a.pem", "--tls-key", "b.pem"], ["token", "create", "--label", "a", "--label", "b"],
        ["export", Workplace.organization, "-o", "a", "--output=b"],
    ])
    func anOptionWithOneValueIsGivenOnce(_ words: [String]) throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.start(words).end(), status: 2, containing: "is given twice")
        #expect(try place.counters()["identities"] == 0)
    }

    @Test func aDemonstrationHasAVaultOfItsOwn() throws {
        let place = try Workplace.withVault()
        let result = try place.run("serve", "--demo", "--db", "clinic.vault")
        expectOneLineError(result, status: 2, containing: "give one of --demo and --db")
    }

    @Test(arguments: [
        (8, "resolve --email a@example.com"), (8, "serve --port 0"), (24, "serve --port 0 --http-port 0"),
    ])
    func whereTooFewFilesMayBeOpenItIsSaid(_ count: Int, _ words: String) throws {
        let place = try Workplace.withVault()
        let command = "ulimit -n \(count); exec \(Program.path) \(words)"
        let result = try place.start(program: ["sh", "-c", command]).end()
        expectOneLineError(result, status: 1, containing: "(ulimit -n)")
    }

    @Test func whatMayBeRepeatedMay() throws {
        let place = try Workplace.withVault()
        let result = try place.run(
            "--json", "resolve", "--external", "a:1", "--external", "b:2", "--json", "-v", "-v")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try place.run("find", "--external", "b:2").status == 0)
        #expect(try place.run("search", "--", "--email", "--email").status != 2)
    }

    @Test func whereThereAreTwoOrganizationsOneHasToBeNamed() throws {
        let place = try Workplace.withVault()
        let other = "11111111-2222-4333-8444-555555555555"
        #expect(try place.run("resolve", "--org", other, "--email", "a@example.com").status == 0)
        expectOneLineError(try place.run("find", "--email", "a@example.com"), status: 2, containing: "--org")
        #expect(try place.run("find", "--org", other, "--email", "a@example.com").status == 0)
        place.environment["VAULTDB_ORG"] = Workplace.organization
        #expect(try place.run("find", "--email", "a@example.com").status == 3)
        place.environment["VAULTDB_ORG"] = "nonsense"
        expectOneLineError(try place.run("find", "--email", "a@example.com"), status: 2, containing: "VAULTDB_ORG")
    }

    @Test func aVaultWithoutOrganizationsSaysHowToNameOne() throws {
        let place = try Workplace()
        try place.run("init")
        expectOneLineError(try place.run("resolve", "--email", "a@example.com"), status: 2, containing: "--org ")
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsAreGenerated(_ shell: String) throws {
        let result = try Workplace().run("--generate-completion-script", shell)
        #expect(result.status == 0)
        #expect(result.output.contains("backfill"))
    }

    @Test func outputThatCannotBeWrittenIsAFailure() throws {
        let place = try Workplace.withVault()
        let result = try place.start(program: ["sh", "-c", "exec \(Program.path) stat > /dev/full"]).end()
        expectOneLineError(result, status: 1, containing: "can't be written")
    }

    @Test func whatWasDoneIsToldWhereItCannotBePrinted() throws {
        let place = try Workplace.withVault()
        func full(_ words: String) throws -> Program.Result {
            try place.start(program: ["sh", "-c", "exec \(Program.path) \(words) > /dev/full"]).end()
        }
        expectOneLineError(
            try full("put lead 1 email=a@example.com"), status: 1, containing: ", but what was to be done is done; ")
        #expect(try place.run("find", "--email", "a@example.com").status == 0)
        expectOneLineError(try full("init --db b.vault"), status: 1, containing: ", but the vault is made; ")
        #expect(try !full("stat").errors.contains("but "))
        let token = try full("token create")
        let id = try #require(try place.run("token", "list", "--json").list.first?["id"] as? String)
        expectOneLineError(token, status: 1, containing: "vaultdb token revoke \(id)")
    }

    @Test func verboseLogsToStderrAndMasks() throws {
        let place = try Workplace.withVault()
        let result = try place.run("resolve", "--email", "someone@example.com", "--json", "-v")
        _ = try result.object
        #expect(result.errors.contains("New identity created"))
        #expect(!result.errors.contains("someone@"))
    }
}
