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
    let workers: NIOThreadPool
    /// Walks over all that an organization has, one after the other.
    let walker = NIOThreadPool(numberOfThreads: 1)
    let logger: Logger
    let startedAt = NIODeadline.now()
    let startDate = Date()
    /// Writes handed in and not answered yet, of all connections.
    let pendingWrites = Atomic<Int>(0)
    /// Work beside the event loops, running or waiting.
    let pendingWork = Atomic<Int>(0)
    /// Connections that wait for changes.
    let waiters = Atomic<Int>(0)
    let loopCount: Int
    /// Where it listens, once it does.
    let address = Mutex<String>("")

    var limits: ServerLimits { configuration.limits }

    init(
        _ vault: Vault, _ configuration: ServerConfiguration, durability: VaultOptions.Durability, loopCount: Int,
        isProtected: Bool, workers: NIOThreadPool, logger: Logger
    ) throws(VaultError) {
        self.vault = vault
        self.configuration = configuration
        self.durability = durability
        self.loopCount = loopCount
        self.workers = workers
        self.logger = logger
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
        return try await body()
    }

    /// Runs a long read or a rare write on threads that may block, as far as they have room.
    func working<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        guard Self.reserve(pendingWork, max: limits.workPendingMax) else {
            throw VaultError.busy("\(limits.workPendingMax) long requests are under way")
        }
        defer { pendingWork.subtract(1, ordering: .relaxed) }
        return try await workers.runIfActive(body)
    }
}

extension VaultError {
    static func busy(_ what: String) -> VaultError { VaultError(.busy, what, advice: "try again later") }
}
