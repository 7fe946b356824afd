internal import Foundation

extension ServerConfiguration {
    /// - Throws: a value that is of another form than it has to be, or out of range.
    init(_ settings: inout SettingsReader) throws(ServerError) {
        self.init()
        host = try settings.text("host") ?? host
        port = try settings.number("port", in: Self.portRange) ?? port
        try readHTTP(&settings)
        threads = try settings.number("threads", in: 1...256) ?? threads
        requiresTokens = try settings.truth("requireTokens") ?? requiresTokens
        slowLogMicroseconds =
            try settings.number("slowlogMicroseconds", in: Int.min...1 << 40, advice: "give -1 for none")
            ?? slowLogMicroseconds
        drainSecondsMax = try settings.number("drainSecondsMax", in: Self.secondsRange) ?? drainSecondsMax
        for (name, path) in ServerLimits.named {
            let range = name.contains("seconds") ? Self.secondsRange : 1...(name.contains("bytes") ? 1 << 30 : 1 << 40)
            limits[keyPath: path] = try settings.number(Self.key(name), in: range) ?? limits[keyPath: path]
        }
        guard limits.outputHighWaterBytes <= limits.outputBytesMax else {
            throw ServerError("outputHighWaterBytes is above outputBytesMax")
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
    }

    private mutating func readHTTP(_ settings: inout SettingsReader) throws(ServerError) {
        let isRefused = try settings.truth("noHttp") ?? false
        let port = try settings.number("httpPort", in: Self.portRange) ?? httpPort
        // A port comes first that is set above what refuses it.
        let isOverruled = try settings.has("httpPort", before: "noHttp")
        httpPort = isRefused && !isOverruled ? nil : port
        organization = try Self.id("org", &settings)
        timeZone = try settings.value("timeZone", Self.zone) ?? timeZone
        corsOrigins = try settings.value("corsOrigins", Self.origins) ?? corsOrigins
        whatsApp = try WhatsAppSettings(
            verifyToken: settings.text("whatsappVerifyToken"), appSecret: settings.text("whatsappAppSecret"),
            organization: Self.id("whatsappOrganization", &settings) ?? organization)
    }

    private static func id(_ key: String, _ settings: inout SettingsReader) throws(ServerError) -> UUID? {
        try settings.value(key) { (text) throws(ServerError) -> UUID in
            guard let id = UUID(uuidString: text) else {
                throw ServerError("\(key) is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
            }
            return id
        }
    }

    private static func zone(_ name: String) throws(ServerError) -> TimeZone {
        guard let zone = TimeZone(identifier: name) else {
            throw ServerError("there is no time zone '\(name)'", advice: "give one such as Europe/Madrid")
        }
        return zone
    }

    private static func origins(_ list: String) throws(ServerError) -> [String] {
        let origins = list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if let wrong = origins.first(where: { !$0.hasPrefix("http://") && !$0.hasPrefix("https://") }) {
            throw ServerError(
                "'\(wrong)' is no origin of scripts", advice: "give one such as https://clinic.example; * is refused")
        }
        return origins
    }

    private static let portRange = 0...65_535
    /// In nanoseconds they fit into 64 bits, beside the system's uptime.
    private static let secondsRange = 0...1 << 32

    /// `argument-bytes-max` is `argumentBytesMax` as a key, and so `VAULTDB_ARGUMENT_BYTES_MAX` in the environment.
    static func key(_ name: String) -> String {
        let words = name.split(separator: "-")
        return words.dropFirst().reduce(String(words.first ?? "")) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }
}
