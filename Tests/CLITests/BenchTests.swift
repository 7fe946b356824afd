import Foundation
import Glibc
import Testing

@Suite("bench measures what it is told, counts all of it, and leaves nothing behind")
struct BenchTests {
    private static let few = ["--people", "300", "--warm-up", "0"]

    private func bench(_ place: Workplace, _ words: String...) throws -> [String: Any] {
        let result = try place.start(["bench", "--json"] + Self.few + words).end()
        #expect(result.status == 0, "\(result.errors)")
        return try result.object
    }

    private func expectOrdered(_ document: [String: Any]) throws {
        let latency = try #require(document["latency_ns"] as? [String: Double])
        let values = ["min", "p50", "p75", "p90", "p99", "p99_9", "p99_99", "max"].compactMap { latency[$0] }
        #expect(values.count == 8 && values == values.sorted(), "\(latency)")
        let bars = try #require(document["distribution"] as? [[String: Int]])
        #expect(bars.compactMap { $0["count"] }.reduce(0, +) == document["operations"] as? Int)
    }

    // MARK: A temporary vault

    @Test(arguments: ["find-email", "find-phone", "resolve-hit", "resolve-create", "mixed"])
    func everyMixOnATemporaryVault(_ mix: String) throws {
        let place = try Workplace()
        let document = try bench(place, "--mix", mix, "--operations", "400", "--connections", "3", "--directory", ".")
        #expect(document["mix"] as? String == mix)
        #expect(document["operations"] as? Int == 400)
        #expect(document["missing"] as? Int == 0)
        #expect(document["errors"] as? Int == 0)
        try expectOrdered(document)
        #expect(try place.files().isEmpty, "the temporary vault is gone")
    }

    @Test func anOpenLoopBeginsAsManyAsTheRateSays() throws {
        let document = try bench(Workplace(), "--rate", "2000", "--duration", "0.2", "--connections", "2")
        let counts = ["operations", "unsent"].compactMap { document[$0] as? Int }
        #expect(counts.reduce(0, +) == 400)
        try expectOrdered(document)
    }

    /// The last operation begins a whole interval before the end.
    @Test(arguments: [["--duration", "0.2"], ["--operations", "4"]])
    func anOpenLoopIsMeasuredToItsEnd(_ length: [String]) throws {
        let place = try Workplace()
        let result = try place.start(["bench", "--json", "--rate", "20"] + length + Self.few).end()
        #expect(try #require(try result.object["seconds"] as? Double) >= 0.2, "\(result.errors)")
    }

    @Test func aTemporaryVaultIgnoresTheOneInTheEnvironment() throws {
        let place = try Workplace.withVault()
        let before = try place.counters()
        _ = try bench(place, "--mix", "resolve-create", "--operations", "50")
        #expect(try place.counters() == before)
    }

    /// At work, while it waits for the end of warming up, and between two operations of an open loop.
    @Test(
        arguments: [SIGINT, SIGHUP],
        [
            ["--duration", "3600", "--warm-up", "0"], ["--warm-up", "3600"],
            ["--rate", "0.001", "--duration", "3600", "--warm-up", "0"],
        ])
    func interruptedItTellsWhatItHasAndRemovesTheVault(_ signal: Int32, _ length: [String]) throws {
        let place = try Workplace()
        let drawing = "<svg >before</svg>\n"
        try place.write(drawing, to: "l.svg")
        let running = try place.start(
            ["bench", "--people", "300", "--directory", ".", "--json", "--svg", "l.svg"] + length)
        // The vault is complete when it has grown, and the file that fills it is gone.
        try running.wait {
            let name = try place.files().first { $0.hasPrefix("vaultdb-bench-") }
            guard let name else { return false }
            var vault = stat()
            return stat(place.file("\(name)/bench.vault"), &vault) == 0 && vault.st_size > 100_000
                && !place.exists("\(name)/people.csv")
        }
        running.signal(signal)
        try running.wait { running.hasEnded }
        let result = try running.end()
        #expect(result.status == 130)
        #expect(try place.files().filter { $0.hasPrefix("vaultdb-bench-") }.isEmpty)
        // One that shows nothing takes no other's place.
        let operations = try result.object["operations"] as? Int
        #expect(try (operations == 0) == (place.read("l.svg") == drawing))
    }

