package import Logging
package import VaultDB

/// All settings of `vaultdb serve`, out of flags, environment and a file, in that order.
package struct ServeSettings: Sendable {
    package let server: ServerConfiguration
    package let durability: VaultOptions.Durability
    package let isReadOnly: Bool
    package let cacheBytes: Int
    package let writerNiceness: Int
    package let logLevel: Logger.Level

    /// Creates come behind lookups where processors are scarce. With two, shared with the clients, lookups beside creates
    /// take twice as long as without instead of nearly three times, and creates are a twentieth fewer.
    package static let writerNicenessDefault = 13

    /// - Parameters:
    ///   - flags: by the names that the file uses, such as `tlsKey`.
    ///   - environment: of it `VAULTDB_TLS_KEY` and the like.
    /// - Throws: a setting that is none, is of another form than it has to be, or is out of range.
    package init(flags: [String: String], file: String?, environment: [String: String]) throws(ServerError) {
        var settings = try SettingsReader(flags: flags, file: file, environment: environment)
        server = try ServerConfiguration(&settings)
        durability = try settings.value("durability", Self.durability) ?? .durable
        isReadOnly = try settings.truth("readOnly") ?? false
        cacheBytes = try settings.memory("cache") ?? VaultOptions.cacheBytesDefault
        writerNiceness =
            try settings.number("writerNiceness", in: 0...19, advice: "give 0 for none, or up to 19")
            ?? Self.writerNicenessDefault
        logLevel = try settings.value("logLevel", Self.logLevel) ?? .notice
        try settings.end()
    }

    private static func durability(_ name: String) throws(ServerError) -> VaultOptions.Durability {
        guard let durability = VaultOptions.Durability(rawValue: name) else {
            throw ServerError("there is no durability '\(name)'", advice: "it is durable or relaxed")
        }
        return durability
    }

    private static func logLevel(_ name: String) throws(ServerError) -> Logger.Level {
        guard let level = Logger.Level(rawValue: name) else {
            throw ServerError(
                "there is no log level '\(name)'", advice: "trace, debug, info, notice, warning or error")
        }
        return level
    }

    /// The setting's key for a limit such as `connections-max`.
    package static func key(ofLimit name: String) throws(ServerError) -> String {
        guard ServerLimits.named.contains(where: { $0.name == name }) else {
            let names = ServerLimits.named.map(\.name).joined(separator: ", ")
            throw ServerError("there is no limit '\(name)'", advice: "the limits are \(names)")
        }
        return ServerConfiguration.key(name)
    }
}
