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
    let slowLog: SlowLog
    let clients = ClientRegistry()
    let changes: ChangeSignal
    let workers: NIOThreadPool
    let logger: Logger
    let startedAt = NIODeadline.now()
    let startDate = Date()
    /// Writes handed in and not answered yet, of all connections.
    let pendingWrites = Atomic<Int>(0)
    /// Work beside the event loops, running or waiting.
    let pendingWork = Atomic<Int>(0)
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
        changes = ChangeSignal(waitersMax: configuration.limits.waitersMax)
    }

    /// Takes room for one more in a counter that is bounded; false where there is none.
    static func reserve(_ counter: borrowing Atomic<Int>, max: Int) -> Bool {
        if counter.add(1, ordering: .relaxed).newValue <= max { return true }
        counter.subtract(1, ordering: .relaxed)
        return false
    }
}
