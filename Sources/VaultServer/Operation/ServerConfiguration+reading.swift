internal import Foundation

extension ServerConfiguration {
    /// - Throws: a value that is of another form than it has to be, or out of range.
    init(_ settings: inout SettingsReader) throws(ServerError) {
        self.init()
        host = try settings.text("host") ?? host
        port = try settings.number("port") ?? port
        try readHTTP(&settings)
        if let given = try settings.number("threads") {
            try Self.require(given, "threads", 1...256)
            threads = given
        }
        requiresTokens = try settings.truth("requireTokens") ?? requiresTokens
        slowLogMicroseconds = try settings.number("slowlogMicroseconds") ?? slowLogMicroseconds
        drainSecondsMax = try settings.number("drainSecondsMax") ?? drainSecondsMax
        for (name, path) in ServerLimits.named {
            limits[keyPath: path] = try settings.number(Self.key(name)) ?? limits[keyPath: path]
        }
        let certificate = try settings.text("tlsCertificate", protects: true)
        let key = try settings.text("tlsKey", protects: true)
        let authorities = try settings.text("tlsClientAuthorities", protects: true)
        switch (certificate, key) {
        case (let certificate?, let key?):
            security = TransportSecurity(
                certificatePath: certificate, keyPath: key, clientAuthoritiesPath: authorities)
        case (nil, nil) where authorities == nil: break
        default: throw ServerError("TLS needs a certificate and its key", advice: "set both")
        }
        try validate()
    }

    private mutating func readHTTP(_ settings: inout SettingsReader) throws(ServerError) {
        let isRefused = try settings.truth("noHttp") ?? false
        let port = try settings.number("httpPort") ?? httpPort
        // A port comes first that is set above what refuses it.
        let isOverruled = try settings.has("httpPort", before: "noHttp")
        httpPort = isRefused && !isOverruled ? nil : port
        organization = try Self.id("org", &settings)
        if let name = try settings.text("timeZone") {
            guard let zone = TimeZone(identifier: name) else {
                throw ServerError("there is no time zone '\(name)'", advice: "give one such as Europe/Madrid")
            }
            timeZone = zone
        }
        let origins = try settings.text("corsOrigins") ?? ""
        corsOrigins = origins.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if let wrong = corsOrigins.first(where: { !$0.hasPrefix("http://") && !$0.hasPrefix("https://") }) {
            throw ServerError(
                "'\(wrong)' is no origin of scripts", advice: "give one such as https://clinic.example; * is refused")
        }
        whatsApp = try WhatsAppSettings(
            verifyToken: settings.text("whatsappVerifyToken"), appSecret: settings.text("whatsappAppSecret"),
            organization: Self.id("whatsappOrganization", &settings) ?? organization)
    }

    private static func id(_ key: String, _ settings: inout SettingsReader) throws(ServerError) -> UUID? {
        guard let text = try settings.text(key) else { return nil }
        guard let id = UUID(uuidString: text) else {
            throw ServerError("\(key) is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return id
    }

    private func validate() throws(ServerError) {
        try Self.require(port, "port", 0...65_535)
        if let httpPort { try Self.require(httpPort, "httpPort", 0...65_535) }
        guard slowLogMicroseconds <= 1 << 40 else {
            throw ServerError("slowlogMicroseconds can't be \(slowLogMicroseconds)", advice: "give -1 for none")
        }
        try Self.require(drainSecondsMax, "drainSecondsMax", Self.secondsRange)
        for (name, path) in ServerLimits.named {
            let range = name.contains("seconds") ? Self.secondsRange : 1...(name.contains("bytes") ? 1 << 30 : 1 << 40)
            try Self.require(limits[keyPath: path], name, range)
        }
        guard limits.outputHighWaterBytes <= limits.outputBytesMax else {
            throw ServerError("output-high-water-bytes is above output-bytes-max")
        }
    }

    /// In nanoseconds they fit into 64 bits, beside the system's uptime.
    private static let secondsRange = 0...1 << 32

    private static func require(_ value: Int, _ name: String, _ range: ClosedRange<Int>) throws(ServerError) {
        guard !range.contains(value) else { return }
        throw ServerError("\(name) can't be \(value)", advice: "give \(range.lowerBound) to \(range.upperBound)")
    }

    /// `argument-bytes-max` is `argumentBytesMax` as a key, and so `VAULTDB_ARGUMENT_BYTES_MAX` in the environment.
    static func key(_ name: String) -> String {
        let words = name.split(separator: "-")
        return words.dropFirst().reduce(String(words.first ?? "")) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }
}
