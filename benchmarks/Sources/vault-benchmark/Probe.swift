import ArgumentParser
import Foundation
import VaultDB

/// A fresh process that opens a vault and asks: how soon it has its first answer, and what it holds in memory.
struct Probe {
    /// From before the process is started.
    let firstAnswerMilliseconds: Double
    let privateMegabytes: Int
    let sharedMegabytes: Int

    init(_ fixture: Fixture, count: Int) throws {
        let path = fixture.directory + "/probe.txt"
        let step = max(fixture.people.count / count, 1)
        let emails = stride(from: 0, to: fixture.people.count, by: step).map(fixture.people.email)
        try (emails.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        process.arguments = ["probe", fixture.vaultPath, path]
        let output = Pipe()
        process.standardOutput = output
        let started = ContinuousClock.now
        try process.run()
        var text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        firstAnswerMilliseconds = (ContinuousClock.now - started) / .milliseconds(1)
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard numbers.count == 2 else { throw BenchmarkError(message: "the probe answered nothing") }
        (privateMegabytes, sharedMegabytes) = (numbers[0], numbers[1])
    }
}

/// That process.
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "probe", shouldDisplay: false)

    @Argument var vault: String
    @Argument var emails: String

    func run() throws {
        var options = VaultOptions()
        options.access = .readOnly
        let vault = try Vault(at: vault, options: options)
        let clinic = vault.organization(Fixture.organization)
        guard let file = fopen(emails, "r") else { throw BenchmarkError(message: "\(emails) can't be read") }
        defer { fclose(file) }
        var isFirst = true
        // Line by line, so that the list is no part of the memory.
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard try clinic.find(email: text) != nil else { throw BenchmarkError(message: "somebody was not found") }
            if isFirst { FileHandle.standardOutput.write(Data("found\n".utf8)) }
            isFirst = false
        }
        print("\(Self.megabytes("RssAnon")) \(Self.megabytes("RssFile"))")
    }

    private static func megabytes(_ name: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}
