internal import HummingbirdCore
internal import Synchronization

/// Counts the open connections of HTTP, and has new ones wait to be accepted where there are enough.
struct HTTPConnections: AvailableConnectionsDelegate {
    let metrics: HTTPMetrics
    let max: Int

    func connectionOpened() { metrics.connections.add(1, ordering: .relaxed) }

    func connectionClosed() { metrics.connections.subtract(1, ordering: .relaxed) }

    func isAcceptingNewConnections() -> Bool { metrics.connectionCount < max }
}
