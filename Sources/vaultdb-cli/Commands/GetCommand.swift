import ArgumentParser
import VaultDB

/// `vaultdb get`: prints one entry of a table.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print one entry of a table, decoded.",
        discussion: """
            The key is as keys prints it; in the table audit it may be any event's number. Tables: \
            \(Vault.tableNames.joined(separator: ", ")).

              vaultdb get by_email john@example.com
              vaultdb get by_phone +34600123456 --json
              vaultdb get audit 17
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The table.", valueName: "table"), completion: .list(Vault.tableNames))
    var table: String

    @Argument(help: ArgumentHelp("The key.", valueName: "key"))
    var key: String

    @Flag(help: "Print bytes in hex.")
    var raw = false

    func run() throws {
        try global.withTable(table) { vault, organization in try print(vault, organization) }
    }

    private func print(_ vault: Vault, _ organization: Organization?) throws {
        guard let entry = try vault.entry(of: table, key: key, organization: organization?.id) else {
            throw Failure(.notFound, "\(table) has no key \(key)", advice: "vaultdb keys --table \(table) lists them")
        }
        let text = StoredText(entry)
        if global.json { return try Output.document(raw ? text.rawJSON : text.json) }
        if raw { return try Output.line(text.rawLine) }
        try text.fields.print()
    }
}
