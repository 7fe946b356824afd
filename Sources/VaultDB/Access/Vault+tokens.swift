public import Foundation
internal import LMDB
internal import Logging
internal import Storage

/// Server credentials. They count for every server on this file, in any process, as soon as it notices.
extension Vault {
    /// Makes a token.
    /// - Parameter label: what it is for; at most `Limits.nameBytesMax` bytes.
    /// - Returns: its text, which can't be had again, and what the vault keeps of it.
    public func createToken(
        for organization: UUID, role: AccessRole, label: String? = nil
    ) throws(VaultError) -> (text: String, token: AccessToken) {
        let text = TokenText()
        let token = AccessToken(
            id: text.id, organization: organization, role: role,
            label: try boundedLine(label, "label", bytesMax: Limits.nameBytesMax), createdAt: .now(),
            digest: SecretDigest(of: text.secret))
        try core.writes.writeBlocking { (transaction) throws(VaultError) in
            guard try transaction.token(token.id) == nil else {
                throw VaultError(.exists, "a token has this id already", advice: "try again")
            }
            let key = Key.token(token.id)
            try transaction.put(key, token.encoded(under: key), in: Tables.tokens)
        }
        core.logger.info("Token created", metadata: ["token": "\(token.id)", "role": "\(role)"])
        return (text.text, token)
    }

    /// Every token, by id.
    public func tokens() throws(VaultError) -> [AccessToken] {
        try core.engine.read { (snapshot) throws(VaultError) in
            var list: [AccessToken] = []
            try snapshot.visit(Tables.tokens, prefix: Key()) { (key, value) throws(VaultError) in
                list.append(try AccessToken(key: key, sealed: value))
                return .next
            }
            return list
        }
    }

    /// The token that a bearer shows; nil where it is none of this vault's.
    public func token(shown text: String) throws(VaultError) -> AccessToken? {
        guard let shown = TokenText(text) else { return nil }
        let known = try core.engine.read { (snapshot) throws(VaultError) in try snapshot.token(shown.id) }
        guard let known, known.digest.isDigest(of: shown.secret) else { return nil }
        return known
    }

    /// Ends a token for good.
    /// - Throws: `notFound` where there is none with this id.
    @discardableResult
    public func revokeToken(_ id: String) throws(VaultError) -> AccessToken {
        let unknown = VaultError(.notFound, "there is no such token", advice: "`vaultdb token list` shows them")
        guard TokenText.isID(id) else { throw unknown }
        let token = try core.writes.writeBlocking { (transaction) throws(VaultError) -> AccessToken in
            guard let token = try transaction.token(id) else { throw unknown }
            try transaction.remove(Key.token(id), from: Tables.tokens)
            return token
        }
        core.logger.info("Token revoked", metadata: ["token": "\(id)"])
        return token
    }
}

extension ReadTransaction where Self: ~Copyable {
    fileprivate borrowing func token(_ id: String) throws(VaultError) -> AccessToken? {
        let key = Key.token(id)
        guard let bytes = try value(key, in: Tables.tokens) else { return nil }
        return try AccessToken(key: key.bytes, sealed: bytes)
    }
}

extension Key {
    static func token(_ id: String) -> Key {
        var key = Key()
        key.append(id)
        return key
    }
}
