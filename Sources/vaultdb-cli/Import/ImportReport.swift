import VaultDB

/// The summary of an import, for people and for programs.
struct ImportReport {
    private let results: [ImportRun.Result]
    private let ledger: Ledger
    private let isInterrupted: Bool
    /// Bytes of the file before and after it was rewritten.
    private let compacted: (before: Int, after: Int)?

    init(_ run: ImportRun, _ ledger: Ledger, compacted: (before: Int, after: Int)?) {
        self.compacted = compacted
        results = run.results
        isInterrupted = run.isInterrupted
        self.ledger = ledger
    }

    private var total: ImportSummary {
        results.reduce(into: ImportSummary()) { $0.add($1.summary) }
    }

    // MARK: For programs

    /// Of one file: its summary, and what the organization holds now.
    var documentOfOne: JSONValue {
        guard let only = results.first else { return [:] }
        return only.json.adding(["totals": ledger.json, "compacted_bytes": compactedBytes])
    }

    /// Of many files: each summary in order, their sum, and what the organization holds now.
    var document: JSONValue {
        [
            "files": .array(results.map(\.json)), "sum": total.json, "totals": ledger.json,
            "compacted_bytes": compactedBytes,
        ]
    }

    private var compactedBytes: JSONValue {
        compacted.map { ["before": JSONValue($0.before), "after": JSONValue($0.after)] } ?? .null
    }

    // MARK: For people

    func print() throws(Failure) {
        var table = TextTable([
            "file": .left, "kind": .left, "rows": .right, "created": .right, "matched": .right, "enriched": .right,
            "conflicts": .right, "updated": .right, "unchanged": .right, "rejected": .right, "rows/s": .right,
        ])
        for result in results {
            table.add(
                result.file.name, result.file.kind.rawValue, result.summary, rate: result.rowsPerSecond)
        }
        if results.count > 1 { table.add("all", "", total, rate: nil) }
        try Output.table(table, empty: "nothing was imported")
        for (reason, count) in total.rejected.sorted(by: { $0.key < $1.key }) {
            try Output.line("rejected: \(count.grouped) \(reason)")
        }
        try Output.line(
            "The organization holds \(ledger.identities.grouped) identities, \(ledger.emails.grouped) emails, "
                + "\(ledger.phones.grouped) phones, \(ledger.records.grouped) records and "
                + "\(ledger.openConflicts.grouped) open conflicts.")
        guard let compacted else { return }
        try Output.line(
            "The file was rewritten with full pages: \(compacted.before.grouped) bytes before, "
                + "\(compacted.after.grouped) after.")
    }
}

extension ImportRun.Result {
    fileprivate var rowsPerSecond: Int { seconds > 0 ? Int(Double(summary.rows) / seconds) : 0 }

    fileprivate var json: JSONValue {
        let head: JSONValue = ["file": .string(file.name), "kind": .string(file.kind.rawValue)]
        guard case .object(let members) = summary.json, case .object(let first) = head else { return head }
        return JSONValue.object(first + members)
            .adding(["milliseconds": JSONValue(Int(seconds * 1000)), "rows_per_second": JSONValue(rowsPerSecond)])
    }
}

extension TextTable {
    fileprivate mutating func add(_ file: String, _ kind: String, _ summary: ImportSummary, rate: Int?) {
        let counts = [
            summary.rows, summary.created, summary.matched, summary.enriched, summary.conflicts, summary.updated,
            summary.unchanged, summary.rejectedTotal,
        ]
        let cells = [Cell(file), Cell(kind)] + counts.map { Cell($0.grouped, style: $0 == 0 ? .dim : .plain) }
        add(cells + [Cell(rate?.grouped, style: .dim)])
    }
}
