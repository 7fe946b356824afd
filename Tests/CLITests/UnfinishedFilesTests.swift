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

    /// Starts a command, again where it was too quick, and ends it with SIGTERM while a file with this ending is there.
    private func expectNothingLeft(_ words: [String], of name: String, ending: String, in place: Workplace) throws {
        func unfinished() throws -> [String] {
            try place.files().filter { $0.hasPrefix("\(name).") && $0.hasSuffix(ending) }
        }
        for _ in 0..<20 {
            let running = try place.start(words)
            try running.wait { try running.hasEnded || !unfinished().isEmpty }
            running.signal(SIGTERM)
            let result = try running.end()
            #expect(try unfinished().isEmpty)
            try #require([0, 128 + SIGTERM].contains(result.status), "\(result.errors)")
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
}
