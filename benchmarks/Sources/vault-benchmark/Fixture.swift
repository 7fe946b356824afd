import Foundation
import VaultDB

/// A vault of invented people, imported from a CSV file as a user would import it.
struct Fixture {
    static let organization = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))

    let directory: String
    let people: People
    let caches: [VaultCache]
    let vault: Vault
    let clinic: Organization
    /// How long the import and rewriting the file took; nil where the vault was there already.
    private(set) var importSeconds: Double?
    /// Of the vault, after the import.
    private(set) var importedBytes = 0

    var vaultPath: String { directory + "/benchmark.vault" }

    /// - Parameter cache: bytes of the vault's cache; nil for its default.
    init(path: String, people: People, batch: Int, cache: Int?, _ report: inout Report) throws {
        directory = path
        self.people = people
        caches = VaultCache.all(cache)
        let vaultPath = path + "/benchmark.vault"
        let isNew = !FileManager.default.fileExists(atPath: vaultPath)
        let options = VaultOptions(measured: .readWrite, cacheBytes: cache)
        if isNew {
            let fresh = try Vault(at: vaultPath, options: options)
            importSeconds = try Self.importPeople(people, into: fresh, directory: path, batch: batch, &report)
            fresh.close()
            // As the command does after the first import.
            let started = ContinuousClock.now
            let (before, after) = try Vault.compact(at: vaultPath)
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            importSeconds = (importSeconds ?? 0) + seconds
            report.add(
                "Rewritten with full pages in \(Report.format(seconds, 1)) s: \(before >> 20) MB before, \(after >> 20) MB "
                    + "after.")
        }
        vault = try Vault(at: vaultPath, options: options)
        clinic = vault.organization(Self.organization)
        importedBytes = try vault.statistics().usedBytes
        report.add(
            "Identities: \(try clinic.ledger().identities). Vault: \(try vault.statistics().fileBytes >> 20) MB.")
    }

    /// - Returns: seconds that it took.
    private static func importPeople(
        _ people: People, into vault: Vault, directory: String, batch: Int, _ report: inout Report
    ) throws -> Double {
        let csv = directory + "/people.csv"
        try write(people, to: csv)
        var source = try ImportSource(path: csv)
        var listener = ImportWatcher(people: people.count)
        let started = ContinuousClock.now
        let summary = try vault.organization(organization).importRows(
            of: .lead, from: &source, batchRows: batch, &listener)
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        report.add(
            "Import: \(summary.rows) rows, \(summary.created) identities in \(Report.format(seconds, 1)) s: "
                + "\(Int(Double(summary.rows) / seconds)) rows/s, batches of \(batch). "
                + "Private memory at a tenth, half and the end: \(listener.memory) MB; peak \(listener.peak) MB.")
        try FileManager.default.removeItem(atPath: csv)
        return seconds
    }

    private static func write(_ people: People, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw BenchmarkError(message: "could not write \(path)") }
        var text = "id,first_name,last_name,email,phone,source,status,created_at\n"
        for index in 0..<people.count {
            text += people.row(index)
            if text.utf8.count > 1 << 20 || index == people.count - 1 {
                try file.write(contentsOf: Data(text.utf8))
                text = ""
            }
        }
        try file.close()
    }
}

/// Notes the process's private memory while an import runs, and tells how far a long one is. Pages of the mapped file are
/// shared, and not counted.
private struct ImportWatcher: ImportListener {
    private static let rowsBetween = 500_000

    private let people: Int
    private let started = ContinuousClock.now
    private var told = 0
    private var samples: [(share: Double, megabytes: Int)] = []

    init(people: Int) { self.people = people }

    mutating func rejected(_ fault: RowFault) { print("rejected: \(fault)") }
    mutating func assigned(recordID: String?, to identity: UUID?) {}

    mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool {
        let share = Double(bytesRead) / Double(max(bytesTotal ?? 1, 1))
        samples.append((share, Self.privateMegabytes()))
        if rows - told >= Self.rowsBetween {
            told = rows
            let rate = Int(Double(rows) / ((ContinuousClock.now - started) / .seconds(1)))
            progress("\(rows) of \(people) imported, \(rate) a second")
        }
        return true
    }

    var peak: Int { samples.map(\.megabytes).max() ?? 0 }

    var memory: String {
        [0.1, 0.5, 1.0].map { share in samples.first { $0.share >= share }.map { "\($0.megabytes)" } ?? "-" }
            .joined(separator: ", ")
    }

    /// Anonymous resident memory, from the kernel.
    private static func privateMegabytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}

/// Tells somebody who waits, and no file.
func progress(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
