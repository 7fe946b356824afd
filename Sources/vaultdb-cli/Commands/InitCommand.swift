import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb init`: makes a vault, and says what comes next.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a vault.",
        discussion: """
            Makes a new file and refuses a vault that is there. The region is that of phone numbers without a country \
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
        var options = global.vaultOptions()
        guard !FileManager.default.fileExists(atPath: path) || holdsNoVault(path, options) else {
            throw Self.existing(path)
        }
        options.region = region
        options.organization = organization.map { (id: $0, region: orgRegion ?? region) }
        if let maxSize { options.bytesMax = maxSize }
        let vault = try make(path, options)
        defer { vault.close() }
        // Another program may have made it meanwhile.
        guard vault.isNew else { throw Self.existing(path) }
        Output.noteDone("the vault is made")
        try print(vault, organization)
        try Output.flush()
    }

    private static func existing(_ path: String) -> Failure {
        Failure(.failed, "\(path) exists already", advice: "use it as it is, or choose another name")
    }

    /// Whether no vault was made of the file so far: whoever made it was ended between the two. Some other kind of file
    /// is refused where a vault is to be made of it.
    private func holdsNoVault(_ path: String, _ options: VaultOptions) -> Bool {
        var options = options
        options.access = .readOnly
        do throws(VaultError) {
            try Vault(at: path, options: options).close()
            return false
        } catch {
            return error.code == .notAVault
        }
    }

    /// What is not found here is the vault's directory, not what was asked for.
    private func make(_ path: String, _ options: VaultOptions) throws -> Vault {
        do throws(VaultError) {
            return try Vault(at: path, options: options)
        } catch {
            switch error.code {
            case .notFound:
                throw Failure(
                    .failed, "the directory \(path.directoryPath) is not there", advice: "make it, or choose another")
            case .notAVault:
                throw Failure(
                    .failed, error.message,
                    advice: "choose another name, or remove it if `vaultdb init` was cut off while making it")
            default: throw error
            }
        }
    }

    private func print(_ vault: Vault, _ organization: UUID?) throws(Failure) {
        if global.json {
            return try Output.document([
                "path": .string(vault.path), "region": .string(vault.region.code),
                "bytes_max": JSONValue(vault.bytesMax), "created_at": JSONValue(vault.createdAt),
                "organization_id": JSONValue(organization?.text), "normalizer": .string(vault.normalizerVersion),
            ])
        }
        try Output.line("made \(DisplayText.oneLine(vault.path)), region \(vault.region.code)")
        let org = organization == nil ? " --org \(UUID().text)" : ""
        try Output.line("next: vaultdb import --db \(DisplayText.shellPath(vault.path))\(org) --kind lead leads.csv")
    }
}
