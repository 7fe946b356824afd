import ArgumentParser
import Foundation
import Glibc
import Logging
import VaultDB
import VaultServer

/// `vaultdb serve`: one vault over Redis' protocol and HTTP, with pages, until it is told to stop.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the vault: Redis' protocol, an HTTP API, and pages.",
        discussion: """
            Every Redis client can talk to it; docs/RESP.md has the commands, docs/HTTP.md the API and the pages. \
            Listens on loopback unless told otherwise, and elsewhere only with tokens (`vaultdb token create`). \
            SIGTERM, SIGINT and a lost terminal let it answer what is under way and stop.

            Each setting can come from a flag, from the environment (VAULTDB_PORT) or from a JSON file ("port"), \
            the first of them counts. The limits of docs/RESP.md are set by --limit, VAULTDB_… or the file.

              vaultdb serve
              vaultdb serve --demo
              vaultdb serve --port 0 --durability relaxed
              vaultdb serve --host 0.0.0.0 \\
                --tls-certificate server.pem --tls-key server.key
              redis-cli -p 7379 find 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80 \\
                email ana@example.com
              curl -H 'X-Organization-Id: 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80' \\
                '127.0.0.1:8080/api/v1/contacts?email=ana@example.com'
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Where to listen (127.0.0.1).", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("The port of Redis' protocol (7379); 0 lets the system choose.", valueName: "n"))
    var port: Int?

    @Option(help: ArgumentHelp("The port of HTTP (8080); 0 lets the system choose.", valueName: "n"))
    var httpPort: Int?

    @Flag(help: "Serve no HTTP.")
    var noHTTP = false

    @Flag(help: "Serve the sample contacts, from a vault that is made for it and gone at the end.")
    var demo = false

    @Option(help: ArgumentHelp("In which pages show times, such as Europe/Madrid (this machine's).", valueName: "zone"))
    var timeZone: String?

    @Option(help: ArgumentHelp("Event loops (one per two cores).", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "durable: what is acknowledged survives a power cut. relaxed: it survives a crash of the process.",
            valueName: "mode"), completion: .list(VaultOptions.Durability.allCases.map(\.rawValue)))
    var durability: String?

    @Option(
        help: ArgumentHelp(
            "Memory for people who were asked for lately, such as 512M (56M); 0 for none.", valueName: "size"),
        transform: Word.memory)
    var cache: Int?

    @Flag(help: "Open the vault for reading; what would write is refused.")
    var readOnly = false

    @Flag(help: "Need a token even on loopback.")
    var requireTokens = false

    @Option(help: ArgumentHelp("The server's certificate chain, PEM.", valueName: "file"), completion: .file())
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("Its private key, PEM.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Option(
        help: ArgumentHelp("Authorities that client certificates must come from, PEM.", valueName: "file"),
        completion: .file())
    var tlsClientAuthorities: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("A limit, such as connections-max=100; may be given again.", valueName: "name=n"))
    var limit: [String] = []

    @Option(help: ArgumentHelp("A JSON file with settings.", valueName: "file"), completion: .file())
    var config: String?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error (notice).", valueName: "level"))
    var logLevel: String?

    func validate() throws {
        if demo, global.db != nil { throw ValidationError("Give one of --demo and --db") }
    }

    func run() throws {
        let settings = try settings()
        defer { LogStream.errors.flush() }
        var options = global.vaultOptions(log: .errors)
        options.access = settings.isReadOnly ? .readOnly : .readWrite
        options.creates = false
        options.durability = settings.durability
        options.cacheBytes = settings.cacheBytes
        options.writerNiceness = settings.writerNiceness
        options.logger.logLevel = global.verbose ? .debug : settings.logLevel
        guard demo else { return try serve(try global.open(options), settings.server, settings, options.logger) }
        var configuration = settings.server
        configuration.organization = Demo.organization
        try Demo.withVault(options) { vault in try serve(vault, configuration, settings, options.logger) }
    }

    /// - Throws: a setting that makes no sense is wrong usage.
    private func settings() throws -> ServeSettings {
        do {
            return try ServeSettings(flags: flags, file: config, environment: ProcessInfo.processInfo.environment)
        } catch let error as ServerError {
            throw Failure(.wrongUsage, error.message, advice: error.advice)
        }
    }

    private func serve(
        _ vault: Vault, _ configuration: ServerConfiguration, _ settings: ServeSettings, _ logger: Logger
    ) throws {
        defer { Self.close(vault, within: max(configuration.drainSecondsMax, 1), logger) }
        try Blocking.wait {
            let server = try Server(
                vault, configuration, durability: settings.durability, logger: logger, onReady: Self.tell)
            // Ignored, as nohup has it, it stays so.
            try await server.runUntilSignal(endsOnHangup: !Interruption.isIgnored(SIGHUP))
        }
    }

    /// Ends the process where the vault can't be closed: nothing of what waits is written then.
    private static func close(_ vault: Vault, within seconds: Int, _ logger: Logger) {
        if vault.close(within: seconds) { return }
        logger.error(
            "The vault can't be closed in time, for another process or the disk: what was not begun is not done")
        LogStream.errors.flush()
        _exit(ExitStatus.failed.rawValue)
    }

    private static func tell(_ addresses: Server.Addresses) {
        var lines = "listening on \(addresses.resp)\n"
        if let http = addresses.http { lines += "pages on \(http)/contacts\n" }
        LogStream.errors.write(lines)
    }

    /// The settings that flags give, by their names in the environment and the file.
    private var flags: [String: String] {
        get throws {
            var flags: [String: String] = [:]
            flags["host"] = host
            flags["port"] = port.map(String.init)
            flags["httpPort"] = httpPort.map(String.init)
            flags["noHttp"] = noHTTP ? "true" : nil
            flags["org"] = global.org?.text
            flags["timeZone"] = timeZone
            flags["threads"] = threads.map(String.init)
            flags["durability"] = durability
            flags["cache"] = cache.map(String.init)
            flags["readOnly"] = readOnly ? "true" : nil
            flags["requireTokens"] = requireTokens ? "true" : nil
            flags["tlsCertificate"] = tlsCertificate
            flags["tlsKey"] = tlsKey
            flags["tlsClientAuthorities"] = tlsClientAuthorities
            flags["logLevel"] = logLevel
            for limit in limit {
                let parts = limit.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { throw ValidationError("'\(limit)' is not name=number") }
                let key = try ServeSettings.key(ofLimit: String(parts[0]))
                guard Int(parts[1]) != nil else {
                    throw Failure(
                        .wrongUsage, "--limit \(parts[0]) is given no whole number",
                        advice: "write it as in \(parts[0])=100")
                }
                guard flags.updateValue(String(parts[1]), forKey: key) == nil else {
                    throw Failure(.wrongUsage, "--limit \(parts[0]) is given twice", advice: "give it once")
                }
            }
            return flags
        }
    }
}
