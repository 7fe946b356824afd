import ArgumentParser
import VaultDB

/// `vaultdb block`: marks an identifier as blocked.
struct BlockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "block",
        abstract: "Mark an identifier as never used for matching.",
        discussion: """
            For noreply addresses, numbers such as 600 000 000 and the like, known or not yet seen. release undoes it.

              vaultdb block --email noreply@example.com
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: OneIdentifierOptions

    func run() throws {
        try global.changeIdentifier(options.identifier) { organization, identifier throws(VaultError) in
            try organization.blockBlocking(identifier)
        }
    }
}
