import Foundation
import Glibc
import Testing

@Suite("Commands about the file")
struct FileCareTests {
    private func placeWithPeople() throws -> Workplace {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(3), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        return place
    }

    @Test func keysStreamsOneLineAnEntry() throws {
        let place = try placeWithPeople()
        let lines = try place.run("keys", "--json").lines
        #expect(lines.count == 3)
        for line in lines {
            let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(entry["table"] as? String == "by_email")
            #expect(entry["state"] as? String == "owned")
            #expect(entry["identity_id"] is String)
        }
        #expect(try place.run("keys", "--limit", "2").lines.count == 2)
        #expect(try place.run("keys", "--table", "by_phone", "--prefix", "+34610000001").lines.count == 1)
        #expect(try place.run("keys", "--prefix", "person1").output.hasPrefix("person1@example.com"))
        let raw = try place.run("keys", "--raw", "--limit", "1").output
        #expect(raw.hasPrefix("00000001" + "706572736f6e30"))
    }

    @Test(arguments: [
        "meta", "organizations", "ledgers", "identities", "by_email", "by_phone", "by_external", "records", "timeline",
        "conflicts", "audit", "idempotency",
    ])
    func whatKeysPrintsIsWhatGetTakes(_ table: String) throws {
        let place = try placeWithPeople()
        try place.run("resolve", "--email", "person1@example.com", "--phone", "610000002", "--idempotency-key", "k")
        try place.run("resolve", "--email", "person1@example.com", "--external", "stripe:cus/1")
        let lines = try place.run("keys", "--table", table, "--json").lines
        #expect(!lines.isEmpty)
        for line in lines {
            let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary)
            let got = try place.run("get", table, try #require(entry["key"] as? String), "--json")
            #expect(got.status == 0, "\(got.errors)")
            #expect(try got.json as? NSDictionary == entry)
        }
    }

    @Test func tokensStandAboveOrganizations() throws {
        let place = try Workplace.withVault()
        let other = "11111111-2222-4333-8444-555555555555"
        try place.run("token", "create", "--org", Workplace.organization)
        try place.run("token", "create", "--org", other)
        let lines = try place.run("keys", "--table", "tokens", "--json").lines
        #expect(lines.count == 2)
        var owners: Set<String> = []
        for line in lines {
            let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary)
            owners.insert(try #require(entry["organization_id"] as? String))
            #expect(line.components(separatedBy: #""organization_id":"#).count == 2, "\(line)")
            let got = try place.run("get", "tokens", try #require(entry["key"] as? String), "--json")
            #expect(got.status == 0, "\(got.errors)")
            #expect(try got.json as? NSDictionary == entry)
        }
        #expect(owners.count == 2)
    }

    @Test func getFindsTheEntryThatHasAnEvent() throws {
        let place = try placeWithPeople()
        let events = try place.run("audit", "--json").results.compactMap { $0["sequence"] as? Int }
        #expect(events.count == 7)
        for event in events {
            let found = try place.run("get", "audit", "\(event)", "--json").object["events"] as? [[String: Any]]
            #expect(found?.contains { $0["sequence"] as? Int == event } == true)
        }
        #expect(try place.run("get", "audit", "8").status == 3)
    }

    @Test func getPrintsAnIdentityUnderTheContractsNames() throws {
        let place = try placeWithPeople()
        let id = try #require(
            try place.run("find", "--email", "person1@example.com", "--json").object["identity_id"] as? String)
        let entry = try place.run("get", "identities", id, "--json").object
        let names = [
            "identity_id", "primary_email", "primary_phone", "emails", "phones", "external", "created_at",
            "updated_at", "is_merged", "merged_with",
        ]
        #expect(Set(names).isSubset(of: entry.keys))
        #expect(try place.run("get", "by_email", "person1@example.com").output.contains(id))
        #expect(try place.run("get", "by_email", "person1@example.com", "--raw").lines.count == 1)
    }

