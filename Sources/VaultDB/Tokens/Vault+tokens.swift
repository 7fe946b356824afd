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
    ) async throws(VaultError) -> (text: String, token: AccessToken) {
        let (text, token) = try Self.newToken(for: organization, role, label)
        try await core.writes.write { (transaction) throws(VaultError) in try transaction.addToken(token) }
        tellCreated(token)
        return (text, token)
    }

    /// The blocking twin.
    public func createTokenBlocking(
        for organization: UUID, role: AccessRole, label: String? = nil
    ) throws(VaultError) -> (text: String, token: AccessToken) {
        let (text, token) = try Self.newToken(for: organization, role, label)
        try core.writes.writeBlocking { (transaction) throws(VaultError) in try transaction.addToken(token) }
        tellCreated(token)
        return (text, token)
    }

    private static func newToken(
        for organization: UUID, _ role: AccessRole, _ label: String?
    ) throws(VaultError) -> (text: String, token: AccessToken) {
        let text = TokenText()
        let token = AccessToken(
            id: text.id, organization: organization, role: role,
            label: try boundedLine(label, "label", bytesMax: Limits.nameBytesMax), createdAt: .now(),
            digest: SecretDigest(of: text.secret))
        return (text.text, token)
    }

    private func tellCreated(_ token: AccessToken) {
        core.logger.info("Token created", metadata: ["token": "\(token.id)", "role": "\(token.role)"])
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
    public func revokeToken(_ id: String) async throws(VaultError) -> AccessToken {
        tellRevoked(
            try await core.writes.write { (transaction) throws(VaultError) in try transaction.revokeToken(id) })
    }

    /// The blocking twin.
    @discardableResult
    public func revokeTokenBlocking(_ id: String) throws(VaultError) -> AccessToken {
        tellRevoked(
            try core.writes.writeBlocking { (transaction) throws(VaultError) in try transaction.revokeToken(id) })
    }

    private func tellRevoked(_ token: AccessToken) -> AccessToken {
        core.logger.info("Token revoked", metadata: ["token": "\(token.id)"])
        return token
    }
}

extension Storage.WriteTransaction where Self: ~Copyable {
    fileprivate mutating func addToken(_ token: AccessToken) throws(VaultError) {
        guard try self.token(token.id) == nil else {
            throw VaultError(.exists, "a token has this id already", advice: "try again")
        }
        let key = Key.token(token.id)
        try put(key, token.encoded(under: key), in: Tables.tokens)
    }

    fileprivate mutating func revokeToken(_ id: String) throws(VaultError) -> AccessToken {
        givesBack = true
        // Any other text could be no key.
        guard TokenText.isID(id), let token = try token(id) else {
            throw VaultError(.notFound, "there is no such token", advice: "`vaultdb token list` shows them")
        }
        try remove(Key.token(id), from: Tables.tokens)
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
