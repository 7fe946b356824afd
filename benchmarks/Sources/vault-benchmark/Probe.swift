import ArgumentParser
import Foundation
import VaultDB

/// A fresh process that opens a store and asks: how soon it has its first answer, and what it holds in memory.
struct Probe {
    enum Store: String, ExpressibleByArgument { case vault, sqlite }

    /// From before the process is started.
    let firstAnswerMilliseconds: Double
    let privateMegabytes: Int
    let sharedMegabytes: Int

    /// - Parameters:
    ///   - path: where that store is.
    ///   - count: how many people are asked for, spread over all.
    ///   - options: further ones for the process.
    init(_ store: Store, at path: String, _ fixture: Fixture, count: Int, options: [String] = []) throws {
        let list = fixture.directory + "/probe.txt"
        let step = max(fixture.people.count / count, 1)
        let emails = stride(from: 0, to: fixture.people.count, by: step).map(fixture.people.email)
        try (emails.joined(separator: "\n") + "\n").write(toFile: list, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        process.arguments = ["probe", store.rawValue, path, list] + options
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

    @Argument var store: Probe.Store
    @Argument var path: String
    @Argument var emails: String
    @Option var cache: Int?
    @Flag(inversion: .prefixedNo) var mapped = true

    func run() throws {
        let isKnown = try opened()
        guard let file = fopen(emails, "r") else { throw BenchmarkError(message: "\(emails) can't be read") }
        defer { fclose(file) }
        var isFirst = true
        // Line by line, so that the list is no part of the memory.
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard try isKnown(text) else { throw BenchmarkError(message: "somebody was not found") }
            if isFirst { FileHandle.standardOutput.write(Data("found\n".utf8)) }
            isFirst = false
        }
        print("\(Self.megabytes("RssAnon")) \(Self.megabytes("RssFile"))")
    }

    /// - Returns: what says whether somebody with an email is there.
    private func opened() throws -> (String) throws -> Bool {
        switch store {
        case .vault:
            let vault = try Vault(at: path, options: VaultOptions(measured: .readOnly, cacheBytes: cache))
            let clinic = vault.organization(Fixture.organization)
            return { email in try withExtendedLifetime(vault) { try clinic.find(email: email) != nil } }
        case .sqlite:
            let sqlite = try SQLitePeer(reading: path, isMapped: mapped)
            return { try sqlite.id(ofEmail: $0) != nil }
        }
    }

    private static func megabytes(_ name: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}
