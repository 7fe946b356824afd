public import Foundation

/// A server credential as the vault keeps it: for one organization, with one role. The secret itself is not kept, only
/// its SHA-256.
public struct AccessToken: Equatable, Sendable {
    /// The part of the token's text that names it.
    public let id: String
    public let organization: UUID
    public let role: AccessRole
    /// What it is for, in its maker's words.
    public let label: String?
    public let createdAt: Timestamp
    let digest: SecretDigest
}

extension AccessToken {
    private static let version: UInt8 = 1

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.id(organization)
        writer.byte(role.rawValue)
        writer.time(createdAt)
        writer.blob(digest.bytes.span.bytes)
        writer.text(label)
        return writer.sealed(under: key)
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        id = String(copyingUTF8: key)
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        organization = try reader.id()
        guard let role = AccessRole(rawValue: try reader.byte()) else {
            throw .corrupted("a token has an unknown role")
        }
        self.role = role
        createdAt = try reader.time()
        digest = SecretDigest(bytes: try reader.blob(SecretDigest.byteCount))
        label = try reader.optionalText()
    }
}

extension AccessToken {
    public var json: JSONValue {
        [
            "id": .string(id), "organization_id": .string(organization.text), "role": .string(role.description),
            "label": JSONValue(label), "created_at": JSONValue(createdAt),
        ]
    }
}
