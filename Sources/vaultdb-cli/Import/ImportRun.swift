import Foundation
import Glibc
import VaultDB

/// One file of an import.
struct ImportFile {
    let kind: RecordKind
    let path: String

    /// As it is named to people.
    var name: String { path == "-" ? "stdin" : path }

    /// Where its bytes are.
    var readPath: String { path == "-" ? "/dev/stdin" : path }

    /// Refuses early what can't be read, so that no file before it is imported in vain.
    func requireReadable() throws(Failure) {
        guard path != "-" else { return }
        var status = stat()
        var code: Int32 = 0
        if access(path, R_OK) != 0 || stat(path, &status) != 0 {
            code = errno
        } else if (status.st_mode & S_IFMT) == S_IFDIR {
            code = EISDIR
        }
        guard code != 0 else { return }
        throw Failure(
            .failed, "\(path) can't be read: \(String(cString: strerror(code)))",
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
    private(set) var isInterrupted = false
    /// Where a file can't be read or written, or the vault can't be written. What is done before it is done.
    private(set) var failure: (any Error)?

    /// Whether all files were imported to their end.
    var isWhole: Bool { !isInterrupted && failure == nil }

    /// Imports the files in the order given.
    /// - Throws: where a file can't be read or written, before anything is done.
    init(_ files: [ImportFile], into organization: Organization, _ options: ImportOptions, isVerbose: Bool) throws {
        for file in files { try file.requireReadable() }
        var report = try RowReport(options, printsAll: isVerbose)
        Interruption.listen()
        do {
            for file in files where !isInterrupted {
                try add(file, to: organization, options, &report)
                isInterrupted = isInterrupted || (Interruption.isWished && results.count < files.count)
            }
            if !isInterrupted { try report.finishFiles() }
        } catch {
            failure = error
        }
    }

    private mutating func add(
        _ file: ImportFile, to organization: Organization, _ options: ImportOptions, _ report: inout RowReport
    ) throws {
        let started = Clock.nanoseconds
        var summary = ImportSummary()
        report.begin(file)
        defer {
            report.end()
            let seconds = Double(Clock.nanoseconds - started) / 1e9
            results.append(Result(file: file, summary: summary, seconds: seconds))
        }
        var source = try ImportSource(
            path: file.path, format: options.format, mapping: options.map ?? ColumnMapping(),
            goesOn: { !Interruption.isWished })
        try organization.importRows(
            of: file.kind, from: &source, batchRows: options.batch, addingTo: &summary, &report)
        if let failure = report.failure { throw failure }
        isInterrupted = summary.isCancelled
    }
}
