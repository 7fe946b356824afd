import Foundation
import Glibc
import TestSupport
import Testing

/// A temporary directory in which `vaultdb` works on `clinic.vault`.
final class Workplace {
    static let organization = "8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80"

    private let directory: TemporaryDirectory
    /// What every command finds in its environment.
    var environment = ["VAULTDB_PATH": "clinic.vault"]

    init() throws { directory = try TemporaryDirectory() }

    /// One in which the vault is made already.
    static func withVault() throws -> Workplace {
        let place = try Workplace()
        let made = try place.run("init", "--org", organization)
        try #require(made.status == 0, "\(made.errors)")
        return place
    }

    var path: String { directory.path }
    var vault: String { file("clinic.vault") }
    func file(_ name: String) -> String { directory.file(name) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// Names of all files.
    func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: file(name))), as: UTF8.self)
    }

    // MARK: Running

    @discardableResult
    func run(_ words: String..., input: String? = nil) throws -> Program.Result {
        try start(words, input: input).end()
    }

    func start(_ words: [String], input: String? = nil) throws -> Program.Running {
        try start(program: [Program.path] + words, input: input)
    }

    /// Runs a command that has to succeed with a document.
    func document(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        let result = try start(words + ["--json"]).end()
        #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
        return try result.object
    }

    /// The id of the identity that `resolve` finds or makes of these words.
    func person(_ words: String...) throws -> String {
        let result = try start(["resolve", "--json"] + words).end()
        return try #require(try result.object["identity_id"] as? String, "\(result.errors)")
    }

    /// Another program, such as a shell around `vaultdb`.
    func start(program words: [String], input: String? = nil) throws -> Program.Running {
        try Program.Running(words, in: directory.path, input: input.map(file), environment: environment)
    }

    /// `script` gives the program a terminal, so many columns wide, as a person's shell does. What it prints is
    /// returned without carriage returns.
    func onTerminal(columns: Int = 80, input: String? = nil, _ words: String...) throws -> Program.Result {
        let command = ([Program.path] + words).map { "'\($0)'" }.joined(separator: " ")
        let script = "stty cols \(columns) rows 50; \(command)"
        let result = try start(program: ["script", "-qec", script, "/dev/null"], input: input).end()
        return Program.Result(
            status: result.status, output: result.output.replacing("\r\n", with: "\n"), errors: result.errors)
    }

    // MARK: A small disk

    /// Root of a container may not either.
    static let mayMount: Bool = {
        guard getuid() == 0, let disk = try? TemporaryDirectory(),
            mount("tmpfs", disk.path, "tmpfs", 0, "size=1m") == 0
        else { return false }
        umount2(disk.path, Int32(MNT_DETACH))
        return true
    }()

    /// Puts one at `disk`.
    /// - Returns: its path, which is to be unmounted.
    func mountDisk(mebibytes: Int) throws -> String {
        let disk = file("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        let options = "size=\(mebibytes)m"
        let mounted = try start(program: ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]).end()
        try #require(mounted.status == 0, "\(mounted.errors)")
        return disk
    }

    // MARK: Looking

    /// The organization's counters and the last event, as `stat` tells them.
    func counters() throws -> [String: Int] {
        let document = try run("stat", "--json").object
        let organizations = try #require(document["organizations"] as? [[String: Any]])
        return try #require(organizations.first).compactMapValues { $0 as? Int }
    }

    func expectClean(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let result = try run("check", "--json")
        #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
        #expect(try result.object["clean"] as? Bool == true, sourceLocation: sourceLocation)
    }

    /// Rows of a CSV file, alike on every call: emails are unique, phones mostly.
    static func generatedRows(_ count: Int, from first: Int = 0, id: String = "r") -> String {
        var text = "id,name,email,phone\n"
        for number in first..<first + count {
            text += "\(id)\(number),Name \(number),person\(number)@example.com,+346\(10_000_000 + number)\n"
        }
        return text
    }
}

/// The promise about errors: one line that names the program.
func expectOneLineError(
    _ result: Program.Result, status: Int32, containing part: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
    let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 2 && lines.last == "", "not one line: \(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.hasPrefix("vaultdb: "), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(part.isEmpty || result.errors.contains(part), "\(result.errors)", sourceLocation: sourceLocation)
}
