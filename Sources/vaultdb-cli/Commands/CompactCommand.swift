import ArgumentParser
import VaultDB

/// `vaultdb compact`: rewrites the file without its free pages.
struct CompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Rewrite the vault's file without its free pages.",
        discussion: """
            In place; nobody else may have the vault open. Deleted bytes are gone from the file afterwards.

              vaultdb compact --db clinic.vault
              vaultdb compact --max-size 50G
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("Set the largest size the vault may grow to as well.", valueName: "size"),
        transform: Word.bytes)
    var maxSize: Int?

    func run() throws {
        let path = try global.path()
        // Opened once, so that only a vault is ever rewritten.
        try global.withVault(maxSize == nil ? .readOnly : .readWrite) { vault in
            if let maxSize { try vault.setBytesMax(maxSize) }
        }
        let (before, after) = try VaultFiles.compact(at: path)
        Output.noteDone("the file is rewritten")
        if global.json {
            try Output.document([
                "path": .string(path), "bytes_before": JSONValue(before), "bytes_after": JSONValue(after),
            ])
        } else {
            try Output.line("\(DisplayText.oneLine(path)): \(before.grouped) bytes before, \(after.grouped) after")
        }
        try Output.flush()
    }
}
