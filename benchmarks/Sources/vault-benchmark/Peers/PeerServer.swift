internal import CPeers
import Foundation

/// A server that was started for this run, and a connection to it. Both end with this object.
final class PeerServer {
    /// Functions of C that open and close a connection.
    struct Client {
        let name: String
        let open: (_ address: String, _ error: UnsafeMutablePointer<CChar>) -> OpaquePointer?
        let close: (OpaquePointer) -> Void

        func opened(_ address: String) throws -> OpaquePointer {
            var opened: OpaquePointer?
            try peerCall(name) { error in
                opened = open(address, error)
                return opened != nil
            }
            guard let opened else { throw BenchmarkError(message: "\(name) can't be reached") }
            return opened
        }
    }

    let client: Client
    let connection: OpaquePointer
    private let process: ServerProcess
    private let address: String

    /// Waits until the server can be reached.
    init(_ process: ServerProcess, at address: String, _ client: Client) throws {
        (self.process, self.address, self.client) = (process, address, client)
        do {
            connection = try untilReady { try client.opened(address) }
        } catch {
            process.stop()
            throw error
        }
    }

    deinit {
        client.close(connection)
        process.stop()
    }

    var memoryMegabytes: Int { process.memoryMegabytes }

    /// Calls a function of C on the first connection.
    func call(_ body: (OpaquePointer, UnsafeMutablePointer<CChar>) -> Bool) throws {
        try peerCall(client.name) { body(connection, $0) }
    }

    /// Runs with as many further connections, which are closed afterwards.
    func withConnections<Result>(_ count: Int, _ body: ([OpaquePointer]) throws -> Result) throws -> Result {
        var connections: [OpaquePointer] = []
        defer { connections.forEach(client.close) }
        for _ in 0..<count { connections.append(try client.opened(address)) }
        return try body(connections)
    }
}

/// A peer that is a server, and is asked by loops in C.
protocol ServedPeer: LookupPeer, SendableMetatype {
    var server: PeerServer { get }

    typealias Failure = UnsafeMutablePointer<CChar>
    /// Looks everybody up.
    func find(
        _ connection: OpaquePointer, _ column: Column, _ batch: Batch, _ work: inout peer_work, _ error: Failure
    ) -> Bool
    /// Finds or creates everybody.
    func resolve(_ connection: OpaquePointer, _ batch: Batch, _ work: inout peer_work, _ error: Failure) -> Bool
}

extension ServedPeer {
    var memoryMegabytes: Int? { server.memoryMegabytes }

    func find(_ column: Column, _ batch: Batch) throws -> Double {
        try find(column, batch, each: nil).nanoseconds / Double(batch.count)
    }

    func latencies(_ column: Column, _ batch: Batch) throws -> [Double] {
        var each = [Double](repeating: 0, count: batch.count)
        try each.withUnsafeMutableBufferPointer { _ = try find(column, batch, each: $0.baseAddress) }
        return each
    }

    private func find(_ column: Column, _ batch: Batch, each: UnsafeMutablePointer<Double>?) throws -> peer_work {
        var work = peer_work()
        work.each = each
        try server.call { find($0, column, batch, &work, $1) }
        guard work.found == batch.count else { throw BenchmarkError(message: "\(name) did not find everybody") }
        return work
    }

    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int) {
        try server.withConnections(batches.count) { connections in
            let shared = Shared((self, connections, batches))
            let (nanoseconds, created) = try concurrently(batches.count) { number in
                let (peer, connections, batches) = shared.value
                var work = peer_work()
                try peerCall(peer.name) { peer.resolve(connections[number], batches[number], &work, $0) }
                return work.created
            }
            return (nanoseconds, created.reduce(0, +))
        }
    }
}

/// Calls a function of C that answers false and writes a line where it failed.
func peerCall(_ name: String, _ body: (UnsafeMutablePointer<CChar>) -> Bool) throws {
    var error = [CChar](repeating: 0, count: Int(PEER_ERROR_BYTES))
    guard !body(&error) else { return }
    let text = String(decoding: error.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    throw BenchmarkError(message: "\(name): \(text)")
}
