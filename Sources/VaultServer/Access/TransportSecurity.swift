internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOSSL

/// TLS as the operator asks for it: a certificate and key, and optionally the authorities whose clients are let in.
package struct TransportSecurity: Equatable, Sendable {
    /// PEM file of the server's certificate and those that vouch for it.
    package var certificatePath: String
    /// PEM file of its private key.
    package var keyPath: String
    /// PEM file of the authorities that client certificates must come from; nil asks clients for none.
    package var clientAuthoritiesPath: String?

    package init(certificatePath: String, keyPath: String, clientAuthoritiesPath: String? = nil) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.clientAuthoritiesPath = clientAuthoritiesPath
    }

    /// Tells the log where the certificate is out of date: a clock may be wrong, and clients can choose not to mind.
    /// - Throws: the file that can't be used, and the next step.
    func context(_ logger: Logger) throws(ServerError) -> NIOSSLContext {
        let chain = try Self.certificates("TLS certificate", certificatePath)
        if let certificate = chain.first { tell(logger, of: certificate, at: time(nil)) }
        let key = try Self.load("TLS key", keyPath, "a PEM file of a private key without a passphrase") {
            try NIOSSLPrivateKey(file: $0, format: .pem)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map(NIOSSLCertificateSource.certificate), privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // Whoever closes has told so by then, and need not hear that the client does too.
        configuration.shutdownTimeout = .milliseconds(200)
        if let clientAuthoritiesPath {
            configuration.trustRoots = .certificates(try Self.certificates("TLS authorities", clientAuthoritiesPath))
            // Client certificates name no host, so only their chain is verified.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ServerError(
                "the TLS key \(keyPath) does not go with the certificate \(certificatePath)",
                advice: "give the key that the certificate was made with")
        }
    }

    private func tell(_ logger: Logger, of certificate: NIOSSLCertificate, at now: time_t) {
        let file: Logger.Metadata = ["file": "\(certificatePath)"]
        if now > certificate.notValidAfter { logger.warning("The TLS certificate has expired", metadata: file) }
        if now < certificate.notValidBefore { logger.warning("The TLS certificate is not valid yet", metadata: file) }
    }

    private static func certificates(_ what: String, _ path: String) throws(ServerError) -> [NIOSSLCertificate] {
        try load(what, path, "a PEM file of certificates") { try NIOSSLCertificate.fromPEMFile($0) }
    }

    /// What NIOSSL throws names neither the file nor a reason.
    private static func load<Loaded>(
        _ what: String, _ path: String, _ form: String, _ load: (String) throws -> Loaded
    ) throws(ServerError) -> Loaded {
        do {
            return try load(path)
        } catch {
            let isReadable = access(path, R_OK) == 0
            throw ServerError(
                "the \(what) \(path) can't be \(isReadable ? "used" : "read")",
                advice: "give \(form)\(isReadable ? "" : " that the server may read")")
        }
    }
}
