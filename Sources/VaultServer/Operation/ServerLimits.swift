/// Bounds on what clients may cost. The unit stands last.
package struct ServerLimits: Equatable, Sendable {
    /// Of one argument.
    package var argumentBytesMax = 64 << 10
    /// Arguments of one command, its name among them.
    package var argumentsMax = 4_096
    /// Of a command typed as a line.
    package var inlineBytesMax = 64 << 10
    /// Of one command over the wire.
    package var requestBytesMax = 1 << 20
    package var connectionsMax = 10_000
    /// A connection that sends nothing for so long is closed; 0 for never.
    package var idleSecondsMax = 0
    /// The same for one that has shown no token where one is needed, or over HTTP has asked nothing yet.
    package var unauthenticatedSecondsMax = 10
    /// After so long a silence TCP asks a client whether it is there, and goes on asking for as long again; one that is
    /// gone is disconnected. 0 for never.
    package var keepaliveSeconds = 60
    /// Replies waiting to be taken by a client, beyond which nothing more is read from it.
    package var outputHighWaterBytes = 256 << 10
    /// Replies waiting to be taken by a client, beyond which it is disconnected unless it goes on taking them.
    package var outputBytesMax = 16 << 20
    /// A client that takes nothing for so long of more than that, or of what is left at the end, is disconnected; 0 for
    /// never.
    package var outputSecondsMax = 60
    /// Writes of one connection that wait for the writer, and replies behind them; beyond it nothing more is read from
    /// it.
    package var connectionWritesPendingMax = 1_024
    /// Writes of all connections; beyond it they are answered `-BUSY`.
    package var writesPendingMax = 16_384
    /// Long reads and rare writes that run beside the event loops; beyond it they are answered `-BUSY`.
    package var workPendingMax = 256
    /// Walks over all that an organization has, of which one runs; beyond it they are answered `-BUSY`.
    package var walksPendingMax = 16
    /// Replies of long reads and rare writes, of all connections, that clients have yet to take; beyond it such commands
    /// are answered `-BUSY`.
    package var workOutputBytesMax = 256 << 20
    /// Connections that wait for changes.
    package var waitersMax = 1_024
    /// Entries of one answer.
    package var answerEntriesMax = 10_000
    /// Open connections of HTTP; beyond it new ones wait to be accepted.
    package var httpConnectionsMax = 1_000
    /// An HTTP connection between two requests, or within one, that sends nothing for so long, and takes nothing of what
    /// waits for it, is closed.
    package var httpIdleSecondsMax = 60
    /// From a request's first header to its last byte; an import is as long as it keeps sending.
    package var httpRequestSecondsMax = 30
    /// Of all headers of a request.
    package var httpHeaderBytesMax = 32 << 10
    /// Of a request's body, unless it streams.
    package var httpBodyBytesMax = 1 << 20
    /// Tokens that one address may show in vain in a minute.
    package var failedAttemptsPerMinuteMax = 10
    /// Signed-in browsers.
    package var sessionsMax = 10_000

    package init() {}

    var request: RequestLimits {
        RequestLimits(
            argumentBytesMax: argumentBytesMax, argumentsMax: argumentsMax, inlineBytesMax: inlineBytesMax,
            requestBytesMax: requestBytesMax)
    }

    /// By the names that the configuration, `INFO` and `CONFIG GET` use.
    static let named: [(name: String, path: any WritableKeyPath<ServerLimits, Int> & Sendable)] = [
        ("argument-bytes-max", \.argumentBytesMax), ("arguments-max", \.argumentsMax),
        ("inline-bytes-max", \.inlineBytesMax), ("request-bytes-max", \.requestBytesMax),
        ("connections-max", \.connectionsMax), ("idle-seconds-max", \.idleSecondsMax),
        ("unauthenticated-seconds-max", \.unauthenticatedSecondsMax), ("keepalive-seconds", \.keepaliveSeconds),
        ("output-high-water-bytes", \.outputHighWaterBytes), ("output-bytes-max", \.outputBytesMax),
        ("output-seconds-max", \.outputSecondsMax),
        ("connection-writes-pending-max", \.connectionWritesPendingMax), ("writes-pending-max", \.writesPendingMax),
        ("work-pending-max", \.workPendingMax), ("walks-pending-max", \.walksPendingMax),
        ("work-output-bytes-max", \.workOutputBytesMax), ("waiters-max", \.waitersMax),
        ("answer-entries-max", \.answerEntriesMax), ("http-connections-max", \.httpConnectionsMax),
        ("http-idle-seconds-max", \.httpIdleSecondsMax), ("http-request-seconds-max", \.httpRequestSecondsMax),
        ("http-header-bytes-max", \.httpHeaderBytesMax), ("http-body-bytes-max", \.httpBodyBytesMax),
        ("failed-attempts-per-minute-max", \.failedAttemptsPerMinuteMax), ("sessions-max", \.sessionsMax),
    ]
}
