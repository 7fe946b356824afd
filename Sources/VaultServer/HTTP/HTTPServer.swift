internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle

/// The API and the pages, on Hummingbird.
final class HTTPServer: Sendable {
    private let state: ServerState
    private let group: MultiThreadedEventLoopGroup
    private let security: NIOSSLContext?
    private let port: Int
    private let routes: HTTPRoutes

    init(
        _ state: ServerState, _ group: MultiThreadedEventLoopGroup, _ security: NIOSSLContext?, port: Int
    ) throws {
        self.state = state
        self.group = group
        self.security = security
        self.port = port
        routes = try HTTPRoutes(state, HTTPAccess(state), isEncrypted: security != nil)
    }

    /// Serves until a graceful end is asked for, or the task is cancelled. Requests under way then have as long as the
    /// configuration gives them.
    func run(_ onListening: @escaping @Sendable (String) -> Void) async throws {
        let application = application(onListening)
        let running = Task { try await application.run() }
        let secondsMax = Int64(state.configuration.drainSecondsMax + Server.lastAnswersSeconds)
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await running.value
                } onGracefulShutdown: { [group] in
                    group.any().scheduleTask(in: .seconds(secondsMax)) { running.cancel() }
                }
            } onCancel: {
                running.cancel()
            }
        } catch let error as IOError {
            throw ServerError(
                listeningOn: state.configuration.host, port, error,
                advice: "choose another --http-port, or --no-http")
        }
    }

    private func application(_ onListening: @escaping @Sendable (String) -> Void) -> some ApplicationProtocol {
        let router = Router(context: HTTPContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: HTTPFront(
                state: state, access: routes.access, routes: routes, isEncrypted: security != nil))
        routes.register(on: router)
        let (limits, security, logger) = (state.limits, security, state.logger)
        let scheme = security == nil ? "http" : "https"
        return Application(
            router: router,
            server: HTTPServerBuilder {
                HTTPChannel(responder: $0, limits: limits, security: security, logger: logger)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(state.configuration.host, port: port),
                availableConnectionsDelegate: HTTPConnections(
                    metrics: state.httpMetrics, max: limits.httpConnectionsMax)),
            onServerRunning: { channel in
                // Before Hummingbird's handlers, to which a connection that can't be accepted is the end of the server.
                _ = channel.pipeline.addHandler(AcceptPause(logger), position: .first)
                onListening("\(scheme)://\(channel.localAddress.map(ListenPolicy.text) ?? "?")")
            },
            // One loop per core, as requests here do more on their way than Redis' commands, whose loops stay their own.
            eventLoopGroupProvider: .singleton, logger: Self.silent)
    }

    /// What Hummingbird would tell of starts, connections and requests this server tells by itself.
    private static let silent = Logger(label: "vaultdb.http") { _ in SwiftLogNoOpLogHandler() }
}
