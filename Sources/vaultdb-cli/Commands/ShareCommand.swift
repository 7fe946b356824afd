import ArgumentParser
import VaultDB

/// `vaultdb share`: marks an identifier as shared.
struct ShareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share",
        abstract: "Mark an identifier as shared: it identifies nobody alone.",
        discussion: """
            For a family's mailbox or a reception's phone. Whoever owned it keeps it as a contact detail; nobody \
            is found by it any more. release undoes it.

              vaultdb share --email reception@example.com
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: OneIdentifierOptions

    func run() throws {
        try global.changeIdentifier(options.identifier) { organization, identifier throws(VaultError) in
            try organization.shareBlocking(identifier)
        }
    }
}
