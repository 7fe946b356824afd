package import Foundation

/// What the server has to know to take WhatsApp's messages: the words that its webhook was set up with.
package struct WhatsAppSettings: Equatable, Sendable {
    /// What Meta shows when it verifies the webhook's address.
    let verifyToken: String
    /// The key of `X-Hub-Signature-256`.
    let appSecret: String
    /// Whose people write.
    let organization: UUID

    /// Nil where neither secret is given.
    /// - Throws: something is missing.
    package init?(verifyToken: String?, appSecret: String?, organization: UUID?) throws(ServerError) {
        if verifyToken == nil, appSecret == nil { return nil }
        guard let verifyToken, let appSecret, !verifyToken.isEmpty, !appSecret.isEmpty else {
            throw ServerError(
                "WhatsApp's webhook needs both of its secrets",
                advice: "set VAULTDB_WHATSAPP_VERIFY_TOKEN and VAULTDB_WHATSAPP_APP_SECRET")
        }
        guard let organization else {
            throw ServerError(
                "WhatsApp's webhook needs an organization", advice: "set VAULTDB_WHATSAPP_ORGANIZATION to its UUID")
        }
        self.verifyToken = verifyToken
        self.appSecret = appSecret
        self.organization = organization
    }
}
