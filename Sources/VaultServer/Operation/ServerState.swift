internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import VaultDB

/// What all connections of a server share.
final class ServerState: Sendable {
    let vault: Vault
    let configuration: ServerConfiguration
    let durability: VaultOptions.Durability
    let table = CommandTable.standard
    let access: AccessControl
    let metrics = ServerMetrics()
    let httpMetrics = HTTPMetrics(Endpoint.all.map { ($0.method, $0.path) } + Pages.addresses)
    let recentAnswers = RecentAnswers()
    let contactCache = ContactCache()
    let slowLog: SlowLog
    let clients = ClientRegistry()
    /// Long reads and rare writes.
    let work: WorkQueue
    /// Walks over all that an organization has, one after the other.
    let walks: WorkQueue
    /// What the work of these has answered and clients have yet to take.
    let heldReplies: HeldReplies
    let logger: Logger
    let tokenRefusals: FrequentNotice
    let protocolErrors: FrequentNotice
    let failedWrites: FailedWrites
    let startedAt = NIODeadline.now()
    let startDate = Date()
    /// Writes handed in and not answered yet, of all connections.
    let pendingWrites = Atomic<Int>(0)
    /// Connections that wait for changes.
    let waiters = Atomic<Int>(0)
    let loopCount: Int
    /// Where it listens, once it does.
    let address = Mutex<String>("")
    /// Of Redis' protocol, in digits; empty before it listens.
    var port: String { address.withLock { $0.split(separator: ":").last.map(String.init) ?? "" } }

    var limits: ServerLimits { configuration.limits }

    init(
        _ vault: Vault, _ configuration: ServerConfiguration, durability: VaultOptions.Durability, loopCount: Int,
        isProtected: Bool, logger: Logger
    ) throws(VaultError) {
        self.vault = vault
        self.configuration = configuration
        self.durability = durability
        self.loopCount = loopCount
        work = WorkQueue(threadCount: 2, pendingMax: configuration.limits.workPendingMax)
        walks = WorkQueue(threadCount: 1, pendingMax: configuration.limits.walksPendingMax)
        heldReplies = HeldReplies(bytesMax: configuration.limits.workOutputBytesMax)
        self.logger = logger
        tokenRefusals = FrequentNotice("Token refused", logger)
        protocolErrors = FrequentNotice("Protocol error", logger)
        failedWrites = FailedWrites(logger)
        access = try AccessControl(vault, isProtected: isProtected, logger: logger)
        slowLog = SlowLog(thresholdMicroseconds: configuration.slowLogMicroseconds)
    }

    /// Takes room for one more in a counter that is bounded; false where there is none.
    static func reserve(_ counter: borrowing Atomic<Int>, max: Int) -> Bool {
        if counter.add(1, ordering: .relaxed).newValue <= max { return true }
        counter.subtract(1, ordering: .relaxed)
        return false
    }

    /// Runs what is handed to the writer, as far as it has room.
    func writing<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        guard Self.reserve(pendingWrites, max: limits.writesPendingMax) else {
            throw VaultError.busy("\(limits.writesPendingMax) writes are waiting")
        }
        defer { pendingWrites.subtract(1, ordering: .relaxed) }
        do {
            return try await body()
        } catch {
            failedWrites.note(error)
            throw error
        }
    }

    /// Runs a long read or a rare write on threads that may block, as far as they have room.
    func working<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        guard Self.reserve(work.pending, max: work.pendingMax) else {
            throw VaultError.busy("\(work.pendingMax) long requests are under way")
        }
        defer { work.pending.subtract(1, ordering: .relaxed) }
        return try await work.threads.runIfActive(body)
    }
}

extension VaultError {
    static func busy(_ what: String) -> VaultError { VaultError(.busy, what, advice: "try again later") }
}
