internal import HTTPTypes
internal import NIOCore
internal import Synchronization

/// What is counted of HTTP: open connections, and requests by route.
final class HTTPMetrics: Sendable {
    /// One method of one path.
    final class Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let latency = LatencyHistogram()

        init(_ method: HTTPRequest.Method, _ path: String) {
            self.method = method
            self.path = path
        }
    }

    /// Complete before requests come.
    private let routes: [String: [Route]]
    /// Those that are open.
    let connections = Atomic<Int>(0)
    /// By the first digit of the status.
    private let statuses = InlineArray<6, Atomic<Int>> { _ in Atomic(0) }

    init(_ addresses: [(method: HTTPRequest.Method, path: String)]) {
        routes = Dictionary(grouping: addresses.map(Route.init), by: \.path)
    }

    func note(_ path: String?, _ method: HTTPRequest.Method, status: Int, since started: NIODeadline) {
        statuses[min(max(status / 100, 0), 5)].add(1, ordering: .relaxed)
        guard let path, let route = routes[path]?.first(where: { $0.method == method }) else { return }
        route.latency.addShared(nanoseconds: NIODeadline.now().uptimeNanoseconds &- started.uptimeNanoseconds)
    }

    /// In the order of their paths.
    var all: [Route] {
        routes.values.flatMap(\.self).sorted {
            ($0.path, $0.method.rawValue) < ($1.path, $1.method.rawValue)
        }
    }

    var connectionCount: Int { connections.load(ordering: .relaxed) }

    func count(ofStatus firstDigit: Int) -> Int { statuses[firstDigit].load(ordering: .relaxed) }
}