    @Test func theVaultIsNotDrawnOver() throws {
        let place = try Workplace.withVault()
        expectOneLineError(
            try place.run("bench", "--svg", "clinic.vault"), status: 2, containing: "belongs to the vault")
        try place.expectClean()
    }

    /// Nothing in the command line or the environment names the vault.
    @Test(arguments: [("clinic.vault", "belongs to a vault"), ("notes", "no drawing")])
    func onlyADrawingIsDrawnOver(_ name: String, _ part: String) throws {
        let place = try Workplace.withVault()
        try place.write("Dear Ana,\n", to: "notes")
        let before = try Data(contentsOf: URL(filePath: place.file(name)))
        place.environment = [:]
        expectOneLineError(
            try place.start(["bench", "--operations", "10", "--svg", name] + Self.few).end(), status: 1,
            containing: part)
        #expect(try Data(contentsOf: URL(filePath: place.file(name))) == before)
        for old in ["", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n"] {
            try place.write(old, to: "l.svg")
            let result = try place.start(["bench", "--operations", "10", "--svg", "l.svg"] + Self.few).end()
            #expect(result.status == 0, "\(result.errors)")
            #expect(try place.read("l.svg").contains("percentile"))
        }
    }

    @Test(arguments: ["missing/l.svg", "."])
    func withoutAPlaceForTheDrawingNothingIsMeasured(_ name: String) throws {
        let place = try Workplace()
        let words = ["bench", "--json", "--operations", "10", "--svg", name]
        let result = try place.start(words + Self.few).end()
        expectOneLineError(result, status: 1, containing: "\(name) can't be written")
        #expect(result.output.isEmpty)
    }

    @Test func aDrawingThatCannotBeWrittenDoesNotTakeTheReportWithIt() throws {
        let place = try Workplace()
        // Longer than a name may be.
        let name = String(repeating: "l", count: 300)
        let result = try place.start(["bench", "--json", "--operations", "10", "--svg", name] + Self.few).end()
        expectOneLineError(result, status: 1, containing: "\(name) can't be written")
        #expect(try result.object["operations"] as? Int == 10)
    }

    @Test func peopleReadPercentilesAndAPlot() throws {
        let place = try Workplace()
        let result = try place.start(["bench", "--operations", "500", "--svg", "l.svg"] + Self.few).end()
        #expect(result.status == 0, "\(result.errors)")
        for part in ["throughput", "500 in ", "99.9 %", "█", "closed"] {
            #expect(result.output.contains(part), "\(result.output)")
        }
        let drawing = try place.read("l.svg")
        #expect(drawing.hasPrefix("<svg ") && drawing.hasSuffix("</svg>\n"))
        let parsed = try place.start(
            program: ["python3", "-c", "import xml.dom.minidom as x; x.parse('l.svg')"]
        ).end()
        #expect(parsed.status == 0, "\(parsed.errors)")
    }

    @Test func aDrawingOnStdoutHasItAlone() throws {
        let place = try Workplace()
        let result = try place.start(["bench", "--operations", "10", "--svg", "-"] + Self.few).end()
        #expect(result.output.hasPrefix("<svg ") && result.output.hasSuffix("</svg>\n"), "\(result.output)")
        #expect(result.errors.contains("throughput"))
    }

    // MARK: Somebody's vault

