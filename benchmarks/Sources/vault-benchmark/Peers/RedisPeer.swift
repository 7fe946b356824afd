internal import CPeers
import Foundation

/// Redis behind a local socket: two keys and a hash for each person.
final class RedisPeer: LookupPeer {
    let name = "Redis, local socket"
    static let settings = ["--save", "", "--appendonly", "no", "--appendfsync", "always"]

    private let server: ServerProcess
    private let socket: String
    private let connection: OpaquePointer

    init(in directory: String) throws {
        socket = "\(directory)/redis.sock"
        server = try ServerProcess(
            "/usr/bin/redis-server", ["--port", "0", "--unixsocket", socket, "--dir", directory] + Self.settings,
            endsOn: "TERM")
        connection = try untilReady { [socket] in try Self.open(socket) }
    }

    deinit {
        peer_redis_close(connection)
        server.stop()
    }

    private static func open(_ socket: String) throws -> OpaquePointer {
        var opened: OpaquePointer?
        try peerCall("redis") { error in
            opened = peer_redis_open(socket, error)
            return opened != nil
        }
        guard let opened else { throw BenchmarkError(message: "redis can't be reached") }
        return opened
    }

    var memoryMegabytes: Int? { server.memoryMegabytes }

    var version: String {
        get throws {
            let information = try command("INFO server")
            return information.split(whereSeparator: \.isNewline).first { $0.hasPrefix("redis_version:") }
                .map { String($0.dropFirst("redis_version:".count)) } ?? "unknown"
        }
    }

    @discardableResult
    private func command(_ text: String) throws -> String {
        var reply = [CChar](repeating: 0, count: 16 << 10)
        try peerCall("redis") { peer_redis_command(connection, text, &reply, reply.count, $0) }
        return String(decoding: reply.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func load(_ batch: Batch) throws {
        var (ids, emails) = (batch.idTexts.view, batch.emailTexts.view)
        var (phones, names) = (batch.phoneTexts.view, batch.nameTexts.view)
        try peerCall("redis") { peer_redis_load(connection, &ids, &emails, &phones, &names, $0) }
    }

    /// From now on every write is on disk before it is answered.
    func makeDurable() throws {
        try command("CONFIG SET appendonly yes")
        while try command("INFO persistence").contains("aof_rewrite_in_progress:1") { usleep(50_000) }
    }

    func find(_ column: Column, _ batch: Batch) throws -> Double {
        try find(column, batch, each: nil).nanoseconds / Double(batch.count)
    }

    func latencies(_ column: Column, _ batch: Batch) throws -> [Double] {
        var each = [Double](repeating: 0, count: batch.count)
        try each.withUnsafeMutableBufferPointer { _ = try find(column, batch, each: $0.baseAddress) }
        return each
    }

    private func find(_ column: Column, _ batch: Batch, each: UnsafeMutablePointer<Double>?) throws -> peer_work {
        var (keys, work) = (batch.keyTexts(column).view, peer_work())
        work.each = each
        try peerCall("redis") { peer_redis_find(connection, column == .email ? "e:" : "p:", &keys, &work, $0) }
        guard work.found == batch.count else { throw BenchmarkError(message: "redis did not find everybody") }
        return work
    }

    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int) {
        let connections = try batches.map { _ in try Self.open(socket) }
        defer { connections.forEach(peer_redis_close) }
        let shared = Shared((connections, batches))
        let (nanoseconds, created) = try concurrently(batches.count) { number in
            let (connection, batch) = (shared.value.0[number], shared.value.1[number])
            var (ids, emails) = (batch.idTexts.view, batch.emailTexts.view)
            var (phones, names) = (batch.phoneTexts.view, batch.nameTexts.view)
            var work = peer_work()
            try peerCall("redis") { peer_redis_resolve(connection, &ids, &emails, &phones, &names, &work, $0) }
            return work.created
        }
        return (nanoseconds, created.reduce(0, +))
    }
}

/// Calls a function of C that answers false and writes a line where it failed.
func peerCall(_ name: String, _ body: (UnsafeMutablePointer<CChar>) -> Bool) throws {
    var error = [CChar](repeating: 0, count: Int(PEER_ERROR_BYTES))
    guard !body(&error) else { return }
    let text = String(decoding: error.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    throw BenchmarkError(message: "\(name): \(text)")
}
