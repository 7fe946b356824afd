import Foundation
import Glibc
import Testing

@Suite("restore makes a vault of a backup, and of nothing else")
struct RestoreTests {
    private func placeWithBackup() throws -> Workplace {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(20), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        try place.run("backup", "backup.vault")
        return place
    }

    private func visibleFiles(_ place: Workplace) throws -> Set<String> {
        Set(try place.files().filter { !$0.hasPrefix(".") })
    }

    @Test func theRestoredVaultIsTheBackup() throws {
        let place = try placeWithBackup()
        let before = try place.counters()
        let files = try visibleFiles(place)
        place.environment["VAULTDB_PATH"] = "restored.vault"
        let result = try place.run("restore", "backup.vault")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("vaultdb erasures replay FILE --db 'restored.vault'"))
        #expect(try visibleFiles(place) == files.union(["restored.vault"]))
        var status = stat()
        #expect(stat(place.file("restored.vault"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try place.counters() == before)
        _ = try place.person("--email", "new@example.com")
        try place.expectClean()
        let second = try place.document("restore", "backup.vault", "--force", "--db", "second vault")
        #expect(second["file"] as? String == "second vault" && second["entries"] is Int)
    }

    @Test func aVaultThatIsThereIsReplacedOnlyByForce() throws {
        let place = try placeWithBackup()
        _ = try place.person("--email", "new@example.com")
        expectOneLineError(try place.run("restore", "backup.vault"), status: 1, containing: "--force")
        #expect(try place.run("find", "--email", "new@example.com").status == 0)
        // By another name that leads to it.
        #expect(symlink(place.vault, place.file("the clinic")) == 0)
        let restored = try place.document("restore", "backup.vault", "--force", "--db", "the clinic")
        let size = try FileManager.default.attributesOfItem(atPath: place.vault)[.size] as? Int
        #expect(restored["bytes"] as? Int == size)
        #expect(try place.run("find", "--email", "new@example.com").status == 3)
        _ = try place.person("--email", "newer@example.com")
        try place.expectClean()
    }

    @Test func aVaultThatIsInUseStays() throws {
        let place = try placeWithBackup()
        let follower = try place.start(["changes", "--follow"])
        try follower.wait { !follower.outputSoFar.isEmpty }
        expectOneLineError(try place.run("restore", "backup.vault", "--force"), status: 1, containing: "in use")
        follower.signal(SIGTERM)
        _ = try follower.end()
        #expect(try visibleFiles(place).filter { $0.contains(".restore") }.isEmpty)
        try place.expectClean()
    }

    /// The copy is there and being checked when the signal comes.
    @Test func aRestoreThatIsCutOffLeavesNothing() throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(20_000), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        try place.run("backup", "backup.vault")
        let running = try place.start(["restore", "backup.vault", "--db", "restored.vault"])
        try running.wait { try visibleFiles(place).contains { $0.hasSuffix(".restore") } }
        running.signal(SIGTERM)
        _ = try running.end()
        #expect(try visibleFiles(place).filter { $0.hasPrefix("restored.vault.") }.isEmpty)
    }

    /// Of one that was not closed, or that is gone.
    @Test(arguments: [true, false])
    func theLogOfAnEarlierVaultGoes(_ isThere: Bool) throws {
        let place = try placeWithBackup()
        if !isThere { unlink(place.vault) }
        for ending in ["-wal0", "-wal1"] { try place.write("of an earlier vault", to: "clinic.vault\(ending)") }
        let words = ["restore", "backup.vault"] + (isThere ? ["--force"] : [])
        let result = try place.start(words).end()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try visibleFiles(place).filter { $0.contains("-wal") }.isEmpty)
        try place.expectClean()
    }

    /// No process has this number.
    private static let gone = 4_194_304

    @Test func whatAnEarlierRestoreLeftGoes() throws {
        let place = try placeWithBackup()
        let endings = [".restore", ".restore-lock", ".restore.\(Self.gone).partial"]
        let left = endings.map { "clinic.vault.\(Self.gone)\($0)" }
        let others = ["clinic.vault.\(getpid()).restore", "other.vault.\(Self.gone).restore"]
        for name in left + others { try place.write("people", to: name) }
        #expect(try place.run("restore", "backup.vault", "--force").status == 0)
        #expect(left.filter(place.exists).isEmpty && others.allSatisfy(place.exists))
    }

    /// As of a container, in which processes have other numbers.
    @Test func whatIsInUseStaysAndMayBeTheBackup() throws {
        let place = try placeWithBackup()
        let name = "clinic.vault.\(Self.gone).restore"
        try FileManager.default.copyItem(atPath: place.file("backup.vault"), toPath: place.file(name))
        let result = try place.run("restore", name, "--force")
        #expect(result.status == 0, "\(result.errors)")
        #expect(place.exists(name))
        try place.expectClean()
    }

    @Test(.enabled(if: getuid() == 0, "needs another owner"))
    func theOwnerStays() throws {
        let place = try placeWithBackup()
        #expect(chown(place.vault, 12_345, 12_345) == 0)
        #expect(try place.run("restore", "backup.vault", "--force").status == 0)
        var status = stat()
        #expect(stat(place.vault, &status) == 0 && status.st_uid == 12_345 && status.st_gid == 12_345)
    }

    @Test func whatIsNoVaultIsRefused() throws {
        let place = try placeWithBackup()
        try place.write(String(repeating: "This is a letter.\n", count: 1_000), to: "letter")
        for (name, part) in [("letter", "other kind"), ("missing.vault", "no backup"), (".", "")] {
            expectOneLineError(
                try place.run("restore", name, "--db", "restored.vault"), status: 1, containing: part)
        }
        expectOneLineError(try place.run("restore", "backup.vault", "--db", "no/such.vault"), status: 1)
        #expect(!place.exists("restored.vault"))
        #expect(try visibleFiles(place).filter { $0.contains("restore") }.isEmpty)
    }

    /// An email in the file is spelled otherwise, so that its entry no longer agrees with its record.
    @Test func aBackupWithFaultsIsRefused() throws {
        let place = try placeWithBackup()
        var file = try Data(contentsOf: URL(filePath: place.file("backup.vault")))
        let email = Data("person7@example.com".utf8)
        var start = file.startIndex
        while let range = file.range(of: email, in: start..<file.endIndex) {
            file[range.lowerBound] = UInt8(ascii: "q")
            start = range.upperBound
        }
        try file.write(to: URL(filePath: place.file("backup.vault")))
        expectOneLineError(
            try place.run("restore", "backup.vault", "--db", "restored.vault"), status: 1, containing: "fault")
        #expect(try visibleFiles(place).filter { $0.contains("restore") }.isEmpty)
    }
}