    @Test(arguments: ["find-email", "find-phone", "resolve-hit"])
    func aVaultIsAskedForThoseWhoAreThereAndNotWritten(_ mix: String) throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(200), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        let before = try place.counters()
        let document = try bench(place, "--db", "clinic.vault", "--mix", mix, "--operations", "300")
        // Not more who have both an email and a phone.
        #expect(document["people"] as? Int == 200)
        #expect(document["missing"] as? Int == 0)
        #expect(try place.counters() == before)
    }

    @Test func whereCreatingIsAllowedEmailsAreMarked() throws {
        let place = try Workplace.withVault()
        let before = try #require(place.counters()["identities"])
        let words = ["--db", "clinic.vault", "--mix", "resolve-create", "--allow-writes", "--operations", "20"]
        #expect(try place.start(["bench"] + Self.few + words).end().status == 0)
        #expect(try place.counters()["identities"] == before + 20)
        #expect(try place.counters()["phones"] == 0)
        let keys = try place.run("keys", "--table", "by_email", "--prefix", "bench-").lines
        #expect(keys.count { $0.contains("@vaultdb.invalid") } == 20)
        try place.expectClean()
    }

    @Test func anEmptyVaultHasNobodyToAskFor() throws {
        let place = try Workplace.withVault()
        let result = try place.run("bench", "--db", "clinic.vault")
        expectOneLineError(result, status: 1, containing: "nobody to ask for")
    }

    // MARK: A server

    @Test func aServerIsAskedByManyConnectionsAndNotWritten() throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(200), to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        let before = try place.counters()
        let served = try Served(place)
        let server = ["--host", "127.0.0.1", "--port", "\(served.port)", "--org", Workplace.organization]
        for mix in ["find-email", "find-phone", "resolve-hit"] {
            for pipeline in ["1", "8"] {
                let words = ["--mix", mix, "--operations", "500", "--connections", "7", "--pipeline", pipeline]
                let result = try place.start(["bench", "--json", "--threads", "2"] + Self.few + server + words).end()
                #expect(result.status == 0, "\(result.errors)")
                #expect(try result.object["operations"] as? Int == 500)
                #expect(try result.object["people"] as? Int == 200)
                #expect(try result.object["missing"] as? Int == 0)
            }
        }
        let open = try place.start(
            ["bench", "--json", "--rate", "1000", "--duration", "0.2"] + Self.few + server
        ).end()
        let counts = try ["operations", "unsent"].compactMap { try open.object[$0] as? Int }
        #expect(counts.reduce(0, +) == 200)
        #expect(try place.counters() == before)
        let writes = ["--mix", "mixed", "--allow-writes", "--operations", "300"]
        #expect(try place.start(["bench"] + Self.few + server + writes).end().status == 0)
        #expect(try served.stop().status == 0)
        #expect(try #require(place.counters()["identities"]) > 200)
        try place.expectClean()
    }

    @Test func aServerThatWantsATokenGetsIt() throws {
        let place = try Workplace.withVault()
        let made = try place.run("token", "create", "--role", "resolver", "--label", "bench")
        let token = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let served = try Served(place)
        let words =
            ["bench", "--host", "127.0.0.1", "--port", "\(served.port)", "--org", Workplace.organization]
            + ["--mix", "resolve-create", "--allow-writes", "--operations", "10", "--warm-up", "0"]
        expectOneLineError(try place.start(words).end(), status: 1, containing: "VAULTDB_TOKEN")
        expectOneLineError(try place.start(words + ["--token", "wrong"]).end(), status: 1, containing: "token")
        place.environment["VAULTDB_TOKEN"] = token
        let allowed = try place.start(words).end()
        #expect(allowed.status == 0, "\(allowed.errors)")
        #expect(try served.stop().status == 0)
    }

    @Test func aServerThatIsNotThereIsToldInOneLine() throws {
        let place = try Workplace()
        let result = try place.run("bench", "--host", "127.0.0.1", "--port", "1", "--org", Workplace.organization)
        expectOneLineError(result, status: 1, containing: "can't be reached")
    }
}
