import Foundation
import Glibc
import VaultDB

/// One file of an import.
struct ImportFile {
    let kind: RecordKind
    let path: String

    /// As it is named to people.
    var name: String { path == "-" ? "stdin" : path }

    /// Refuses early what can't be read, so that no file before it is imported in vain.
    func requireReadable() throws(Failure) {
        guard path != "-", access(path, R_OK) != 0 else { return }
        throw Failure(
            .failed, "\(path) can't be read: \(String(cString: strerror(errno)))",
            advice: "check the path and who may read it")
    }
}

/// Files put into a vault one after the other.
struct ImportRun {
    /// What became of one file.
    struct Result {
        let file: ImportFile
        let summary: ImportSummary
        let seconds: Double
    }

    private(set) var results: [Result] = []

    /// Whether somebody stopped it before the end. What is done is done.
    var isInterrupted: Bool { results.contains { $0.summary.isCancelled } }

    /// Imports the files in the order given.
    /// - Throws: where a file can't be read or written, or the vault can't be written. Batches before it stand.
    init(_ files: [ImportFile], into organization: Organization, _ options: ImportOptions, isVerbose: Bool) throws {
        for file in files { try file.requireReadable() }
        var report = try RowReport(options, printsAll: isVerbose)
        Interruption.listen(to: SIGINT)
        for file in files where !isInterrupted {
            results.append(try Self.add(file, to: organization, options, &report))
        }
        if !isInterrupted { try report.finishFiles() }
    }

    private static func add(
        _ file: ImportFile, to organization: Organization, _ options: ImportOptions, _ report: inout RowReport
    ) throws -> Result {
        let started = Clock.nanoseconds
        report.begin(file)
        defer { report.end() }
        var source = try ImportSource(path: file.path, format: options.format, mapping: options.map ?? ColumnMapping())
        let summary = try organization.importRows(of: file.kind, from: &source, batchRows: options.batch, &report)
        if let failure = report.failure { throw failure }
        return Result(file: file, summary: summary, seconds: Double(Clock.nanoseconds - started) / 1e9)
    }
}
