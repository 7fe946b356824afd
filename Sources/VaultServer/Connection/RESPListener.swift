internal import Foundation
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization
internal import VaultDB

/// Accepts connections that speak Redis' protocol, and ends them in order.
final class RESPListener: Sendable {
    private let state: ServerState
    private let group: MultiThreadedEventLoopGroup
    private let turns: [ObjectIdentifier: NIOLoopBoundBox<LoopTurn>]
    /// Passes on what the writer has for the loops.
    private let deliveries: Int
    private let security: NIOSSLContext?
    private let handlers = Mutex<[Int: NIOLoopBound<ConnectionHandler>]>([:])
    private var configuration: ServerConfiguration { state.configuration }
    private var logger: Logger { state.logger }

    init(_ state: ServerState, _ group: MultiThreadedEventLoopGroup, _ security: NIOSSLContext?) {
        self.state = state
        self.group = group
        self.security = security
        let (metrics, count) = (state.metrics, state.table.commands.count)
        let inboxes = group.makeIterator().map { LoopInbox(of: $0) }
        turns = Dictionary(
            uniqueKeysWithValues: zip(group.makeIterator(), inboxes).map { loop, inbox in
                let turn = LoopTurn(of: loop, metrics.addLoop(commandCount: count), inbox)
                return (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(turn, eventLoop: loop))
            })
        deliveries = state.vault.deliveries.add { for inbox in inboxes { inbox.passOn() } }
    }

    deinit { endDeliveries() }

    /// To be called before the loops end.
    func endDeliveries() { state.vault.deliveries.remove(deliveries) }

    /// Serves what `listen` gave until a graceful end is asked for, or the task is cancelled.
    func serve(_ listener: any Channel) async {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                // Ends by the signal to stop, or by a failure of the listening socket.
                try? await listener.closeFuture.get()
            } onGracefulShutdown: {
                listener.close(promise: nil)
            }
        } onCancel: {
            listener.close(promise: nil)
        }
        await drain()
    }

    func listen() async throws -> any Channel {
        do {
            return try await bootstrap().bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw ServerError(
                listeningOn: configuration.host, configuration.port, error,
                advice: "choose another --port, or end what listens there")
        }
    }

    private func bootstrap() -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger))
                }
            }
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
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
        return keepalive.reduce(bootstrap) { $0.childChannelOption($1.option, value: $1.value) }
    }

    /// Has TCP ask silent clients whether they are there. That alone tells one that closed and is gone from one that
    /// only ended its sending.
    private var keepalive: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] {
        // The system takes no more.
        let seconds = min(state.limits.keepaliveSeconds, 32_767)
        guard seconds > 0 else { return [] }
        return [
            (.socketOption(.so_keepalive), 1), (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), seconds),
            (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), max(seconds / 3, 1)),
            (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 3),
        ]
    }

    private func initialize(_ channel: any Channel) -> EventLoopFuture<Void> {
        let client = ClientRecord(id: state.clients.newID(), channel: channel)
        guard state.clients.add(client, max: state.limits.connectionsMax) else {
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RefusalHandler(isEncrypted: security != nil))
            }
        }
        channel.closeFuture.whenComplete { [self] _ in
            state.clients.remove(client.id)
            handlers.withLock { _ = $0.removeValue(forKey: client.id) }
        }
        return channel.eventLoop.makeCompletedFuture {
            guard let turn = turns[ObjectIdentifier(channel.eventLoop)]?.value else {
                throw ServerError("a connection came to an unknown event loop")
            }
            if let security { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: security)) }
            let handler = ConnectionHandler(state, turn: turn, client: client)
            try channel.pipeline.syncOperations.addHandler(handler)
            let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
            handlers.withLock { $0[client.id] = bound }
        }
    }

    // MARK: Ending

    /// Lets each connection answer what it was asked, and closes those that can't in time.
    private func drain() async {
        let open = handlers.withLock { Array($0.values) }
        // Where HTTP can't listen nobody was told that this did.
        if state.address.withLock({ !$0.isEmpty }) {
            logger.notice("Draining", metadata: ["connections": "\(open.count)"])
        }
        for handler in open { handler.eventLoop.execute { handler.value.drain() } }
        let deadline = ContinuousClock.now + .seconds(configuration.drainSecondsMax + Server.lastAnswersSeconds)
        while state.clients.count > 0, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
        for client in state.clients.all { client.end() }
    }
}

extension ServerError {
    /// That nothing can listen there.
    init(listeningOn host: String, _ port: Int, _ error: any Error, advice: String) {
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        self.init("can't listen on \(host):\(port): \(reason)", advice: advice)
    }
}
