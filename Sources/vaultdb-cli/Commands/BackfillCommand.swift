import ArgumentParser
import VaultDB

/// `vaultdb backfill`: puts the rows of many files into the vault, in order.
struct BackfillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Import many files, one after the other in the order given.",
        discussion: """
            The order matters: who comes first makes the identity, who comes later finds it.

              vaultdb backfill lead=leads.csv patient=patients.csv follower=followers.csv
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: ImportOptions

    @Argument(
        help: ArgumentHelp("What each file holds, as in lead=leads.csv.", valueName: "kind=file"), completion: .file(),
        transform: Self.file)
    var files: [ImportFile]

    func run() throws {
        try global.importFiles(files, options) { $0.document }
    }

    @Sendable
    private static func file(_ text: String) throws -> ImportFile {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ValidationError("write kind=file, as in lead=leads.csv") }
        return ImportFile(kind: try Word.kind(parts[0]), path: parts[1])
    }
}
