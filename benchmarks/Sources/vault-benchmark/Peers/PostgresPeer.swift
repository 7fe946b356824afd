internal import CPeers
import Foundation

/// PostgreSQL behind a local socket: a table with two unique indexes, and a function that finds or creates.
final class PostgresPeer: LookupPeer {
    let name = "PostgreSQL, local socket"
    static let settings = [
        "shared_buffers=1GB", "max_wal_size=8GB", "fsync=on", "synchronous_commit=on", "jit=off", "max_connections=100",
    ]
    private static let schema = """
        CREATE TABLE identities (
            id uuid PRIMARY KEY, email text, phone text, name text,
            created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())
        """
    private static let indexes = """
        CREATE UNIQUE INDEX by_email ON identities (email);
        CREATE UNIQUE INDEX by_phone ON identities (phone)
        """
    private static let function = """
        CREATE FUNCTION find_or_create(e text, p text, n text, OUT identity uuid, OUT created boolean)
        LANGUAGE plpgsql AS $$
        BEGIN
            created := false;
            SELECT id INTO identity FROM identities WHERE email = e;
            IF FOUND THEN RETURN; END IF;
            SELECT id INTO identity FROM identities WHERE phone = p;
            IF FOUND THEN RETURN; END IF;
            INSERT INTO identities (id, email, phone, name) VALUES (gen_random_uuid(), e, p, n)
            ON CONFLICT DO NOTHING RETURNING id INTO identity;
            created := FOUND;
            IF NOT created THEN
                SELECT id INTO identity FROM identities WHERE email = e OR phone = p LIMIT 1;
            END IF;
        END $$
        """

    private let server: ServerProcess
    private let address: String
    private let connection: OpaquePointer

    init(in directory: String) throws {
        let user = "postgres"
        let data = "\(directory)/postgres"
        let programs = try Self.programs()
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        if geteuid() == 0 { try ServerProcess.run("/usr/bin/chown", [user, data]) }
        try ServerProcess.run(
            "\(programs)/initdb",
            ["-D", data, "-A", "trust", "-U", "benchmark", "--no-sync", "-E", "UTF8", "--locale=C"],
            asUser: user)
        server = try ServerProcess(
            "\(programs)/postgres",
            ["-D", data, "-k", data, "-c", "listen_addresses="] + Self.settings.flatMap { ["-c", $0] },
            endsOn: "INT", asUser: user)
        address = "host=\(data) user=benchmark dbname=postgres"
        connection = try untilReady { [address] in try Self.open(address) }
    }

    deinit {
        peer_postgres_close(connection)
        server.stop()
    }

    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        guard let newest = versions.compactMap({ Int($0) }).max() else {
            throw BenchmarkError(message: "there is no PostgreSQL server under \(root)")
        }
        return "\(root)/\(newest)/bin"
    }

    private static func open(_ address: String) throws -> OpaquePointer {
        var opened: OpaquePointer?
        try peerCall("postgres") { error in
            opened = peer_postgres_open(address, error)
            return opened != nil
        }
        guard let opened else { throw BenchmarkError(message: "postgres can't be reached") }
        return opened
    }

    var memoryMegabytes: Int? { server.memoryMegabytes }

    var version: String { get throws { try run("SHOW server_version") } }

    @discardableResult
    func run(_ sql: String) throws -> String {
        var value = [CChar](repeating: 0, count: 256)
        try peerCall("postgres") { peer_postgres_run(connection, sql, &value, value.count, $0) }
        return String(decoding: value.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// COPY of all people, and then the two indexes.
    /// - Returns: the nanoseconds of both.
    func load(_ batch: Batch) throws -> Double {
        try run(Self.schema)
        var rows = ""
        for index in 0..<batch.count {
            rows += "\(batch.ids[index])\t\(batch.emails[index])\t\(batch.phones[index])\t\(batch.names[index])\n"
        }
        let nanoseconds = try nanosecondsEach(1) {
            try peerCall("postgres") { error in
                rows.withCString { text in
                    peer_postgres_copy(
                        connection, "COPY identities (id, email, phone, name) FROM STDIN", text, rows.utf8.count, error)
                }
            }
            try run(Self.indexes)
        }
        try run("\(Self.function); ANALYZE identities")
        return nanoseconds
    }

    /// Bytes of the identities and their indexes.
    var bytes: Int { get throws { Int(try run("SELECT pg_total_relation_size('identities')")) ?? 0 } }

    var count: Int { get throws { Int(try run("SELECT count(*) FROM identities")) ?? 0 } }

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
        try peerCall("postgres") { peer_postgres_find(connection, column.rawValue, &keys, &work, $0) }
        guard work.found == batch.count else { throw BenchmarkError(message: "postgres did not find everybody") }
        return work
    }

    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int) {
        let connections = try batches.map { _ in try Self.open(address) }
        defer { connections.forEach(peer_postgres_close) }
        let shared = Shared((connections, batches))
        let (nanoseconds, created) = try concurrently(batches.count) { number in
            let (connection, batch) = (shared.value.0[number], shared.value.1[number])
            var (emails, phones, names) = (batch.emailTexts.view, batch.phoneTexts.view, batch.nameTexts.view)
            var work = peer_work()
            try peerCall("postgres") { peer_postgres_resolve(connection, &emails, &phones, &names, &work, $0) }
            return work.created
        }
        return (nanoseconds, created.reduce(0, +))
    }
}
