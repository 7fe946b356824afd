import ArgumentParser
import VaultDB

/// `vaultdb check`: compares everything with everything, and lists the faults.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compare every entry with those it must agree with.",
        discussion: """
            Walks all organizations on one snapshot: index entries against identities and back, redirects, records, \
            conflicts, counters, checksums and the audit chain. The exit status is 1 where there is a fault.

              vaultdb check --db clinic.vault
              vaultdb check --json | jq -r '.faults[].message'
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        try global.withVault(.readOnly) { vault in
            let report = try check(vault)
            if global.json { try Output.document(report.json) } else { try print(report) }
            guard report.isClean else {
                let faults = report.faultCount == 1 ? "1 fault" : "\(report.faultCount.grouped) faults"
                throw Failure(
                    .failed, "\(faults) in \(vault.path)", advice: "restore a backup, and keep this file for a look")
            }
        }
    }

    private func check(_ vault: Vault) throws -> CheckReport {
        let total = try vault.statistics().tables.reduce(0) { $0 + $1.statistics.entries }
        var bar = ProgressBar("checking")
        defer { bar.erase() }
        return try vault.check { (entries) throws(VaultError) in
            bar.update(entries, of: "entries", share: total > 0 ? Double(entries) / Double(total) : nil)
        }
    }

    private func print(_ report: CheckReport) throws(Failure) {
        if report.isClean {
            return try Output.line("\(Style.good.applied(to: "clean")): \(report.entries.grouped) entries")
        }
        var table = TextTable(["table": .left, "key": .left, "fault": .left])
        for fault in report.faults {
            table.add(.init(fault.table), .init(fault.key), .init(fault.message, style: .bad))
        }
        try Output.table(table, empty: "")
        let hidden = report.faultCount - report.faults.count
        if hidden > 0 { try Output.line("\(DisplayText.ellipsis) and \(hidden.grouped) more") }
    }
}
