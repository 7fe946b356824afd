import ArgumentParser
import Foundation
import Logging
import VaultDB

/// The options that every command takes, and what they open.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The vault's file (or VAULTDB_PATH).", valueName: "path"), completion: .file())
    var db: String?

    @Option(
        help: ArgumentHelp(
            "The organization (or VAULTDB_ORG; the vault's only one where neither is given).", valueName: "uuid"),
        transform: Word.id)
    var org: UUID?

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Who is named in the audit trail.", valueName: "name"))
    var actor: String?

    @Flag(name: .shortAndLong, help: "Tell on stderr what is done.")
    var verbose = false
}

// MARK: Opening

extension GlobalOptions {
    /// Where the vault is.
    func path() throws(Failure) -> String {
        guard let path = db ?? Environment["VAULTDB_PATH"], !path.isEmpty else {
            throw Failure(.wrongUsage, "no vault is named", advice: "give --db PATH or set VAULTDB_PATH")
        }
        guard !path.hasSuffix("/") else {
            throw Failure(.wrongUsage, "\(path) is the name of a directory", advice: "name the vault's file in it")
        }
        return path
    }

    /// Runs `body` on the vault, which has to be there, and closes it. A body that writes prints nothing before.
    func withVault(
        _ access: VaultOptions.Access, spellingCacheSlots: Int = 0, cacheBytes: Int = 0, _ body: (Vault) throws -> Void
    ) throws {
        var options = vaultOptions()
        options.access = access
        options.creates = false
        options.spellingCacheSlots = spellingCacheSlots
        options.cacheBytes = cacheBytes
        let vault = try open(options)
        defer { vault.close() }
        let watch = access == .readWrite ? LockWatch(vault) : nil
        defer { watch?.end() }
        if access == .readWrite { Output.noteDone("what was to be done is done") }
        try body(vault)
        try Output.flush()
    }

    /// Runs `body` on the organization that is meant.
    func withOrganization(
        _ access: VaultOptions.Access, spellingCacheSlots: Int = 0, cacheBytes: Int = 0,
        _ body: (Organization, Vault) throws -> Void
    ) throws {
        let named = try namedOrganization()
        try withVault(access, spellingCacheSlots: spellingCacheSlots, cacheBytes: cacheBytes) { vault in
            try body(vault.organization(try named ?? onlyOrganization(of: vault)), vault)
        }
    }

    /// Runs `body` on the vault for a look at a table, with the organization that is meant where its keys have one.
    func withTable(_ table: String, _ body: (Vault, Organization?) throws -> Void) throws {
        guard Vault.isPerOrganization(table) else { return try withVault(.readOnly) { try body($0, nil) } }
        try withOrganization(.readOnly) { organization, vault in try body(vault, organization) }
    }

    /// The options that come from the command line; the rest is as the library has it. To be called once.
    /// - Parameter log: where lines of the log go; nil for stderr, which is waited for.
    func vaultOptions(log: LogStream? = nil) -> VaultOptions {
        LoggingSystem.bootstrap { label in
            guard let log else { return StreamLogHandler.standardError(label: label) }
            return StreamLogHandler(label: label, stream: log)
        }
        var options = VaultOptions()
        options.logger = Logger(label: "vaultdb")
        options.logger.logLevel = verbose ? .debug : .warning
        options.actor = actor
        return options
    }

    /// - Throws: a vault that is not there is a failure: "not found" is said of what was looked for in it.
    func open(_ options: VaultOptions) throws -> Vault {
        let path = try path()
        do throws(VaultError) {
            return try Vault(at: path, options: options)
        } catch {
            guard error.code == .notFound else { throw error }
            throw Failure(.failed, error.message, advice: error.advice)
        }
    }

    // MARK: Organization

    /// The organization that --org or VAULTDB_ORG names.
    func namedOrganization() throws(Failure) -> UUID? {
        if let org { return org }
        guard let text = Environment["VAULTDB_ORG"] else { return nil }
        guard let id = UUID(uuidString: text) else {
            throw Failure(.wrongUsage, "VAULTDB_ORG is no UUID: \(text)", advice: "set it to an organization's id")
        }
        return id
    }

    private func onlyOrganization(of vault: Vault) throws -> UUID {
        let known = try vault.organizations()
        if known.count == 1 { return known[0] }
        if known.isEmpty {
            throw Failure(
                .wrongUsage, "the vault has no organization yet",
                advice: "choose an id and name it, as in --org \(UUID().text)")
        }
        let shown = known.prefix(3).map(\.text).joined(separator: ", ")
        throw Failure(
            .wrongUsage, "the vault has \(known.count) organizations",
            advice: "name one with --org, such as \(shown)\(known.count > 3 ? " \(DisplayText.ellipsis)" : "")")
    }
}
