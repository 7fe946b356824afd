import Foundation
import Glibc
import Testing

@Suite(
    "An import that is cut off loses nothing that was committed, and a rerun ends where an uninterrupted one does",
    .serialized)
struct InterruptionTests {
    private static let rows = 20_000

    private func place() throws -> Workplace {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(Self.rows), to: "rows.csv")
        return place
    }

    /// In so many transactions that there is time to cut it off.
    private static let words = ["import", "--kind", "lead", "--batch", "10", "rows.csv"]

    /// Waits until some rows are in, so that the signal comes in the middle.
    private func startAndWaitForRows(_ place: Workplace, _ words: [String]) throws -> Program.Running {
        let running = try place.start(words)
        try running.wait { try (place.counters()["records"] ?? 0) > 0 }
        return running
    }

    private func expectSameAsUninterrupted(_ place: Workplace) throws {
        try place.expectClean()
        let rest = try place.run("import", "--kind", "lead", "rows.csv", "--json")
        #expect(rest.status == 0)
        let counters = try place.counters()
        for name in ["identities", "emails", "phones", "records"] { #expect(counters[name] == Self.rows) }
        // One event for each identity and record, and one for the organization.
        let whole = try self.place()
        try whole.run("import", "--kind", "lead", "rows.csv")
        #expect(try whole.counters() == counters)
        try place.expectClean()
    }

    @Test func killed() throws {
        let place = try place()
        let running = try startAndWaitForRows(place, Self.words)
        running.signal(SIGKILL)
        #expect(try running.end().status == 128 + SIGKILL)
        #expect(try #require(place.counters()["records"]) < Self.rows)
        try expectSameAsUninterrupted(place)
    }

    @Test func interrupted() throws {
        let place = try place()
        let running = try startAndWaitForRows(place, Self.words + ["--assignments", "out.csv", "--json"])
        running.signal(SIGINT)
        let result = try running.end()
        expectOneLineError(result, status: 130, containing: "run the same command again")
        let summary = try result.object
        #expect(summary["cancelled"] as? Bool == true)
        #expect(try place.counters()["records"] == summary["rows"] as? Int)
        #expect(!place.exists("out.csv"))
        try expectSameAsUninterrupted(place)
    }

    /// Files of one batch each, so that only between them there is time to stop.
    @Test func interruptedBetweenFiles() throws {
        let place = try place()
        try place.write(Workplace.generatedRows(10), to: "few.csv")
        let files = (1...2_000).map { "kind\($0)=few.csv" }
        let running = try startAndWaitForRows(place, ["backfill"] + files + ["--json"])
        running.signal(SIGTERM)
        let result = try running.end()
        expectOneLineError(result, status: 130, containing: "run the same command again")
        let sum = try #require(try result.object["sum"] as? [String: Any])
        #expect(try place.counters()["records"] == sum["rows"] as? Int)
        #expect(try #require(try result.object["files"] as? [Any]).count < files.count)
        try place.expectClean()
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func interruptedWhileItWaitsForInput(_ signal: Int32) throws {
        let place = try Workplace.withVault()
        #expect(mkfifo(place.file("pipe"), 0o600) == 0)
        let pipe = try #require(FileHandle(forUpdatingAtPath: place.file("pipe")))
        try pipe.write(contentsOf: Data((Workplace.generatedRows(2) + "r2,cut off").utf8))
        let running = try place.start(["import", "--kind", "lead", "-", "--json"], input: "pipe")
        // Until all is read and nothing is left to do.
        var unread: Int32 = 1
        try running.wait {
            _ = ioctl(pipe.fileDescriptor, UInt(FIONREAD), &unread)
            return unread == 0 && running.isAsleep
        }
        running.signal(signal)
        let result = try running.end()
        try pipe.close()
        expectOneLineError(result, status: 130, containing: "interrupted")
        #expect(try result.object["rows"] as? Int == 2)
        #expect(try result.object["cancelled"] as? Bool == true)
        #expect(try place.counters()["records"] == 2)
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func interruptedWhileNobodyWritesToItsFIFO(_ signal: Int32) throws {
        let place = try Workplace.withVault()
        #expect(mkfifo(place.file("pipe"), 0o600) == 0)
        let running = try place.start(["import", "--kind", "lead", "pipe", "--json"])
        try running.wait { running.catches(signal) && running.isAsleep }
        running.signal(signal)
        let result = try running.end()
        expectOneLineError(result, status: 130, containing: "interrupted")
        #expect(try result.object["rows"] as? Int == 0)
    }

    /// All rows are in by then, so that there is nothing to go on with.
    @Test func interruptedWhileTheFileIsRewritten() throws {
        let place = try place()
        let running = try place.start(["import", "--kind", "lead", "rows.csv", "--json"])
        try running.wait { running.hasEnded || place.exists("clinic.vault.compact") }
        running.signal(SIGINT)
        let result = try running.end()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.object["rows"] as? Int == Self.rows)
        #expect(!place.exists("clinic.vault.compact"))
        try place.expectClean()
    }

    @Test func aLostTerminalIsIgnoredUnderNohup() throws {
        let place = try place()
        let command = "trap '' HUP; exec \(Program.path) \(Self.words.joined(separator: " ")) --json"
        let running = try place.start(program: ["sh", "-c", command])
        try running.wait { try (place.counters()["records"] ?? 0) > 0 }
        running.signal(SIGHUP)
        let result = try running.end()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.object["rows"] as? Int == Self.rows)
    }

    @Test func twoAtTheSameTime() throws {
        let place = try place()
        // Half of the people are in both files.
        try place.write(Workplace.generatedRows(Self.rows, from: Self.rows / 2, id: "s"), to: "more.csv")
        let one = try place.start(["import", "--kind", "lead", "--batch", "200", "rows.csv", "--json"])
        let other = try place.start(["import", "--kind", "patient", "--batch", "200", "more.csv", "--json"])
        for running in [one, other] {
            let result = try running.end()
            #expect(result.status == 0, "\(result.errors)")
            #expect(try result.object["rows"] as? Int == Self.rows)
        }
        let counters = try place.counters()
        #expect(counters["identities"] == Self.rows * 3 / 2)
        #expect(counters["records"] == Self.rows * 2)
        try place.expectClean()
    }

    /// The shell's limit on a file's size stands for a disk that is full.
    @Test func theFileMayNotGrow() throws {
        let place = try place()
        let command = "ulimit -f 2048; exec \(Program.path) \(Self.words.joined(separator: " ")) --json"
        let result = try place.start(program: ["bash", "-c", command]).end()
        expectOneLineError(result, status: 1)
        let kept = try #require(place.counters()["records"])
        #expect(kept > 0 && kept < Self.rows)
        #expect(try result.object["rows"] as? Int == kept)
        try expectSameAsUninterrupted(place)
    }

    @Test(.enabled(if: Workplace.mayMount, "skipped: this process may not mount"))
    func theDiskIsFull() throws {
        let place = try place()
        let disk = try place.mountDisk(mebibytes: 3)
        defer { umount2(disk, Int32(MNT_DETACH)) }
        place.environment["VAULTDB_PATH"] = "disk/clinic.vault"
        try place.run("init", "--org", Workplace.organization)
        let result = try place.start(Self.words).end()
        expectOneLineError(result, status: 1, containing: "full")
        #expect(try #require(place.counters()["records"]) > 0)
        try place.expectClean()
        let grown = try place.start(program: ["mount", "-o", "remount,size=100m", disk]).end()
        #expect(grown.status == 0)
        try expectSameAsUninterrupted(place)
    }
}
