internal import Foundation
internal import Logging
internal import Synchronization
internal import VaultDB

/// Who may use the server, as the vault's tokens say at the moment.
///
/// Tokens are made and revoked by other processes as well, so the vault is asked again whenever it has had a commit;
/// connections look at `generation` with each read of theirs and ask what has become of their grant when it has moved.
final class AccessControl: Sendable {
    private struct State {
        var tokens: Set<String> = []
        var commit = -1
        var isProtected: Bool
    }

    private let vault: Vault
    private let logger: Logger
    private let state: Mutex<State>
    private let counter = Atomic<Int>(1)

    /// - Parameter isProtected: tokens are needed even while there are none.
    init(_ vault: Vault, isProtected: Bool, logger: Logger) throws(VaultError) {
        self.vault = vault
        self.logger = logger
        state = Mutex(State(isProtected: isProtected))
        try refresh()
    }

    var generation: Int {
        @inline(__always)
        get { counter.load(ordering: .relaxed) }
    }

    /// Whether a token is needed. Once it is, it stays so until the server starts anew: revoking the last token opens
    /// nothing.
    var isProtected: Bool { state.withLock(\.isProtected) }
    var tokenCount: Int { state.withLock(\.tokens.count) }

    /// Asks the vault for its tokens if anything was committed since the last time.
    func refresh() throws(VaultError) {
        let commit = try vault.lastCommit()
        guard state.withLock({ $0.commit < commit }) else { return }
        take(Set(try vault.tokens().map(\.id)), asOf: commit)
    }

    /// Takes tokens that were read when this commit was the last, or later. Meanwhile another thread may have come with
    /// those of a later one, which stay.
    func take(_ tokens: Set<String>, asOf commit: Int) {
        let isChanged = state.withLock { state in
            guard state.commit < commit else { return false }
            state.commit = commit
            guard state.tokens != tokens else { return false }
            state.tokens = tokens
            if !tokens.isEmpty { state.isProtected = true }
            return true
        }
        guard isChanged else { return }
        counter.add(1, ordering: .relaxed)
        logger.info("Tokens changed", metadata: ["tokens": "\(tokens.count)"])
    }

    /// What a connection may do that has shown nothing.
    var grantWithoutToken: Grant? { isProtected ? nil : .open }

    /// What is left of a grant that was given before.
    func renewed(_ grant: Grant?) -> Grant? {
        state.withLock { state in
            if let token = grant?.token { return state.tokens.contains(token) ? grant : nil }
            return state.isProtected ? nil : .open
        }
    }

    /// The grant for a token, or nil where it is none of the vault's.
    func grant(showing text: String) throws(VaultError) -> Grant? {
        guard let token = try vault.token(shown: text) else { return nil }
        // A token may be newer than the last look at them.
        try refresh()
        return Grant(token)
    }
}
