internal import Crypto
internal import Foundation

/// What is kept of a secret, and what is shown is compared with: its SHA-256.
package struct SecretDigest: Equatable, Sendable {
    static let byteCount = 32

    let bytes: [UInt8]

    /// - Parameter bytes: a digest as it was kept, of `byteCount` bytes.
    init(bytes: [UInt8]) { self.bytes = bytes }

    init(of secret: [UInt8]) { bytes = Array(SHA256.hash(data: secret)) }

    package init(of secret: String) { self.init(of: Array(secret.utf8)) }

    /// Whether what is shown is the secret. Takes the same time wherever the two differ, as swift-crypto's `==` of a
    /// digest and as many bytes does.
    func isDigest(of shown: [UInt8]) -> Bool { SHA256.hash(data: shown) == bytes }

    package func isDigest(of shown: String) -> Bool { isDigest(of: Array(shown.utf8)) }
}
