import Foundation
import GRDB

/// SQLite in this process, through GRDB: WAL, prepared statements, the same indexes.
final class SQLitePeer: LookupPeer {
    /// Whether each lookup has a snapshot of its own, as a vault's has, or all of them share one.
    enum Reads: String {
        case each = "SQLite through GRDB, a read each"
        case one = "SQLite through GRDB, one read for all"
    }

    static let settings = ["journal_mode=WAL", "synchronous=FULL", "cache_size=-262144", "mmap_size=8 GB"]

    let reads: Reads
    private let pool: DatabasePool
    let path: String

    init(in directory: String) throws {
        path = "\(directory)/people.sqlite"
        reads = .each
        pool = try DatabasePool(path: path, configuration: Self.configuration(isMapped: true))
    }

    /// A database that is there, in another process.
    /// - Parameter isMapped: whether the file is mapped; otherwise all that is read goes through the cache.
    init(reading path: String, isMapped: Bool) throws {
        self.path = path
        reads = .each
        pool = try DatabasePool(path: path, configuration: Self.configuration(isMapped: isMapped))
    }

    private static func configuration(isMapped: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.maximumReaderCount = 64
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;
                    PRAGMA mmap_size = \(isMapped ? 8 << 30 : 0)
                    """)
        }
        return configuration
    }

    /// The same database, read another way.
    init(_ other: SQLitePeer, reads: Reads) {
        self.reads = reads
        pool = other.pool
        path = other.path
    }

    var name: String { reads.rawValue }
    var memoryMegabytes: Int? { nil }

    static var version: String {
        get throws { try DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") } ?? "unknown" }
    }

    /// Inserts all people in one transaction, and then makes the indexes.
    func load(_ batch: Batch) throws -> Double {
        try nanosecondsEach(1) {
            try pool.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE identities (
                            id TEXT PRIMARY KEY NOT NULL, email TEXT, phone TEXT, name TEXT,
                            created_at REAL NOT NULL, updated_at REAL NOT NULL)
                        """)
                for index in 0..<batch.count { try insert(batch, index, into: database) }
                try database.execute(
                    sql: """
                        CREATE UNIQUE INDEX by_email ON identities (email);
                        CREATE UNIQUE INDEX by_phone ON identities (phone)
                        """)
            }
        }
    }

    private func insert(_ batch: Batch, _ index: Int, into database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO identities VALUES (?, ?, ?, ?, 0, 0)")
            .execute(
                arguments: [batch.ids[index], batch.emails[index], batch.phones[index], batch.names[index]])
    }

    /// Bytes of the file, once the log is in it.
    var bytes: Int {
        get throws {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            return (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        }
    }

    var count: Int {
        get throws { try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM identities") } ?? 0 }
    }

    func find(_ column: Column, _ batch: Batch) throws -> Double {
        let keys = batch.keys(column)
        var found = 0
        let nanoseconds = try nanosecondsEach(keys.count) {
            switch reads {
            case .each: for key in keys { found += try pool.read { try id(key, column, $0) == nil ? 0 : 1 } }
            case .one: try pool.read { for key in keys { found += try id(key, column, $0) == nil ? 0 : 1 } }
            }
        }
        guard found == keys.count else { throw BenchmarkError(message: "SQLite did not find everybody") }
        return nanoseconds
    }

    func latencies(_ column: Column, _ batch: Batch) throws -> [Double] {
        try batch.keys(column).map { key in
            try nanosecondsEach(1) { _ = try pool.read { try id(key, column, $0) } }
        }
    }

    func id(ofEmail email: String) throws -> String? { try pool.read { try id(email, .email, $0) } }

    private func id(_ key: String, _ column: Column, _ database: Database) throws -> String? {
        let statement = try database.cachedStatement(
            sql: column == .email
                ? "SELECT id FROM identities WHERE email = ?" : "SELECT id FROM identities WHERE phone = ?")
        return try String.fetchOne(statement, arguments: [key])
    }

    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int) {
        let shared = Shared(batches)
        let (nanoseconds, created) = try concurrently(batches.count) { [self] number in
            let batch = shared.value[number]
            return try (0..<batch.count).reduce(into: 0) { created, index in
                if try resolve(batch, index) { created += 1 }
            }
        }
        return (nanoseconds, created.reduce(0, +))
    }

    /// - Returns: whether somebody was created.
    private func resolve(_ batch: Batch, _ index: Int) throws -> Bool {
        func isKnown(_ database: Database) throws -> Bool {
            try id(batch.emails[index], .email, database) ?? id(batch.phones[index], .phone, database) != nil
        }
        if try pool.read(isKnown) { return false }
        return try pool.write { database in
            if try isKnown(database) { return false }
            try insert(batch, index, into: database)
            return true
        }
    }
}

extension SQLitePeer: @unchecked Sendable {}
