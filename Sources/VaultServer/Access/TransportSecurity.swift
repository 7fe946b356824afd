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

    func context() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map(NIOSSLCertificateSource.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        if let clientAuthoritiesPath {
            configuration.trustRoots = .file(clientAuthoritiesPath)
            // Client certificates name no host, so only their chain is verified.
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
