import ArgumentParser
import Foundation
import VaultDB

/// What the vault costs beside the bare store and beside the stores that somebody might take instead, in one run: the
/// same people, the same work, by turns, with the medians of several rounds.
@main
struct VaultBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault-benchmark",
        abstract: "Measure VaultDB beside bare LMDB, SQLite, Redis and PostgreSQL.",
        subcommands: [RunCommand.self, ProbeCommand.self, LookupsCommand.self], defaultSubcommand: RunCommand.self)
}

/// What a run consists of.
enum Part: String, CaseIterable, ExpressibleByArgument { case lookups, peers, people, scaling }

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Measure everything (the default).")

    @Option(help: "How many identities.")
    var identities = 1_000_000

    @Option(help: "How many lookups a round; a fifth of them beside the servers.")
    var lookups = 500_000

    @Option(help: "Rounds; the sides of a comparison take turns.")
    var rounds = 5

    @Option(help: "Rows that share a transaction in the import.")
    var batch = Organization.importBatchRowsDefault

    @Option(help: "Bytes of the vault's cache (its own default).")
    var cache: Int?

    @Option(help: "Numbers of people to measure lookups among, as in 10000,1000000.")
    var scales = "10000,100000,1000000"

    @Option(
        parsing: .upToNextOption,
        help: "Measure these parts alone, and write no file: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [Part] = []

    @Option(help: "Keep the vaults in this directory, and use those that are there.")
    var directory: String?

    @Option(help: "Where to write the results as Markdown too.")
    var output: String?

    @Option(help: "What was typed, for the results to say.")
    var command = "vault-benchmark"

    @Option(help: "A directory for charts.")
    var charts: String?

    @Option(help: "A file of recorded ratios to compare with.")
    var ratios: String?

    @Flag(help: "Record this run's ratios in that file.")
    var record = false

    func run() throws {
        let path = directory ?? NSTemporaryDirectory() + "vault-benchmark-\(getpid())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { if directory == nil { try? FileManager.default.removeItem(atPath: path) } }
        var report = Report()
        report.add(Machine.told)
        report.add("")
        try measure(path, &report)
        if let output, only.isEmpty { try write(report, to: output) }
        try compare(report)
    }

    private func isWanted(_ parts: Part...) -> Bool { only.isEmpty || only.contains(where: parts.contains) }

    private func measure(_ path: String, _ report: inout Report) throws {
        let charts = only.isEmpty ? charts : nil
        if isWanted(.lookups, .peers, .people) { try measureOneVault(path, charts, &report) }
        let scales = scales.split(separator: ",").compactMap { Int($0) }
        guard isWanted(.scaling), !scales.isEmpty else { return }
        try Scaling(directory: path, scales: scales, rounds: rounds, batch: batch, cache: cache, charts: charts)
            .run(&report)
    }

    /// Everything that is measured in the same vault.
    private func measureOneVault(_ path: String, _ charts: String?, _ report: inout Report) throws {
        let fixture = try Fixture(path: path, people: People(count: identities), batch: batch, cache: cache, &report)
        defer { fixture.vault.close() }
        if isWanted(.lookups) { try Lookups(fixture: fixture, count: lookups, rounds: rounds).run(&report) }
        if isWanted(.peers) {
            var comparison = try PeerComparison(
                fixture, count: lookups, rounds: rounds, charts: charts, imported: fixture.importSeconds, &report)
            try comparison.run(&report)
        }
        guard isWanted(.people) else { return }
        report.add("")
        report.add("## Whole people")
        try WholePeople(fixture: fixture, rounds: rounds).run(&report)
    }

    private func write(_ report: Report, to output: String) throws {
        let day = Date().ISO8601Format().prefix(10)
        let text = "# Results\n\nWritten by `\(command)` on \(day); [NOTES.md](NOTES.md) says how to read it.\n\n"
        try (text + report.text).write(toFile: output, atomically: true, encoding: .utf8)
    }

    private func compare(_ report: Report) throws {
        guard let path = ratios else { return }
        var recorded = RecordedRatios(path)
        print("")
        for line in recorded.comparison(of: report.ratios, people: identities) { print(line) }
        if record { try recorded.record(report.ratios, people: identities) }
    }
}

/// What it runs on.
enum Machine {
    static var told: String {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let gigabytes = (Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)).rounded()
        return
            "\(processor), \(cores) cores, \(Int(gigabytes)) GB, \(system). All on one machine, the servers over local "
            + "sockets with clients in C; nothing else is started."
    }

    private static var processor: String {
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "Unknown processor"
    }

    private static var system: String {
        let lines = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8))?.split(separator: "\n") ?? []
        let name = lines.first { $0.hasPrefix("PRETTY_NAME=") }?.dropFirst("PRETTY_NAME=".count)
        return name.map { $0.trimmingCharacters(in: ["\""]) } ?? ProcessInfo.processInfo.operatingSystemVersionString
    }
}
