import ArgumentParser
import VaultDB

/// `vaultdb import`: puts the rows of one file into the vault.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Put the rows of a CSV or JSON Lines file as records, each with its identity.",
        discussion: """
            Columns are known by their usual English and Spanish names, which docs/HTTP.md lists; --map says \
            otherwise. Each row needs an id: putting the same kind and id again changes nothing, so an import that was \
            interrupted is run again. A row without a usable email, phone or external id is rejected, with its line, \
            and the others go on.

              vaultdb import --kind lead leads.csv --assignments leads-assigned.csv
              gunzip -c patients.jsonl.gz | vaultdb import --kind patient --format jsonl -
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: ImportOptions

    @Option(help: ArgumentHelp("lead, patient, follower, or your own word.", valueName: "kind"), transform: Word.kind)
    var kind: RecordKind

    @Argument(help: ArgumentHelp("The file, or - for standard input.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        try global.importFiles([ImportFile(kind: kind, path: file)], options) { $0.documentOfOne }
    }
}
