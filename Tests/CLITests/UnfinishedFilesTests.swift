import Foundation
import Glibc
import Testing

@Suite("A command that is cut off takes the file it was writing with it", .serialized)
struct UnfinishedFilesTests {
    /// Rows that make enough to write for a signal to come in the middle.
    private static let rows = 20_000

    private func place(_ rows: String) throws -> Workplace {
        let place = try Workplace.withVault()
        try place.write(rows, to: "rows.csv")
        let made = try place.run("import", "--kind", "lead", "rows.csv")
        try #require(made.status == 0, "\(made.errors)")
        return place
    }

    /// Starts a command, again where it was too quick, and ends it by a signal while a file with this ending is there.
    private func expectNothingLeft(
        _ words: [String], of name: String, ending: String, by signal: Int32 = SIGTERM, in place: Workplace
    ) throws {
        func unfinished() throws -> [String] {
            try place.files().filter { $0.hasPrefix("\(name).") && $0.hasSuffix(ending) }
        }
        for _ in 0..<20 {
            let running = try place.start(words)
            try running.wait { try running.hasEnded || !unfinished().isEmpty }
            running.signal(signal)
            let result = try running.end()
            #expect(try unfinished().isEmpty)
            try #require([0, 128 + signal].contains(result.status), "\(result.errors)")
            // Where it has its name the signal came too late.
            guard place.exists(name) else { return }
            unlink(place.file(name))
        }
        Issue.record("it was always too quick")
    }

    @Test func anExport() throws {
        let records = (0..<Self.rows).map { "r\($0),ana@example.com\n" }.joined()
        let place = try place("id,email\n" + records)
        let id = try place.person("--email", "ana@example.com")
        try expectNothingLeft(["export", id, "--output", "ana.json"], of: "ana.json", ending: ".tmp", in: place)
    }

    @Test func aRegisterOfErasures() throws {
        let place = try place(Workplace.generatedRows(1_000))
        let ids = try place.run("keys", "--table", "identities", "--json").lines.map { line -> String in
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(entry?["key"] as? String)
        }
        try place.write(ids.map { "ERASE \(Workplace.organization) \($0)\n" }.joined(), to: "commands")
        let served = try Served(place)
        _ = try place.start(program: ["redis-cli", "-p", "\(served.port)"], input: "commands").end()
        #expect(try served.stop().status == 0)
        let words = ["erasures", "--export", "erasures.jsonl"]
        try expectNothingLeft(words, of: "erasures.jsonl", ending: ".tmp", in: place)
        let whole = try place.start(words + ["--json"]).end()
        #expect(try whole.object["erasures"] as? Int == ids.count)
    }

    @Test(arguments: [[], ["--compact"]])
    func aBackup(_ options: [String]) throws {
        let place = try place(Workplace.generatedRows(Self.rows))
        try expectNothingLeft(
            ["backup", "copy.vault"] + options, of: "copy.vault", ending: ".partial", in: place)
        try place.expectClean()
    }

    /// A lost terminal and the like.
    @Test(arguments: [SIGHUP, SIGPIPE])
    func aBackupByAnySignal(_ signal: Int32) throws {
        let place = try place(Workplace.generatedRows(Self.rows))
        try expectNothingLeft(["backup", "copy.vault"], of: "copy.vault", ending: ".partial", by: signal, in: place)
    }

    // MARK: A power cut

    /// No process has the first number.
    @Test func whatAnEarlierBackupLeftGoes() throws {
        let place = try Workplace.withVault()
        let (left, other) = ("copy.vault.4194304.partial", "copy.vault.\(getpid()).partial")
        let used = "copy.vault.4194303.partial"
        for name in [left, other, used] { try place.write("people", to: name) }
        let descriptor = open(place.file(used), O_RDONLY)
        defer { close(descriptor) }
        try #require(flock(descriptor, LOCK_SH | LOCK_NB) == 0)
        #expect(try place.run("backup", "copy.vault").status == 0)
        #expect(!place.exists(left) && place.exists(other) && place.exists(used))
    }

    @Test func whatAnEarlierExportLeftGoes() throws {
        let place = try Workplace.withVault()
        let id = try place.person("--email", "ana@example.com")
        let left = "ana.json.4194304.tmp"
        try place.write("people", to: left)
        #expect(try place.run("export", id, "--output", "ana.json").status == 0)
        #expect(!place.exists(left) && place.exists("ana.json"))
    }

    // MARK: An import

    /// A FIFO that somebody has open holds the import up.
    private func pipe(_ place: Workplace) throws -> FileHandle {
        #expect(mkfifo(place.file("pipe"), 0o600) == 0)
        return try #require(FileHandle(forUpdatingAtPath: place.file("pipe")))
    }

    private func unfinished(_ place: Workplace) throws -> [String] {
        try place.files().filter { $0.hasSuffix(".tmp") }
    }

    @Test(arguments: [SIGHUP, SIGPIPE])
    func anImportThatWaitsForRows(_ signal: Int32) throws {
        let place = try Workplace.withVault()
        let pipe = try pipe(place)
        let running = try place.start(["import", "--kind", "lead", "pipe", "--assignments", "out.csv"])
        try running.wait { try running.catches(SIGINT) && running.isAsleep && unfinished(place).count == 1 }
        running.signal(signal)
        try running.wait { running.hasEnded }
        // A lost terminal is a wish, as Ctrl-C is.
        #expect(try running.end().status == (signal == SIGHUP ? 130 : 128 + signal))
        #expect(try unfinished(place).isEmpty && !place.exists("out.csv"))
        try pipe.close()
    }

    /// It writes to a pipe that is full, so that it doesn't get to look at the wish.
    @Test func anImportByTheSecondSignal() throws {
        let place = try Workplace.withVault()
        let pipe = try pipe(place)
        try place.write("id,email\n" + (0..<5_000).map { "\($0),x\n" }.joined(), to: "rows.csv")
        let words = ["import", "--kind", "lead", "rows.csv", "--assignments", "out.csv", "--rejects", "pipe"]
        let running = try place.start(words)
        var unread: Int32 = 0
        try running.wait {
            _ = ioctl(pipe.fileDescriptor, UInt(FIONREAD), &unread)
            return unread > 0 && running.isAsleep
        }
        #expect(try unfinished(place).count == 1)
        // Two different ones: of one kind only one can be on its way.
        running.signal(SIGINT)
        running.signal(SIGTERM)
        try running.wait { running.hasEnded }
        let status = try running.end().status
        #expect([128 + SIGINT, 128 + SIGTERM].contains(status))
        #expect(try unfinished(place).isEmpty)
        try pipe.close()
    }

    // MARK: A demonstration

    /// The signal comes before the server listens to any.
    @Test func aDemonstrationThatIsBeingFilled() throws {
        let place = try Workplace()
        place.environment["TMPDIR"] = "."
        let running = try place.start(["serve", "--demo", "--port", "0", "--no-http"])
        func directory() throws -> String? { try place.files().first { $0.hasPrefix("vaultdb-demo-") } }
        try running.wait { try directory() != nil }
        running.signal(SIGTERM)
        try running.wait { running.hasEnded }
        let status = try running.end().status
        #expect([0, 128 + SIGTERM].contains(status))
        #expect(try directory() == nil)
    }
}
