internal import Foundation
internal import VaultDB

/// What is known of one connection, and the decisions that follow from it. Pure: no socket, no vault.
struct Session {
    let id: Int
    var version = ProtocolVersion.resp2
    /// What the connection may do; nil until it has shown a token where one is needed.
    var grant: Grant? {
        didSet { rank = Self.rank(of: grant) }
    }
    /// The grant's role as a number, 0 for none: what each command is compared with.
    private(set) var rank: UInt8
    /// Of `AccessControl` when the grant was looked at last.
    var accessGeneration: Int
    /// As `CLIENT SETNAME` gave it.
    var name = ""
    var libraryName = ""
    var libraryVersion = ""
    /// Tokens shown that were none.
    private(set) var failedAttempts = 0
    /// The connection is to be closed once its replies are sent.
    var isEnding = false

    static let failedAttemptsMax = 5
    static let nameBytesMax = 128

    init(id: Int, grant: Grant?, accessGeneration: Int) {
        self.id = id
        self.grant = grant
        rank = Self.rank(of: grant)
        self.accessGeneration = accessGeneration
    }

    var isAuthenticated: Bool { rank > 0 }

    private static func rank(of grant: Grant?) -> UInt8 { grant?.role.rawValue ?? 0 }

    mutating func noteFailedAttempt() {
        failedAttempts += 1
        if failedAttempts >= Self.failedAttemptsMax { isEnding = true }
    }

    /// As new, but for its id and the tokens it has shown in vain: `RESET`.
    mutating func reset(grant: Grant?) {
        let failedAttempts = failedAttempts
        self = Session(id: id, grant: grant, accessGeneration: accessGeneration)
        self.failedAttempts = failedAttempts
    }

    /// Nil where the grant suffices.
    func refusal(of role: AccessRole?) -> ReplyError? {
        guard let role else { return nil }
        guard let grant else { return .unauthenticated }
        if grant.role >= role { return nil }
        return ReplyError(
            .notPermitted, "this command needs the role \(role), and the token has the role \(grant.role)")
    }

    /// A name for logs and lists: printable ASCII without spaces.
    static func isName(_ text: String) -> Bool {
        text.utf8.count <= nameBytesMax && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
