import ArgumentParser
import Synchronization
import VaultDB

/// `vaultdb rekey`: reads every identifier anew under this program's normalisation rules.
struct RekeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey",
        abstract: "Read every identifier anew under this program's rules.",
        discussion: """
            A vault remembers which rules normalised it. After an update of libphonenumber it can be read but not \
            written until this has run. What is spelled otherwise now moves; what collides with another identity's is \
            taken out of matching and put on the review queue. All of it is one transaction: make a backup first, and \
            look at --dry-run.

              vaultdb rekey --dry-run
              vaultdb backup before.vault && vaultdb rekey
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Only list what would change, split or collide.")
    var dryRun = false

    func run() throws {
        try global.withVault(dryRun ? .readOnly : .readWrite) { vault in
            let report = try rekey(vault)
            if global.json { try Output.document(report.json) } else { try print(report) }
        }
    }

    private func rekey(_ vault: Vault) throws -> RekeyReport {
        let bar = Mutex(ProgressBar("reading anew"))
        defer { bar.withLock { $0.erase() } }
        return try vault.rekey(isDryRun: dryRun) { (entries) throws(VaultError) in
            bar.withLock { $0.update(entries, of: "entries", share: nil) }
        }
    }

    private func print(_ report: RekeyReport) throws(Failure) {
        var table = TextTable(["change": .left, "kind": .left, "identifier": .left, "now": .left, "identity": .whole])
        for change in report.changes {
            table.add(
                .init(change.kind.rawValue), .init(change.identifier.kind.description), .init(change.identifier.text),
                .init(change.replacement?.text ?? ""), .init(change.holder?.text ?? ""))
        }
        try Output.table(table, empty: "Every identifier reads as it is stored.")
        try Output.line("\(report.entries.grouped) entries read; rules before: \(report.before); now: \(report.after)")
    }
}
