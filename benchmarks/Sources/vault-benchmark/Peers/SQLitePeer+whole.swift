import Foundation
import GRDB

/// What a vault holds of everybody, as tables in a file of their own: identities, imported records, the trail, and the
/// index of names. Nothing else is measured with them.
extension SQLitePeer {
    private var wholePath: String { "\(path).whole" }

    /// As a bulk load should be done: first the rows, then the indexes.
    private static func whole(_ people: Int) -> String {
        """
        CREATE TABLE identities (
            id TEXT NOT NULL, email TEXT, phone TEXT, name TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL);
        INSERT INTO identities SELECT * FROM people.identities WHERE rowid <= \(people);
        CREATE TABLE leads (
            id TEXT NOT NULL, identity TEXT NOT NULL, first_name TEXT, last_name TEXT, email TEXT, phone TEXT,
            source TEXT, status TEXT, created_at REAL NOT NULL);
        INSERT INTO leads
            SELECT 'row-' || lower(hex(randomblob(16))), id, substr(name, 1, instr(name, ' ') - 1),
                substr(name, instr(name, ' ') + 1), email, phone, 'web', 'NEW', julianday()
            FROM identities;
        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY, at REAL NOT NULL, identity TEXT NOT NULL, action INTEGER NOT NULL, kind TEXT,
            record TEXT, source TEXT, hash BLOB NOT NULL);
        INSERT INTO events (at, identity, action, source, hash)
            SELECT julianday(), id, 1, 'web', randomblob(32) FROM identities;
        INSERT INTO events (at, identity, action, kind, record, source, hash)
            SELECT julianday(), identity, 2, 'lead', id, 'web', randomblob(32) FROM leads;
        CREATE UNIQUE INDEX identity ON identities (id);
        CREATE UNIQUE INDEX by_email ON identities (email);
        CREATE UNIQUE INDEX by_phone ON identities (phone);
        CREATE INDEX by_first_name ON identities (lower(substr(name, 1, instr(name, ' ') - 1)));
        CREATE INDEX by_last_name ON identities (lower(substr(name, instr(name, ' ') + 1)));
        CREATE UNIQUE INDEX lead ON leads (id);
        CREATE INDEX timeline ON leads (identity, created_at);
        CREATE INDEX history ON events (identity, sequence)
        """
    }

    /// A newcomer is an identity and an event: nobody has imported a record of him.
    private static func newcomers(after people: Int) -> String {
        """
        INSERT INTO identities SELECT * FROM people.identities WHERE rowid > \(people);
        INSERT INTO events (at, identity, action, source, hash)
            SELECT julianday(), id, 1, 'web', randomblob(32) FROM people.identities WHERE rowid > \(people)
        """
    }

    /// Loads those tables in bulk, with the people who were loaded first.
    /// - Returns: how long it took, and the bytes of all of it.
    func loadWhole(_ people: Int) throws -> (seconds: Double, bytes: Int) {
        var bytes = 0
        let nanoseconds = try nanosecondsEach(1) { bytes = try wholeBytes(after: Self.whole(people)) }
        return (nanoseconds / 1e9, bytes)
    }

    /// Adds the newcomers to what was loaded.
    /// - Returns: the bytes of all of it.
    func addNewcomersToWhole(after people: Int) throws -> Int {
        try wholeBytes(after: Self.newcomers(after: people))
    }

    private func wholeBytes(after sql: String) throws -> Int {
        let queue = try DatabaseQueue(path: wholePath)
        defer { try? queue.close() }
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "ATTACH ? AS people", arguments: [path])
            try database.inTransaction {
                try database.execute(sql: sql)
                return .commit
            }
        }
        return (try FileManager.default.attributesOfItem(atPath: wholePath)[.size] as? Int) ?? 0
    }
}
