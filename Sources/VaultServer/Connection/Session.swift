internal import Foundation
internal import NIOCore
internal import VaultDB

/// What is known of one connection, and the decisions that follow from it. Pure: no socket, no vault.
struct Session {
    let id: Int
    var version = ProtocolVersion.resp2
    /// What the connection may do; nil until it has shown a token where one is needed.
    var grant: Grant? {
        didSet { rank = Self.rank(of: grant, isInTransaction) }
    }
    /// When `MULTI` was refused. Until `EXEC`, `DISCARD` or `RESET` what comes is refused as well, for a client that does not
    /// wait for an answer has sent it with that.
    private(set) var transactionBegan: NIODeadline? {
        didSet { rank = Self.rank(of: grant, isInTransaction) }
    }
    var isInTransaction: Bool { transactionBegan != nil }
    /// What comes later than this is of a client that did wait: its connection ends, so that another may be of use to it.
    private static let transactionTime = TimeAmount.seconds(1)
    /// The grant's role as a number, 0 for none, as all are in a transaction: what each command is compared with.
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
        rank = Self.rank(of: grant, false)
        self.accessGeneration = accessGeneration
    }

    var isAuthenticated: Bool { grant != nil }

    private static func rank(of grant: Grant?, _ isInTransaction: Bool) -> UInt8 {
        isInTransaction ? 0 : grant?.role.rawValue ?? 0
    }

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

    mutating func beginTransaction() { transactionBegan = transactionBegan ?? .now() }

    mutating func endTransaction() { transactionBegan = nil }

    /// Nil where the grant suffices.
    mutating func refusal(of role: AccessRole?, at now: NIODeadline = .now()) -> ReplyError? {
        guard let role else { return nil }
        guard let grant else { return .unauthenticated }
        if let transactionBegan {
            if now - transactionBegan > Self.transactionTime { isEnding = true }
            return .noTransactions
        }
        if grant.role >= role { return nil }
        return ReplyError(
            .notPermitted, "this command needs the role \(role), and the token has the role \(grant.role)")
    }

    /// A name for logs and lists: printable ASCII without spaces.
    static func isName(_ text: String) -> Bool {
        text.utf8.count <= nameBytesMax && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
