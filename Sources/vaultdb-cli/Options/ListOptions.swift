import ArgumentParser
import VaultDB

/// How much of a list is shown at a time.
struct ListOptions: ParsableArguments {
    static let limitDefault = 100

    @Option(
        help: ArgumentHelp(
            "So many, at most \(Limits.scanEntriesMax) (\(ListOptions.limitDefault)).", valueName: "n"),
        transform: Word.count)
    var limit: Int?

    var entries: Int { limit ?? Self.limitDefault }

    func validate() throws {
        guard entries <= Limits.scanEntriesMax else {
            throw ValidationError("--limit is at most \(Limits.scanEntriesMax)")
        }
    }
}

extension GlobalOptions {
    /// Prints a page of a list: one document, or a table and how to go on.
    /// - Parameters:
    ///   - next: where the next page begins; nil at the end.
    ///   - option: what takes it.
    ///   - empty: what stands for a table without rows.
    func printPage(
        _ results: [JSONValue], next: String?, by option: String, _ table: TextTable, empty: String
    ) throws(Failure) {
        if json { return try Output.document(.page(results, next: next)) }
        try Output.table(table, empty: empty)
        if let next { try Output.line("\(DisplayText.ellipsis) to go on: \(option) \(next)") }
    }
}
