internal import Foundation
internal import VaultDB

/// What a connection may do.
struct Grant: Equatable, Sendable {
    /// The only organization it may name; nil for any.
    let organization: UUID?
    let role: AccessRole
    /// The token it was given for; nil where the server asks for none.
    let token: String?

    /// Of a server on loopback whose vault has no tokens.
    static let open = Grant(organization: nil, role: .admin, token: nil)

    init(organization: UUID?, role: AccessRole, token: String?) {
        self.organization = organization
        self.role = role
        self.token = token
    }

    init(_ token: AccessToken) {
        self.init(organization: token.organization, role: token.role, token: token.id)
    }

    @inline(__always)
    func covers(_ asked: UUID) -> Bool { organization.map { $0 == asked } ?? true }
}
