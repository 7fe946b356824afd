internal import CMalloc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import VaultDB

/// What has to be looked at from time to time: tokens, commits of other processes, connections that do nothing, writes that
/// wait.
struct Upkeep: Sendable {
    /// The longest time until a token that another process revoked is of no use.
    static let interval = TimeAmount.milliseconds(200)
    private static let roundsPerSweep = 5

    private let state: ServerState
    private let memory: Memory

    private final class Memory: Sendable {
        let rounds = Atomic<Int>(0)
        /// Whether the last look found writes that wait for too long.
        let isLate = Atomic(false)
        /// Whether it found as many connections as there may be.
        let isFull = Atomic(false)
        let isHTTPFull = Atomic(false)
        /// Of `AccessControl` when connections were told of it last.
        let accessGeneration: Atomic<Int>

        init(accessGeneration: Int) { self.accessGeneration = Atomic(accessGeneration) }
    }

    init(_ state: ServerState) {
        self.state = state
        memory = Memory(accessGeneration: state.access.generation)
    }

    func start(on loop: any EventLoop) -> RepeatedTask {
        loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { [self] _ in run() }
    }

    private func run() {
        state.contactCache.age()
        do throws(VaultError) {
            try state.access.refresh()
            let commits = state.vault.commits
            if commits.isAwaited { commits.note(commit: try state.vault.lastCommit()) }
        } catch {
            state.logger.warning("The vault can't be read", metadata: ["error": "\(error)"])
        }
        renewGrants()
        if memory.rounds.add(1, ordering: .relaxed).newValue % Self.roundsPerSweep == 0 {
            sweep(at: .now())
            seeToReplies(at: .now())
            state.tokenRefusals.tellRest()
            state.protocolErrors.tellRest()
            state.failedWrites.tell(at: .now())
            lookAtWriter()
            lookAtConnections()
        }
    }

    /// Tells the log where a limit of connections is reached, and where it no longer is.
    func lookAtConnections() {
        let (limits, http) = (state.limits, state.httpMetrics.connectionCount)
        tell(memory.isFull, state.clients.count, "connections-max", limits.connectionsMax)
        tell(memory.isHTTPFull, http, "http-connections-max", limits.httpConnectionsMax)
    }

    private func tell(_ wasFull: borrowing Atomic<Bool>, _ count: Int, _ limit: String, _ max: Int) {
        let isFull = count >= max
        guard wasFull.exchange(isFull, ordering: .relaxed) != isFull else { return }
        if isFull {
            state.logger.warning("All connections are taken", metadata: [limit: "\(max)"])
        } else {
            state.logger.notice("There is room for connections again", metadata: [limit: "\(max)"])
        }
    }

    /// Writes that wait for so long are told to the log.
    private static let lateWait = Duration.seconds(5)

    private func lookAtWriter() {
        let writer = state.vault.writerStatistics
        let isLate = writer.oldestWait >= Self.lateWait
        guard memory.isLate.exchange(isLate, ordering: .relaxed) != isLate else { return }
        guard isLate else { return state.logger.notice("Writes wait no more") }
        let isForOthers = state.vault.oldestWaitForOthers > .zero
        state.logger.warning(
            "Writes wait",
            metadata: [
                "seconds": "\(writer.oldestWait.components.seconds)", "writes": "\(writer.pending)",
                "for": isForOthers ? "another process, which writes or is stopped, or the disk" : "a long write",
            ])
    }

    /// Tells all connections where tokens were made or revoked: one that is silent would never ask.
    private func renewGrants() {
        let generation = state.access.generation
        guard memory.accessGeneration.exchange(generation, ordering: .relaxed) != generation else { return }
        for client in state.clients.all { client.renewGrant() }
    }

    /// Closes connections that show no token in time, and those that are silent for too long unless they wait for an
    /// answer or take one.
    func sweep(at now: NIODeadline) {
        let limits = state.limits
        for client in state.clients.all {
            let (isAuthenticated, beganAt) = client.details.withLock { ($0.isAuthenticated, $0.unauthenticatedSince) }
            if isAuthenticated {
                let last = client.lastActivity.load(ordering: .relaxed)
                let silence = now - NIODeadline.uptimeNanoseconds(last)
                if Self.isOver(silence, limits.idleSecondsMax) { client.endIfIdle(since: last) }
            } else if Self.isOver(now - beganAt, limits.unauthenticatedSecondsMax) {
                client.endIfUnauthenticated()
            }
        }
    }

    /// Where there is no room for more replies, has clients ended that go on taking none; gives memory back to the system
    /// that large ones have left.
    func seeToReplies(at now: NIODeadline) {
        if state.heldReplies.isFull {
            for client in state.clients.all { client.checkOutput() }
        }
        guard state.heldReplies.isTrimDue(at: now) else { return }
        // Beside the event loop, for it may take long.
        state.work.threads.submit { if case .active = $0 { malloc_trim(0) } }
    }

    /// - Parameter secondsMax: 0 for no bound.
    private static func isOver(_ time: TimeAmount, _ secondsMax: Int) -> Bool {
        secondsMax > 0 && time > .seconds(Int64(secondsMax))
    }
}
