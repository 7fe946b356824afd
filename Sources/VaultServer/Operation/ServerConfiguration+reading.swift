package import Configuration
internal import Foundation

extension ServerConfiguration {
    /// - Throws: `ServerError` where a value is out of range.
    package init(_ reader: ConfigReader) throws(ServerError) {
        self.init()
        host = reader.string(forKey: "host", default: host)
        port = try Self.number("port", reader) ?? port
        try readHTTP(reader)
        threads = try Self.number("threads", reader) ?? threads
        requiresTokens = reader.bool(forKey: "requireTokens", default: requiresTokens)
        slowLogMicroseconds = try Self.number("slowlogMicroseconds", reader) ?? slowLogMicroseconds
        drainSecondsMax = try Self.number("drainSecondsMax", reader) ?? drainSecondsMax
        for (name, path) in ServerLimits.named {
            limits[keyPath: path] = try Self.number(Self.key(name), reader) ?? limits[keyPath: path]
        }
        let certificate = reader.string(forKey: "tlsCertificate")
        let key = reader.string(forKey: "tlsKey")
        let authorities = reader.string(forKey: "tlsClientAuthorities")
        switch (certificate, key) {
        case (let certificate?, let key?):
            security = TransportSecurity(
                certificatePath: certificate, keyPath: key, clientAuthoritiesPath: authorities)
        case (nil, nil) where authorities == nil: break
        default: throw ServerError("TLS needs a certificate and its key", advice: "set both")
        }
        try validate()
    }

    private mutating func readHTTP(_ reader: ConfigReader) throws(ServerError) {
        httpPort = reader.bool(forKey: "http", default: true) ? try Self.number("httpPort", reader) ?? httpPort : nil
        organization = try Self.id("org", reader)
        if let name = reader.string(forKey: "timeZone") {
            guard let zone = TimeZone(identifier: name) else {
                throw ServerError("there is no time zone '\(name)'", advice: "give one such as Europe/Madrid")
            }
            timeZone = zone
        }
        let origins = reader.string(forKey: "corsOrigins", default: "")
        corsOrigins = origins.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if let wrong = corsOrigins.first(where: { !$0.hasPrefix("http://") && !$0.hasPrefix("https://") }) {
            throw ServerError(
                "'\(wrong)' is no origin of scripts", advice: "give one such as https://clinic.example; * is refused")
        }
        whatsApp = try WhatsAppSettings(
            verifyToken: reader.string(forKey: "whatsappVerifyToken", isSecret: true),
            appSecret: reader.string(forKey: "whatsappAppSecret", isSecret: true),
            organization: Self.id("whatsappOrganization", reader) ?? organization)
    }

    private static func id(_ key: String, _ reader: ConfigReader) throws(ServerError) -> UUID? {
        guard let text = reader.string(forKey: ConfigKey(key)) else { return nil }
        guard let id = UUID(uuidString: text) else {
            throw ServerError("\(key) is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return id
    }

    /// - Throws: something is given that is no number.
    static func number(_ key: String, _ reader: ConfigReader) throws(ServerError) -> Int? {
        if let number = reader.int(forKey: ConfigKey(key)) { return number }
        guard let text = reader.string(forKey: ConfigKey(key)) else { return nil }
        throw ServerError("\(key) is no number: \(text)")
    }

    private func validate() throws(ServerError) {
        guard (0...65_535).contains(port) else { throw ServerError("there is no port \(port)") }
        if let httpPort, !(0...65_535).contains(httpPort) { throw ServerError("there is no port \(httpPort)") }
        guard (0...256).contains(threads) else { throw ServerError("threads must be 0 to 256") }
        for (name, path) in ServerLimits.named {
            let value = limits[keyPath: path]
            let least = name.contains("seconds") ? 0 : 1
            guard (least...1 << 40).contains(value) else {
                throw ServerError("\(name) can't be \(value)", advice: "give a number from \(least) on")
            }
        }
        guard limits.outputHighWaterBytes <= limits.outputBytesMax else {
            throw ServerError("output-high-water-bytes is above output-bytes-max")
        }
    }

    /// `argument-bytes-max` is `argumentBytesMax` as a key, and so `VAULTDB_ARGUMENT_BYTES_MAX` in the environment.
    static func key(_ name: String) -> String {
        let words = name.split(separator: "-")
        return words.dropFirst().reduce(String(words.first ?? "")) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }
}
