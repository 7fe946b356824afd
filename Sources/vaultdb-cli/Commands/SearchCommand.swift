import ArgumentParser
import VaultDB

/// `vaultdb search`: lists people by name.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "List people by the beginnings of words of their names.",
        discussion: """
            Each word has to begin a word of the name; case and accents don't matter. The best come first.

              vaultdb search juan per
              vaultdb search Müller --limit 5 --json | jq -r '.results[].identity_id'
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Words of a name, or how they begin.", valueName: "text"))
    var text: [String]

    @Option(
        help: ArgumentHelp("At most so many, up to \(Limits.searchLimitMax) (20).", valueName: "n"),
        transform: Word.count)
    var limit = 20

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let result = try organization.search(text.joined(separator: " "), limit: limit)
            if global.json { return try Output.document(result.json) }
            var table = TextTable(["name": .left, "email": .left, "phone": .left, "identity": .whole])
            for match in result.matches {
                table.add(
                    .init(match.displayName, style: .bold), .init(match.primaryEmail), .init(match.primaryPhone),
                    .init(match.id.text))
            }
            try Output.table(table, empty: "nobody has such a name")
            if !result.isComplete {
                try Output.line("\(DisplayText.ellipsis) others may match as well; a longer text finds them")
            }
        }
    }
}