    @Test func statCounts() throws {
        let place = try placeWithPeople()
        let counters = try place.counters()
        #expect(counters["identities"] == 3)
        #expect(counters["emails"] == 3)
        #expect(counters["records"] == 3)
        let document = try place.run("stat", "--json").object
        let names = [
            "file_bytes", "page_bytes", "pages_free", "map_bytes", "readers", "tables", "region", "normalizer",
        ]
        #expect(Set(names).isSubset(of: document.keys))
        let sizes = try ["pages_used", "pages_free", "page_bytes", "file_bytes"].map { name in
            try #require(document[name] as? Int)
        }
        #expect((sizes[0] + sizes[1]) * sizes[2] <= sizes[3], "pages are in use or free, and not both")
        #expect(try place.run("stat").output.contains("by_email"))
    }

    @Test func checkIsClean() throws {
        let place = try placeWithPeople()
        #expect(try place.run("check").output.hasPrefix("clean: "))
        try place.expectClean()
    }

    @Test(arguments: [[], ["--compact"]])
    func aBackupIsAVaultItself(_ options: [String]) throws {
        let place = try placeWithPeople()
        let result = try place.start(["backup", "copy.vault", "--json"] + options).end()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.object["bytes"] as? Int ?? 0 > 0)
        expectOneLineError(try place.run("backup", "copy.vault"), status: 1, containing: "exists")
        let before = try place.counters()
        place.environment["VAULTDB_PATH"] = "copy.vault"
        #expect(try place.counters() == before)
        try place.expectClean()
    }

    @Test(arguments: ["", "-wal0", "-wal1", "-lock", ".compact"])
    func aBackupKeepsAwayFromTheVaultsOwnFiles(_ suffix: String) throws {
        let place = try placeWithPeople()
        let before = try place.files().sorted()
        expectOneLineError(
            try place.run("backup", "clinic.vault\(suffix)"), status: 2, containing: "belongs to the vault")
        #expect(try place.files().sorted() == before)
        try place.expectClean()
    }

    @Test func rekeyFindsNothingWhereTheRulesAreTheSame() throws {
        let place = try placeWithPeople()
        let report = try place.run("rekey", "--dry-run", "--json").object
        #expect(report["before"] as? String == report["after"] as? String)
        #expect((report["changes"] as? [Any])?.isEmpty == true)
        // Three rows, each an email and a phone in the indexes and a record.
        #expect(report["entries"] as? Int == 9)
        #expect(try place.run("rekey").output.hasPrefix("Every identifier reads as it is stored."))
    }

    @Test func theLargestSizeIsKeptAndCanBeRaised() throws {
        let place = try Workplace()
        try place.run("init", "--org", Workplace.organization, "--max-size", "1M")
        #expect(try place.run("get", "meta", "vault", "--json").object["bytes_max"] as? Int == 1 << 20)
        try place.write(Workplace.generatedRows(5_000), to: "rows.csv")
        let full = try place.run("import", "--kind", "lead", "rows.csv")
        #expect(full.status == 1 && full.errors.contains("compact --max-size"))
        try place.run("compact", "--max-size", "1G")
        #expect(try place.run("import", "--kind", "lead", "rows.csv").status == 0)
        #expect(try place.run("check").status == 0)
        #expect(try place.run("init", "--db", "other.vault", "--max-size", "12").status == 2)
    }

    @Test func aLargestSizeWithoutRoomToWriteIsRefused() throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(5_000), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        let size = try place.run("get", "meta", "vault", "--json").object["bytes_max"] as? Int
        let refused = try place.run("compact", "--max-size", "1M")
        expectOneLineError(refused, status: 2, containing: "give at least ")
        #expect(try place.run("get", "meta", "vault", "--json").object["bytes_max"] as? Int == size)
        let least = try #require(refused.errors.firstMatch(of: /at least (\d+M)/)?.output.1)
        let result = try place.run("compact", "--max-size", String(least))
        #expect(result.status == 0, "\(result.errors)")
        let id = try place.person("--email", "person7@example.com")
        let erased = try place.run("erase", id, "--yes")
        #expect(erased.status == 0, "\(erased.errors)")
        try place.expectClean()
    }

    @Test func compactKeepsEverything() throws {
        let place = try placeWithPeople()
        let before = try place.counters()
        let result = try place.run("compact", "--json").object
        #expect(try #require(result["bytes_after"] as? Int) <= #require(result["bytes_before"] as? Int))
        #expect(try place.counters() == before)
        #expect(try place.run("compact").output.contains("bytes before"))
        try place.expectClean()
    }
}

