import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb restore`: makes a vault of a backup.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a vault of a backup.",
        discussion: """
            Copies the backup to --db, which must not exist. The copy gets its name only when every entry of it has \
            been checked. People who were erased after the backup was made are in it again: replay the register of \
            erasures.

              vaultdb restore clinic-2025-01-31.vault --db clinic.vault
              vaultdb erasures replay erasures.jsonl --db clinic.vault
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The backup.", valueName: "file"), completion: .file())
    var backup: String

    @Flag(help: "Replace a vault that is there. Nobody may have it open.")
    var force = false

    func run() throws {
        let path = try global.path()
        guard force || !FileManager.default.fileExists(atPath: path) else { throw Failure.existing(path) }
        let file = RestoredFile(at: force ? path.resolvedPath : path)
        var options = global.vaultOptions()
        options.access = .readOnly
        options.creates = false
        let report = try Interruption.removing(file.unfinished) { try restore(file, options) }
        Output.noteDone("the vault is restored")
        try print(path, report)
        try Output.flush()
    }

    private func restore(_ file: RestoredFile, _ options: VaultOptions) throws -> CheckReport {
        do {
            try file.copy(backup, options)
            let report = try file.check(options)
            guard report.isClean else {
                throw Failure(
                    .failed, "\(report.faultCount.counted("fault")) in \(backup); nothing was restored",
                    advice: "vaultdb check --db \(DisplayText.shellPath(backup)) lists them; take an older backup")
            }
            try file.finish(replaces: force)
            return report
        } catch {
            file.remove()
            throw error
        }
    }

    private func print(_ path: String, _ report: CheckReport) throws(Failure) {
        let bytes = (try? FileManager.default.attributesOfItem(atPath: path.resolvedPath)[.size] as? Int) ?? 0
        if global.json {
            return try Output.document([
                "file": .string(path), "backup": .string(backup), "bytes": JSONValue(bytes),
                "entries": JSONValue(report.entries),
            ])
        }
        let name = DisplayText.oneLine(path)
        try Output.line("made \(name), \(bytes.grouped) bytes, \(report.entries.grouped) entries, all of them checked")
        try Output.line(
            "next: vaultdb erasures replay FILE --db \(DisplayText.shellPath(path)), for who was erased since")
    }
}
