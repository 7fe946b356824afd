internal import Configuration
package import Logging
internal import SystemPackage
package import VaultDB

/// All settings of `vaultdb serve`, out of flags, environment and a file, in that order.
package struct ServeSettings: Sendable {
    package let server: ServerConfiguration
    package let durability: VaultOptions.Durability
    package let cacheBytes: Int
    package let writerNiceness: Int
    package let logLevel: Logger.Level

    /// Creates come behind lookups where processors are scarce. With two, shared with the clients, lookups beside creates
    /// take twice as long as without instead of nearly three times, and creates are a twentieth fewer.
    package static let writerNicenessDefault = 7

    /// - Parameters:
    ///   - flags: by the names that the file uses, such as `tlsKey`.
    ///   - environment: of it `VAULTDB_TLS_KEY` and the like.
    package init(flags: [String: String], file: String?, environment: [String: String]) async throws {
        var providers: [any ConfigProvider] = [
            InMemoryProvider(
                name: "flags",
                values: Dictionary(
                    uniqueKeysWithValues: flags.map { (AbsoluteConfigKey([$0.key]), Self.value($0.value)) })),
            EnvironmentVariablesProvider(environmentVariables: Self.own(environment)),
        ]
        if let file {
            do {
                providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(file)))
            } catch {
                throw ServerError("the settings in \(file) can't be read: \(error)", advice: "give a JSON object")
            }
        }
        let reader = ConfigReader(providers: providers)
        server = try ServerConfiguration(reader)
        let mode = reader.string(forKey: "durability", default: VaultOptions.Durability.durable.rawValue)
        guard let durability = VaultOptions.Durability(rawValue: mode) else {
            throw ServerError("there is no durability '\(mode)'", advice: "it is durable or relaxed")
        }
        self.durability = durability
        cacheBytes = try ServerConfiguration.number("cacheBytes", reader) ?? VaultOptions.cacheBytesDefault
        guard cacheBytes >= 0 else { throw ServerError("cacheBytes can't be \(cacheBytes)", advice: "give 0 for none") }
        writerNiceness = try ServerConfiguration.number("writerNiceness", reader) ?? Self.writerNicenessDefault
        guard (0...19).contains(writerNiceness) else {
            throw ServerError("writerNiceness can't be \(writerNiceness)", advice: "give 0 for none, or up to 19")
        }
        let level = reader.string(forKey: "logLevel", default: Logger.Level.notice.rawValue)
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw ServerError(
                "there is no log level '\(level)'", advice: "trace, debug, info, notice, warning or error")
        }
        self.logLevel = logLevel
    }

    /// The setting's key for a limit such as `connections-max`.
    package static func key(ofLimit name: String) throws(ServerError) -> String {
        guard ServerLimits.named.contains(where: { $0.name == name }) else {
            let names = ServerLimits.named.map(\.name).joined(separator: ", ")
            throw ServerError("there is no limit '\(name)'", advice: "the limits are \(names)")
        }
        return ServerConfiguration.key(name)
    }

    private static func own(_ environment: [String: String]) -> [String: String] {
        let prefix = "VAULTDB_"
        let own = environment.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }

    /// A text that looks like a number or a truth is one, for whoever asks for that.
    private static func value(_ text: String) -> ConfigValue {
        if let number = Int(text) { return ConfigValue(.int(number), isSecret: false) }
        if let truth = Bool(text) { return ConfigValue(.bool(truth), isSecret: false) }
        return ConfigValue(.string(text), isSecret: false)
    }
}
