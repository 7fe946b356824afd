internal import CPeers
import Foundation

/// Redis behind a local socket: two keys and a hash for each person.
final class RedisPeer: ServedPeer {
    let name = "Redis, local socket"
    static let settings = ["--save", "", "--appendonly", "no", "--appendfsync", "always"]

    let server: PeerServer

    init(in directory: String) throws {
        let socket = "\(directory)/redis.sock"
        let process = try ServerProcess(
            "/usr/bin/redis-server", ["--port", "0", "--unixsocket", socket, "--dir", directory] + Self.settings,
            endsOn: "TERM")
        server = try PeerServer(
            process, at: socket,
            PeerServer.Client(name: "redis", open: { peer_redis_open($0, $1) }, close: { peer_redis_close($0) }))
    }

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
        try server.call { peer_redis_command($0, text, &reply, reply.count, $1) }
        return String(decoding: reply.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func load(_ batch: Batch) throws {
        var (ids, emails) = (batch.idTexts.view, batch.emailTexts.view)
        var (phones, names) = (batch.phoneTexts.view, batch.nameTexts.view)
        try server.call { peer_redis_load($0, &ids, &emails, &phones, &names, $1) }
    }

    /// From now on every write is on disk before it is answered.
    func makeDurable() throws {
        try command("CONFIG SET appendonly yes")
        while try command("INFO persistence").contains("aof_rewrite_in_progress:1") { usleep(50_000) }
    }

    func find(
        _ connection: OpaquePointer, _ column: Column, _ batch: Batch, _ work: inout peer_work, _ error: Failure
    ) -> Bool {
        var keys = batch.keyTexts(column).view
        return peer_redis_find(connection, column == .email ? "e:" : "p:", &keys, &work, error)
    }

    func resolve(_ connection: OpaquePointer, _ batch: Batch, _ work: inout peer_work, _ error: Failure) -> Bool {
        var (ids, emails) = (batch.idTexts.view, batch.emailTexts.view)
        var (phones, names) = (batch.phoneTexts.view, batch.nameTexts.view)
        return peer_redis_resolve(connection, &ids, &emails, &phones, &names, &work, error)
    }
}
