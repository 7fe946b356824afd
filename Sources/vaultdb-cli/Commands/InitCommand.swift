import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb init`: makes a vault, and says what comes next.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a vault.",
        discussion: """
            Makes a new file and refuses one that is there. The region is that of phone numbers without a country \
            code; it is kept in the vault. With --org the organization is made known too, which --org-region gives a \
            region of its own.

              vaultdb init --db clinic.vault --region ES
              vaultdb init --org 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80 --org-region PT
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("The vault's region (ES).", valueName: "code"), transform: Word.region)
    var region = Region.spain

    @Option(
        help: ArgumentHelp("The largest size the vault may grow to, such as 20G (16T).", valueName: "size"),
        transform: Word.bytes)
    var maxSize: Int?

    @Option(
        help: ArgumentHelp("The organization's region, where it is another.", valueName: "code"),
        transform: Word.region)
    var orgRegion: Region?

    func run() throws {
        let path = try global.path()
        let organization = try global.namedOrganization()
        if orgRegion != nil, organization == nil {
            throw Failure(.wrongUsage, "--org-region needs an organization", advice: "name one with --org")
        }
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure(.failed, "\(path) exists already", advice: "use it as it is, or choose another name")
        }
        var options = global.vaultOptions()
        options.region = region
        if let maxSize { options.bytesMax = maxSize }
        let vault = try make(path, options)
        defer { vault.close() }
        if let organization { try vault.organization(organization).setRegion(orgRegion ?? region) }
        try print(vault, organization)
        try Output.flush()
    }

    /// What is not found here is the vault's directory, not what was asked for.
    private func make(_ path: String, _ options: VaultOptions) throws -> Vault {
        do throws(VaultError) {
            return try Vault(at: path, options: options)
        } catch {
            guard error.code == .notFound else { throw error }
            throw Failure(
                .failed, "the directory \(path.directoryPath) is not there", advice: "make it, or choose another")
        }
    }

    private func print(_ vault: Vault, _ organization: UUID?) throws(Failure) {
        if global.json {
            return try Output.document([
                "path": .string(vault.path), "region": .string(region.code), "bytes_max": JSONValue(vault.bytesMax),
                "created_at": JSONValue(vault.createdAt),
                "organization_id": JSONValue(organization?.text), "normalizer": .string(vault.normalizerVersion),
            ])
        }
        try Output.line("made \(DisplayText.oneLine(vault.path)), region \(region.code)")
        let org = organization == nil ? " --org \(UUID().text)" : ""
        try Output.line("next: vaultdb import --db \(DisplayText.shellWord(vault.path))\(org) --kind lead leads.csv")
    }
}
