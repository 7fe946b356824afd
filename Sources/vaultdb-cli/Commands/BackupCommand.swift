import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb backup`: copies the vault while it is in use.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the vault to a new file, while it is in use.",
        discussion: """
            The copy is one consistent snapshot, a vault itself, and appears whole or not at all. --compact leaves out \
            free pages.

              vaultdb backup clinic-2025-01-31.vault --compact
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The copy, which must not exist.", valueName: "file"), completion: .file())
    var file: String

    @Flag(help: "Leave out free pages: smaller, and slower to write.")
    var compact = false

    func run() throws {
        guard file != "-" else {
            throw Failure(.wrongUsage, "a backup can't be written to stdout", advice: "name a file, such as ./-")
        }
        try global.requireApart(file)
        try global.withVault(.readOnly) { vault in
            try copy(vault)
            Output.noteDone("the backup is made")
            let bytes = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
            if global.json {
                return try Output.document([
                    "file": .string(file), "bytes": JSONValue(bytes), "compact": .bool(compact),
                ])
            }
            try Output.line("wrote \(DisplayText.oneLine(file)), \(bytes.grouped) bytes")
        }
    }

    private func copy(_ vault: Vault) throws {
        do throws(VaultError) {
            try Interruption.removing([VaultFiles.partial(of: file)]) { () throws(VaultError) in
                try vault.backup(to: file, compacting: compact)
            }
        } catch {
            throw Failure.unmade(file, error)
        }
    }
}
