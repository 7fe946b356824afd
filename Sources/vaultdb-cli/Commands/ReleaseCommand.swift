import ArgumentParser
import VaultDB

/// `vaultdb release`: undoes a mark, or frees an identifier.
struct ReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Give an identifier back, or free it.",
        discussion: """
            A shared or blocked identifier goes back to the identity that holds it; one that nobody holds is \
            forgotten. An owned one is taken from its owner and free to be claimed anew.

              vaultdb release --phone '600 123 456'
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: OneIdentifierOptions

    func run() throws {
        try global.changeIdentifier(options.identifier) { organization, identifier throws(VaultError) in
            try organization.releaseBlocking(identifier)
        }
    }
}
