internal import Dispatch
internal import Foundation
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals
package import VaultDB

/// The server: accepts connections, keeps an eye on them, and ends them in order.
///
/// The vault is its caller's, who closes it after `run` has returned.
package final class RESPServer: Service {
    let state: ServerState
    private let group: MultiThreadedEventLoopGroup
    private let loopMetrics: [ObjectIdentifier: LoopMetrics]
    private let security: NIOSSLContext?
    private let handlers = Mutex<[Int: NIOLoopBound<ConnectionHandler>]>([:])
    /// Called with the address it listens on, once it does.
    private let onReady: @Sendable (String) -> Void
    private var configuration: ServerConfiguration { state.configuration }
    private var logger: Logger { state.logger }

    package init(
        _ vault: Vault, _ configuration: ServerConfiguration, durability: VaultOptions.Durability = .durable,
        logger: Logger, onReady: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let loops = configuration.threads > 0 ? configuration.threads : System.coreCount
        let address = try Self.address(configuration)
        let isProtected = configuration.requiresTokens || !ListenPolicy.isLoopback(address)
        if !ListenPolicy.isLoopback(address), try vault.tokens().isEmpty {
            throw ListenPolicy.refusal(configuration.host)
        }
        security = try configuration.security?.context()
        group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        state = try ServerState(
            vault, configuration, durability: durability, loopCount: loops, isProtected: isProtected,
            workers: NIOThreadPool(numberOfThreads: 2), logger: logger)
        self.onReady = onReady
        let (metrics, count) = (state.metrics, state.table.commands.count)
        loopMetrics = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map {
                (ObjectIdentifier($0), metrics.addLoop(commandCount: count))
            })
    }

    private static func address(_ configuration: ServerConfiguration) throws -> SocketAddress {
        do {
            return try .makeAddressResolvingHost(configuration.host, port: configuration.port)
        } catch {
            throw ServerError("there is no host \(configuration.host)", advice: "give an address such as 127.0.0.1")
        }
    }

    /// What the server counts, as Prometheus reads it.
    package func prometheusText() throws(VaultError) -> String { try PrometheusText(state).text() }

    // MARK: Running

    package func run() async throws {
        state.workers.start()
        let listener: any Channel
        do {
            listener = try await listen()
        } catch {
            try await stopThreads()
            throw error
        }
        let address = listener.localAddress.map(Self.text) ?? configuration.host
        state.address.withLock { $0 = address }
        logger.notice("Listening", metadata: ["address": "\(address)", "durability": "\(state.durability.rawValue)"])
        onReady(address)
        let upkeep = Upkeep(state).start(on: group.any())
        await withGracefulShutdownHandler {
            // Ends by the signal to stop, or by a failure of the listening socket.
            try? await listener.closeFuture.get()
        } onGracefulShutdown: {
            listener.close(promise: nil)
        }
        upkeep.cancel()
        await drain()
        try await stopThreads()
        logger.notice("Stopped")
    }

    /// As `run`, until SIGTERM or SIGINT asks for a graceful end.
    package func runUntilSignal() async throws {
        let services = ServiceGroup(
            configuration: .init(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await services.run()
    }

    private func listen() async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            // One read takes all there is as a rule; asking again would only hear that there is no more.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 << 10))
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: max(state.limits.outputHighWaterBytes / 2, 1), high: state.limits.outputHighWaterBytes)
            )
            .childChannelInitializer { [self] channel in initialize(channel) }
        do {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw ServerError(
                "can't listen on \(configuration.host):\(configuration.port): \(error)",
                advice: "choose another --port, or end what listens there")
        }
    }

    private func initialize(_ channel: any Channel) -> EventLoopFuture<Void> {
        let client = ClientRecord(id: state.clients.newID(), channel: channel)
        guard state.clients.add(client, max: state.limits.connectionsMax) else {
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RefusalHandler())
            }
        }
        return channel.eventLoop.makeCompletedFuture {
            guard let metrics = loopMetrics[ObjectIdentifier(channel.eventLoop)] else {
                throw ServerError("a connection came to an unknown event loop")
            }
            if let security { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: security)) }
            let handler = ConnectionHandler(state, metrics: metrics, client: client)
            try channel.pipeline.syncOperations.addHandler(handler)
            let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
            handlers.withLock { $0[client.id] = bound }
            channel.closeFuture.whenComplete { [self] _ in
                state.clients.remove(client.id)
                handlers.withLock { _ = $0.removeValue(forKey: client.id) }
            }
        }
    }

    /// `127.0.0.1:7379`, `[::1]:7379`.
    private static func text(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? "?"
        return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
    }

    // MARK: Ending

    /// Lets each connection answer what it was asked, and closes those that can't in time.
    private func drain() async {
        let open = handlers.withLock { Array($0.values) }
        logger.notice("Draining", metadata: ["connections": "\(open.count)"])
        for handler in open { handler.eventLoop.execute { handler.value.drain() } }
        let deadline = ContinuousClock.now + .seconds(configuration.drainSecondsMax)
        while state.clients.count > 0, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
        for client in state.clients.all { client.end() }
    }

    private func stopThreads() async throws {
        try await state.workers.shutdownGracefully()
        try await group.shutdownGracefully()
    }
}
