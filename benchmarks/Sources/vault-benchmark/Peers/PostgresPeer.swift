internal import CPeers
import Foundation

/// PostgreSQL behind a local socket: a table with two unique indexes, and a function that finds or creates.
final class PostgresPeer: ServedPeer {
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
        CREATE FUNCTION find_or_create(i uuid, e text, p text, n text, OUT identity uuid, OUT created boolean)
        LANGUAGE plpgsql AS $$
        BEGIN
            created := false;
            SELECT id INTO identity FROM identities WHERE email = e;
            IF FOUND THEN RETURN; END IF;
            SELECT id INTO identity FROM identities WHERE phone = p;
            IF FOUND THEN RETURN; END IF;
            INSERT INTO identities (id, email, phone, name) VALUES (i, e, p, n)
            ON CONFLICT DO NOTHING RETURNING id INTO identity;
            created := FOUND;
            IF NOT created THEN
                SELECT id INTO identity FROM identities WHERE email = e OR phone = p LIMIT 1;
            END IF;
        END $$
        """

    let server: PeerServer

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
        let process = try ServerProcess(
            "\(programs)/postgres",
            ["-D", data, "-k", data, "-c", "listen_addresses="] + Self.settings.flatMap { ["-c", $0] },
            endsOn: "INT", asUser: user)
        server = try PeerServer(
            process, at: "host=\(data) user=benchmark dbname=postgres",
            PeerServer.Client(
                name: "postgres", open: { peer_postgres_open($0, $1) }, close: { peer_postgres_close($0) }))
    }

    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        guard let newest = versions.compactMap({ Int($0) }).max() else {
            throw BenchmarkError(message: "there is no PostgreSQL server under \(root)")
        }
        return "\(root)/\(newest)/bin"
    }

    var version: String { get throws { try run("SHOW server_version") } }

    @discardableResult
    func run(_ sql: String) throws -> String {
        var value = [CChar](repeating: 0, count: 256)
        try server.call { peer_postgres_run($0, sql, &value, value.count, $1) }
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
            try server.call { connection, error in
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

    func find(
        _ connection: OpaquePointer, _ column: Column, _ batch: Batch, _ work: inout peer_work, _ error: Failure
    ) -> Bool {
        var keys = batch.keyTexts(column).view
        return peer_postgres_find(connection, column.rawValue, &keys, &work, error)
    }

    func resolve(_ connection: OpaquePointer, _ batch: Batch, _ work: inout peer_work, _ error: Failure) -> Bool {
        var (ids, emails) = (batch.idTexts.view, batch.emailTexts.view)
        var (phones, names) = (batch.phoneTexts.view, batch.nameTexts.view)
        return peer_postgres_resolve(connection, &ids, &emails, &phones, &names, &work, error)
    }
}