@Suite("Files that are no whole vault, and places that refuse")
struct BadFileTests {
    private static let readers = [["stat"], ["check"], ["find", "--email", "a@example.com"], ["keys"]]
    private static let writers = [["resolve", "--email", "a@example.com"], ["compact"]]

    @Test(arguments: readers + writers)
    func aFileThatIsNoVaultIsRefusedAndKept(_ words: [String]) throws {
        let place = try Workplace()
        let text = String(repeating: "This is a letter, and no vault.\n", count: 1_000)
        for content in [text, "", "short"] {
            try place.write(content, to: "clinic.vault")
            let result = try place.start(words + ["--org", Workplace.organization]).end()
            expectOneLineError(result, status: 1)
            #expect(try place.read("clinic.vault") == content)
        }
    }

    @Test(arguments: readers + writers)
    func aDirectoryIsRefused(_ words: [String]) throws {
        let place = try Workplace()
        try FileManager.default.createDirectory(atPath: place.vault, withIntermediateDirectories: false)
        expectOneLineError(try place.start(words + ["--org", Workplace.organization]).end(), status: 1)
    }

    @Test(arguments: [4_096, 8_192, 20_000, 65_536])
    func aTruncatedVaultIsAnErrorAndNotACrash(_ bytes: Int) throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(2_000), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        #expect(truncate(place.vault, bytes) == 0)
        for words in Self.readers + Self.writers {
            expectOneLineError(try place.start(words).end(), status: 1)
        }
    }

    /// The format's number is the first byte of the entry `vault` in the table `meta`, which holds the normaliser's
    /// name; here it is counted up in every page that holds it.
    @Test func aVaultOfANewerFormatIsRefused() throws {
        let place = try Workplace.withVault()
        let raw = try place.run("get", "meta", "vault", "--raw", "--json").object
        let hex = try #require(raw["value"] as? String)
        let value = stride(from: 0, to: hex.count, by: 2).compactMap { offset in
            UInt8(hex.dropFirst(offset).prefix(2), radix: 16)
        }
        var file = try Data(contentsOf: URL(filePath: place.vault))
        var start = file.startIndex
        var found = 0
        while let range = file.range(of: Data(value), in: start..<file.endIndex) {
            file[range.lowerBound] += 1
            start = range.upperBound
            found += 1
        }
        try #require(found > 0)
        try file.write(to: URL(filePath: place.vault))
        for words in Self.readers + [Self.writers[0]] {
            expectOneLineError(try place.start(words).end(), status: 1, containing: "format")
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs another user"))
    func aReadOnlyDirectoryRefusesWritesInOneLine() throws {
        let place = try Workplace.withVault()
        try place.run("resolve", "--email", "a@example.com")
        #expect(chmod(place.path, 0o555) == 0 && chmod(place.vault, 0o444) == 0)
        defer { chmod(place.path, 0o755) }
        func asNobody(_ words: [String]) throws -> Program.Result {
            let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Program.path]
            return try place.start(program: other + words).end()
        }
        expectOneLineError(try asNobody(["resolve", "--email", "b@example.com"]), status: 1, containing: "denied")
        expectOneLineError(try asNobody(["init", "--db", "other.vault"]), status: 1, containing: "denied")
        expectOneLineError(try asNobody(["backup", "copy.vault"]), status: 1, containing: "denied")
        let found = try asNobody(["find", "--email", "a@example.com"])
        if found.status != 0 { expectOneLineError(found, status: 1, containing: "denied") }
    }

    @Test func aBackupNeedsADirectoryThatTakesIt() throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.run("backup", "/proc/copy.vault"), status: 1, containing: "/proc/copy.vault")
        let advice = "can't be made; check that its directory is there"
        expectOneLineError(try place.run("backup", "missing/copy.vault"), status: 1, containing: advice)
        try place.run("backup", "copy.vault")
        for path in ["missing/x.vault", "copy.vault/x.vault"] {
            let result = try place.run("restore", "copy.vault", "--db", path)
            expectOneLineError(result, status: 1, containing: "\(path) \(advice)")
        }
    }
}
