// The sample contacts as `vaultdb serve --demo` shows them, in a real browser, and its API as a stranger would try it.

import Foundation
import Glibc
import Testing

@Suite("serve --demo", .serialized) struct PagesTests {
    private static let organization = "0198c0de-0000-7000-8000-00000c111c00"
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()

    private static func isInstalled(_ program: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    private static let hasBrowser =
        PythonClients.has("selenium", "axe_playwright_python") && isInstalled("chromium")
        && isInstalled("chromedriver")
    private static let hasSchemathesis = PythonClients.has("schemathesis")
    private static let browserMissing: Comment =
        "skipped: chromium, its driver, selenium or axe-core is missing; run scripts/setup --tests where PyPI is there"
    private static let schemathesisMissing: Comment =
        "skipped: schemathesis is not installed in .build/clients; run scripts/setup --tests where PyPI can be reached"

    /// A temporary directory of the program's own, so that what it leaves behind can be seen.
    private func place() throws -> Workplace {
        let place = try Workplace()
        try FileManager.default.createDirectory(atPath: place.file("tmp"), withIntermediateDirectories: false)
        place.environment["TMPDIR"] = place.file("tmp")
        return place
    }

    @Test("It serves the samples over both protocols, says where, and leaves nothing behind")
    func demo() throws {
        let place = try place()
        let served = try Served(place, ["--demo"], http: true)
        let http = try #require(served.http)
        #expect(http.hasPrefix("http://127.0.0.1:"))
        let found = try place.start(program: [
            "redis-cli", "-p", "\(served.port)", "FIND", Self.organization, "PHONE", "723 86 04 95",
        ]).end().output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(found.count == 36, "\(found)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("tmp")).count == 1)
        let stopped = try served.stop()
        #expect(stopped.status == 0, "\(stopped.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("tmp")) == [])
        #expect(!place.exists("clinic.vault"))
    }

    @Test("The temporary directory may have any name", arguments: ["a b", "ñ", "a%20b"])
    func temporaryDirectory(_ name: String) throws {
        let place = try Workplace()
        try FileManager.default.createDirectory(atPath: place.file(name), withIntermediateDirectories: false)
        place.environment["TMPDIR"] = place.file(name)
        #expect(try Served(place, ["--demo"]).stop().status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.file(name)) == [])
    }

    @Test("A temporary directory that is not there is told")
    func missingTemporaryDirectory() throws {
        let place = try Workplace()
        place.environment["TMPDIR"] = place.file("none")
        expectOneLineError(
            try place.run("serve", "--demo", "--port", "0", "--no-http"), status: 1, containing: "set TMPDIR")
    }

    @Test("For reading only it serves the samples and takes nothing in")
    func readOnly() throws {
        let place = try place()
        let served = try Served(place, ["--demo", "--read-only"])
        func ask(_ words: String...) throws -> String {
            try place.start(program: ["redis-cli", "-p", "\(served.port)"] + words).end().output
        }
        #expect(try ask("FIND", Self.organization, "PHONE", "723 86 04 95").count == 37)
        #expect(try ask("RESOLVE", Self.organization, "EMAIL", "new@example.com").hasPrefix("READONLY "))
        #expect(try ask("FIND", Self.organization, "EMAIL", "new@example.com") == "\n")
        #expect(try served.stop().status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("tmp")) == [])
    }

    @Test("Without HTTP only one address is told")
    func withoutHTTP() throws {
        let place = try place()
        let served = try Served(place, ["--demo"])
        #expect(served.http == nil)
        let stopped = try served.stop()
        #expect(!stopped.errors.contains("pages on"))
    }

    @Test(
        "Staff search, look, merge, undo and keep apart in a browser, by keyboard and on a phone",
        .enabled(if: hasBrowser, browserMissing), arguments: ["es", "en"])
    func browser(_ language: String) throws {
        let place = try place()
        let served = try Served(place, ["--demo"], http: true)
        let hostile = try place.start(program: [
            "redis-cli", "-p", "\(served.port)", "PUT", Self.organization, "lead", "hostile", "email", "h@example.com",
            "first_name", #""><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"#, "source",
            "<b>web</b>",
        ]).end()
        #expect(hostile.status == 0)
        let id = try place.start(program: [
            "redis-cli", "-p", "\(served.port)", "FIND", Self.organization, "EMAIL", "h@example.com",
        ]).end().output.trimmingCharacters(in: .whitespacesAndNewlines)
        let kept = ProcessInfo.processInfo.environment["VAULTDB_ARTEFACTS"].map { "\($0)/\(language)" }
        // A browser looks for its profile at home.
        place.environment["HOME"] = place.path
        let result = try place.start(program: [
            PythonClients.python, Self.sources.appending(path: "Clients/browser.py").path(),
            try #require(served.http), kept ?? place.file("artefacts"), language, "--hostile", id,
        ]).end()
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try served.stop().status == 0)
    }

    @Test(
        "The API answers whatever its document allows as its document says, and fails at nothing",
        .enabled(if: hasSchemathesis, schemathesisMissing))
    func schemathesis() throws {
        let place = try place()
        let served = try Served(place, ["--demo"], http: true)
        let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        let result = try place.start(program: [
            PythonClients.python, "-m", "schemathesis.cli", "run", "\(try #require(served.http))/openapi.json",
            "-H", "X-Organization-Id: \(Self.organization)", "--checks", checks, "--phases", "coverage,fuzzing",
            "--generation-with-security-parameters", "false", "--max-examples", "10", "--seed", "1", "--max-time", "45",
            "--no-color",
        ]).end()
        #expect(result.status == 0, "\(result.output.suffix(8_000))\(result.errors)")
        #expect(try served.stop().status == 0)
    }
}
