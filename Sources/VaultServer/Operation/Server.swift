package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals
package import VaultDB

/// The server: one vault, over Redis' protocol and over HTTP.
///
/// The vault is its caller's, who closes it after `run` has returned, within a time where other processes may hold the
/// writer's lock. What is not begun when the time of `drainSecondsMax` is over is refused, and so is every later write.
package final class Server: Service {
    /// Where it listens.
    package struct Addresses: Equatable, Sendable {
        /// Host and port of Redis' protocol.
        package let resp: String
        /// The root of HTTP, such as `http://127.0.0.1:8080`; nil where it is not served.
        package let http: String?
    }

    let state: ServerState
    private let group: MultiThreadedEventLoopGroup
    private let resp: RESPListener
    private let http: HTTPServer?
    /// Called once, when everything listens.
    private let onReady: @Sendable (Addresses) -> Void
    private var logger: Logger { state.logger }

    package init(
        _ vault: Vault, _ configuration: ServerConfiguration, durability: VaultOptions.Durability = .durable,
        logger: Logger, onReady: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) throws {
        // The writer, and often the clients, need the other cores: with a loop on each, lookups wait for a turn.
        let loops = configuration.threads > 0 ? configuration.threads : max(System.coreCount / 2, 1)
        let address = try Self.address(configuration)
        let isProtected = configuration.requiresTokens || !ListenPolicy.isLoopback(address)
        if !ListenPolicy.isLoopback(address), try vault.tokens().isEmpty {
            throw ListenPolicy.refusal(configuration.host)
        }
        let security = try configuration.security?.context(logger)
        // HTTP has as many loops as there are processors, beside those of Redis' protocol.
        let allLoops = loops + (configuration.httpPort == nil ? 0 : System.coreCount)
        try OpenFiles.require(free: OpenFiles.serverMin(loopCount: allLoops))
        group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        state = try ServerState(
            vault, Self.fitting(configuration, allLoops, logger), durability: durability, loopCount: loops,
            isProtected: isProtected, logger: logger)
        resp = RESPListener(state, group, security)
        http = try configuration.httpPort.map { [state, group] in
            try HTTPServer(state, group, security, port: $0)
        }
        self.onReady = onReady
    }

    private static func address(_ configuration: ServerConfiguration) throws -> SocketAddress {
        do {
            return try .makeAddressResolvingHost(configuration.host, port: configuration.port)
        } catch {
            throw ServerError("there is no host '\(configuration.host)'", advice: "give an address such as 127.0.0.1")
        }
    }

    /// The same with no more connections than this process may have files open.
    private static func fitting(
        _ configuration: ServerConfiguration, _ loops: Int, _ logger: Logger
    ) -> ServerConfiguration {
        guard let openFilesMax = OpenFiles.raiseMax() else { return configuration }
        var fitting = configuration
        fitting.limits = configuration.limits.fitting(
            openFilesMax: openFilesMax, loopCount: loops, servesHTTP: configuration.httpPort != nil)
        if fitting.limits != configuration.limits {
            logger.warning(
                "Fewer connections than the limits say, for few files may be open",
                metadata: [
                    "open-files-max": "\(openFilesMax)", "connections-max": "\(fitting.limits.connectionsMax)",
                    "http-connections-max": "\(fitting.limits.httpConnectionsMax)",
                ])
        }
        return fitting
    }

    package func run() async throws {
        state.work.threads.start()
        state.walks.threads.start()
        do {
            try await serve()
        } catch {
            try await stopThreads()
            throw error
        }
        try await stopThreads()
        logger.notice("Stopped")
    }

    /// As `run`, until SIGTERM, SIGINT or a lost terminal asks for a graceful end.
    /// - Parameter endsOnHangup: whether a lost terminal, SIGHUP, does.
    package func runUntilSignal(endsOnHangup: Bool) async throws {
        let services = ServiceGroup(
            configuration: .init(
                services: [self], gracefulShutdownSignals: [.sigterm, .sigint] + (endsOnHangup ? [.sighup] : []),
                logger: logger))
        try await services.run()
    }

    private func serve() async throws {
        let listener = try await resp.listen()
        let upkeep = Upkeep(state).start(on: group.any())
        defer { upkeep.cancel() }
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { [resp, http] tasks in
                tasks.addTask { await resp.serve(listener) }
                if let http {
                    tasks.addTask { try await http.run { [self] in tell(listener, $0) } }
                } else {
                    tell(listener, nil)
                }
                // Whichever ends first ends the other: at the signal to stop both do so by themselves.
                try await tasks.next()
                if !Task.isShuttingDownGracefully { tasks.cancelAll() }
                try await tasks.waitForAll()
            }
        } onGracefulShutdown: { [state, group] in
            let seconds = Int64(state.configuration.drainSecondsMax)
            group.any().scheduleTask(in: .seconds(seconds)) { state.vault.refuseWaitingWrites() }
        }
    }

    /// So long it may take, beyond the time that running work has, to answer that what was not begun is refused.
    static let lastAnswersSeconds = 1

    private func tell(_ listener: any Channel, _ http: String?) {
        let resp = listener.localAddress.map(ListenPolicy.text) ?? state.configuration.host
        state.address.withLock { $0 = resp }
        logger.notice(
            "Listening",
            metadata: [
                "address": "\(resp)", "http": "\(http ?? "no")", "durability": "\(state.durability.rawValue)",
            ])
        onReady(Addresses(resp: resp, http: http))
    }

    private func stopThreads() async throws {
        try await state.walks.threads.shutdownGracefully()
        try await state.work.threads.shutdownGracefully()
        resp.endDeliveries()
        state.failedWrites.tell(at: .distantFuture)
        try await group.shutdownGracefully()
    }
}
