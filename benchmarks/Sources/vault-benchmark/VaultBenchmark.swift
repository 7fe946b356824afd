import ArgumentParser
import Foundation
import VaultDB

/// What the library costs beside the bare store, in one run: import, lookups and resolves, each against its
/// yardstick, in turn, with the medians of several rounds.
@main
struct VaultBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault-benchmark",
        abstract: "Measure import, lookup and resolve against bare LMDB and bare libphonenumber, and whole people.")

    @Option(help: "How many identities.")
    var identities = 1_000_000

    @Option(help: "How many lookups a round.")
    var lookups = 500_000

    @Option(help: "Rounds; the two sides of a comparison take turns.")
    var rounds = 7

    @Option(help: "Rows that share a transaction in the import.")
    var batch = Organization.importBatchRowsDefault

    @Option(help: "Keep the vault in this directory, and use the one that is there.")
    var directory: String?

    @Option(help: "Where to write the results as Markdown too.")
    var output: String?

    func run() throws {
        let path = directory ?? NSTemporaryDirectory() + "vault-benchmark-\(getpid())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { if directory == nil { try? FileManager.default.removeItem(atPath: path) } }
        var report = Report()
        let fixture = try Fixture(path: path, people: People(count: identities), batch: batch, &report)
        try Lookups(fixture: fixture, count: lookups, rounds: rounds).run(&report)
        try WholePeople(fixture: fixture, rounds: rounds).run(&report)
        if let output {
            let text =
                "# Results\n\nWritten by `make bench`; [NOTES.md](NOTES.md) says how to read it.\n\n\(report.text)"
            try text.write(toFile: output, atomically: true, encoding: .utf8)
        }
    }
}
