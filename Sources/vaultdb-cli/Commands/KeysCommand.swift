import ArgumentParser
import VaultDB

/// `vaultdb keys`: streams the entries of a table.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "List a table's entries as they lie in the file, decoded.",
        discussion: """
            Keys are printed without their organization, in the form that get takes. --raw prints the bytes of keys \
            and values in hex. With --json, one line per entry. Tables: \(Vault.tableNames.joined(separator: ", ")).

              vaultdb keys --table by_phone --prefix +346 --limit 10
              vaultdb keys --table audit --json | jq -r '.events[].event' | sort | uniq -c
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("The table.", valueName: "name"), completion: .list(Vault.tableNames))
    var table = "by_email"

    @Option(help: ArgumentHelp("Only keys that begin so; numbers and times are whole.", valueName: "text"))
    var prefix = ""

    @Option(help: ArgumentHelp("At most so many (all).", valueName: "n"), transform: Word.count)
    var limit: Int?

    @Flag(help: "Print bytes in hex.")
    var raw = false

    func run() throws {
        try global.withTable(table) { vault, organization in try print(vault, organization) }
    }

    private func print(_ vault: Vault, _ organization: Organization?) throws {
        var count = 0
        var failure: Failure?
        try vault.entries(of: table, organization: organization?.id, prefix: prefix) { (entry) throws(VaultError) in
            do throws(Failure) {
                try print(entry)
            } catch {
                failure = error
                return false
            }
            count += 1
            return limit.map { count < $0 } ?? true
        }
        if let failure { throw failure }
    }

    private func print(_ entry: StoredEntry) throws(Failure) {
        let text = StoredText(entry)
        if global.json { return try Output.streamed(raw ? text.rawJSON : text.json) }
        try Output.line(raw ? text.rawLine : text.line)
    }
}
