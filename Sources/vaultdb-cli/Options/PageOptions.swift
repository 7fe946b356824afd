import ArgumentParser
import VaultDB

/// Which part of a person's records is shown, and in which order.
struct PageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Records on a page, at most \(Limits.recordsPerPageMax) (\(ListOptions.limitDefault)).", valueName: "n"),
        transform: Word.count)
    var limit: Int?

    @Option(
        help: ArgumentHelp("Where the page begins, as the page before said.", valueName: "cursor"),
        transform: Word.cursor)
    var from: RecordCursor?

    @Flag(help: "From the newest to the oldest.")
    var newestFirst = false

    var records: Int { limit ?? ListOptions.limitDefault }
    var order: TimelineOrder { newestFirst ? .newestFirst : .oldestFirst }

    func validate() throws {
        guard records <= Limits.recordsPerPageMax else {
            throw ValidationError("--limit is at most \(Limits.recordsPerPageMax)")
        }
    }

    /// Says how to see the next page.
    /// - Parameter command: the words that showed this one.
    func printNext(_ next: RecordCursor?, of command: String) throws(Failure) {
        guard let next else { return }
        var words = ["vaultdb", command, "--from", next.description]
        if let limit { words += ["--limit", String(limit)] }
        if newestFirst { words.append("--newest-first") }
        try Output.line("\(DisplayText.ellipsis) next page: \(DisplayText.oneLine(words.joined(separator: " ")))")
    }
}
