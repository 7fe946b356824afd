import Foundation
import Glibc
import VaultDB

/// The vault beside the stores that somebody might take instead: the same people, the same work, by turns.
struct PeerComparison {
    private static let writersMany = 50
    /// SQLite has one writer at a time: fifty are no faster, so fewer people tell as much.
    private static let writersOfSQLite = 5
    /// A lookup over a socket takes so long that a part of them is enough.
    private static let lookupsShare = 5
    private static let createsAlone = 500
    private static let createsEach = 500
    private static let mixedConnections = 8
    private static let mixedEach = 4_000
    private static let latencyCount = 50_000
    /// People that a process has asked for when its memory is measured.
    private static let asked = 100_000

    private let fixture: Fixture
    private let count: Int
    private let rounds: Int
    private let charts: String?
    private let vault: VaultPeer
    private let sqlite: SQLitePeer
    private let redis: RedisPeer
    private let postgres: PostgresPeer
    /// The next person nobody knows.
    private var newcomer: Int
    /// Of both, after their import.
    private var (postgresBytes, sqliteBytes) = (0, 0)
    /// Seconds that the vault's import took, where it was one.
    private let imported: Double?

    private var people: People { fixture.people }

    /// Starts the servers, and loads everybody everywhere.
    init(
        _ fixture: Fixture, count: Int, rounds: Int, charts: String?, imported seconds: Double?, _ report: inout Report
    ) throws {
        self.fixture = fixture
        self.count = min(count, fixture.people.count)
        self.rounds = rounds
        self.charts = charts
        self.imported = seconds
        newcomer = fixture.people.count
        let directory = fixture.directory + "/peers"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        vault = VaultPeer(fixture.clinic)
        sqlite = try SQLitePeer(in: directory)
        redis = try RedisPeer(in: directory)
        postgres = try PostgresPeer(in: directory)
        report.add("")
        report.add("## Beside others")
        report.add("")
        report.add("SQLite \(try SQLitePeer.version): \(SQLitePeer.settings.joined(separator: ", ")).")
        report.add("Redis \(try redis.version): \(RedisPeer.settings.filter { !$0.isEmpty }.joined(separator: " ")).")
        report.add("PostgreSQL \(try postgres.version): \(PostgresPeer.settings.joined(separator: ", ")).")
        try load(&report)
    }

    mutating func run(_ report: inout Report) throws {
        try lookups(&report)
        try memory(&report)
        try redis.makeDurable()
        try creates(&report)
        try mixed(&report)
        try bytes(&report)
    }

    // MARK: Import

    private mutating func load(_ report: inout Report) throws {
        let everybody = Batch(0..<people.count, of: people)
        let copy = try postgres.load(everybody) / 1e9
        let insert = try sqlite.load(everybody) / 1e9
        (postgresBytes, sqliteBytes) = (try postgres.bytes, try sqlite.bytes)
        try redis.load(everybody)
        if let imported { report.note("import", over: "PostgreSQL", imported / copy) }
        loads(
            "import",
            beside: [
                ("PostgreSQL: `COPY` and two unique indexes, nothing normalised", copy),
                ("SQLite: one transaction and two unique indexes, nothing normalised", insert),
            ], &report)
    }

    /// How many people a second each loads, the vault by its import.
    private func loads(_ what: String, beside peers: [(name: String, seconds: Double)], _ report: inout Report) {
        report.add("")
        report.add("| \(what) of \(people.count) people | a second |")
        report.add("| --- | ---: |")
        let mine = imported.map { ("VaultDB: phones normalised, names indexed, records, audit trail", $0) }
        for (name, seconds) in [mine].compactMap(\.self) + peers {
            report.add("| \(name) | \(Int(Double(people.count) / seconds)) |")
        }
    }

    // MARK: Lookups

    private func lookups(_ report: inout Report) throws {
        var generator = SystemRandomNumberGenerator()
        let order = (0..<people.count).shuffled(using: &generator).prefix(max(count / Self.lookupsShare, 1))
        let asked = Batch(order, of: people)
        report.add("")
        report.add(
            "Every side is asked for the same \(asked.count) people, at random out of \(people.count), in each round, "
                + "and once before, which isn't counted. VaultDB's caches are empty at first: one with room for all of "
                + "these holds them by then, and \"no cache\" reads the file.")
        let vaults = try fixture.caches.map { try VaultProcess($0, at: fixture.vaultPath) }
        let bare = BareLMDB(vaultPath: fixture.vaultPath)
        let peers: [any LookupPeer] = [sqlite, SQLitePeer(sqlite, reads: .one), redis, postgres]
        for column in Column.allCases {
            let path = fixture.directory + "/peer-keys-\(column).txt"
            try (asked.keys(column).joined(separator: "\n") + "\n").write(
                toFile: path, atomically: true, encoding: .utf8)
            var sides: [(name: String, measure: () throws -> Double)] = [
                ("bare LMDB in C", { try bare.nanosecondsEach(["by_\(column)", path]) })
            ]
            sides += vaults.map { vault in (vault.name, { try vault.nanosecondsEach([column: path]) }) }
            sides += peers.map { peer in (peer.name, { try peer.find(column, asked) }) }
            var times: [String: [Double]] = [:]
            for round in 0...rounds {
                for side in sides.shuffled() {
                    let time = try side.measure()
                    if round > 0 { times[side.name, default: []].append(time) }
                }
            }
            table("find by \(column), one at a time", times, sides.map(\.name), asked: asked.count, &report)
        }
        guard let charts else { return }
        let sample = Batch(order.prefix(Self.latencyCount), of: people)
        let curves = try ([vault, sqlite, redis, postgres] as [any Peer]).map {
            (name: $0.name, values: try $0.latencies(.email, sample))
        }
        try Chart.latencies("Find by email: latency at each percentile", curves).write(to: "\(charts)/latency.svg")
    }

    /// - Parameter asked: how many people were asked for, where the heading is to tell.
    private func table(
        _ what: String, _ times: [String: [Double]], _ names: [String], unit: String = "ns", asked: Int? = nil,
        _ report: inout Report
    ) {
        let mine = Report.median(times[vault.name] ?? [])
        let heading = asked.map { "\(what), \($0) people" } ?? what
        report.add("")
        report.add("| \(heading) | \(unit), median of \(rounds) (least–most) | beside VaultDB |")
        report.add("| --- | ---: | ---: |")
        for name in names {
            guard let values = times[name] else { continue }
            let ratio = Report.median(values) / mine
            report.add("| \(name) | \(Report.cell(values, unit == "ns" ? 0 : 1)) | \(Report.format(ratio, 2)) |")
            if name != vault.name { report.note(what, over: name, 1 / ratio) }
        }
    }

    // MARK: Memory

    private func memory(_ report: inout Report) throws {
        report.add("")
        report.add("| memory, \(people.count) people | its own, MB | of mapped files, the program among them, MB |")
        report.add("| --- | ---: | ---: |")
        for peer in [redis, postgres] as [any Peer] {
            if let megabytes = peer.memoryMegabytes { report.add("| \(peer.name) | \(megabytes) | |") }
        }
        let asked = min(Self.asked, people.count)
        func row(_ what: String, _ probe: Probe) {
            let what = "a process that has asked \(what) for \(asked) people"
            report.add("| \(what) | \(probe.privateMegabytes) | \(probe.sharedMegabytes) |")
        }
        for cache in fixture.caches {
            let probe = try Probe(
                .vault, at: fixture.vaultPath, fixture, count: asked, options: cache.arguments)
            row("\(cache.name),", probe)
        }
        row("SQLite, with these settings,", try Probe(.sqlite, at: sqlite.path, fixture, count: asked))
        let unmapped = try Probe(.sqlite, at: sqlite.path, fixture, count: asked, options: ["--no-mapped"])
        row("SQLite, with its file not mapped,", unmapped)
    }

    // MARK: Writes

    /// People nobody knows yet, the same for all in one round.
    private mutating func newcomers(_ batches: Int, each: Int) -> [Batch] {
        (0..<batches).map { _ in
            defer { newcomer += each }
            return Batch(newcomer..<newcomer + each, of: people)
        }
    }

    private mutating func creates(_ report: inout Report) throws {
        let peers: [any Peer] = [vault, sqlite, redis, postgres]
        var alone: [Double] = []
        for writers in [1, Self.writersMany] {
            let names = peers.map {
                $0 === sqlite && writers > 1 ? "\($0.name), \(Self.writersOfSQLite) writers" : $0.name
            }
            var times: [String: [Double]] = [:]
            for _ in 0..<rounds {
                let batches = newcomers(writers, each: writers == 1 ? Self.createsAlone : Self.createsEach)
                for (peer, name) in zip(peers, names).shuffled() {
                    let share = peer === sqlite ? Array(batches.prefix(Self.writersOfSQLite)) : batches
                    let expected = share.reduce(0) { $0 + $1.count }
                    // What another has left for the system to write is not to be waited for here.
                    sync()
                    let (nanoseconds, created) = try peer.resolve(share)
                    guard created == expected else { throw BenchmarkError(message: "\(peer.name) lost newcomers") }
                    times[name, default: []].append(nanoseconds / Double(expected) / 1_000)
                }
            }
            let what = "find or create, durable, \(writers) writer\(writers == 1 ? "" : "s")"
            table(what, times, names, unit: "µs", &report)
            if writers == 1 {
                alone = times[vault.name] ?? []
            } else {
                let gain = Report.median(alone) / Report.median(times[vault.name] ?? [])
                report.add("")
                report.add("\(writers) writers share commits: \(Report.format(gain, 1)) times one by one.")
                report.note("\(writers) writers", over: "one by one", 1 / gain)
            }
        }
    }

    /// 95 who are known, a few of them often and most hardly ever, to 5 who are new.
    private mutating func mixed(_ report: inout Report) throws {
        let peers: [any Peer] = [vault, sqlite, redis, postgres]
        let law = Zipf(people.count, exponent: 0.99)
        var generator = SystemRandomNumberGenerator()
        var times: [String: [Double]] = [:]
        for round in 0...rounds {
            let before = newcomer
            let batches = (0..<Self.mixedConnections).map { _ in
                let indices = (0..<Self.mixedEach).map { number in
                    guard number % 20 == 19 else { return people.spread(law.next(&generator)) }
                    defer { newcomer += 1 }
                    return newcomer
                }
                return Batch(indices, of: people)
            }
            for peer in peers.shuffled() {
                sync()
                let (nanoseconds, created) = try peer.resolve(batches)
                guard created == newcomer - before else {
                    throw BenchmarkError(
                        message: "\(peer.name) created \(created) people, and \(newcomer - before) were new")
                }
                let each = nanoseconds / Double(Self.mixedConnections * Self.mixedEach) / 1_000
                if round > 0 { times[peer.name, default: []].append(each) }
            }
        }
        table(
            "95 known to 5 new by Zipf's law, durable, \(Self.mixedConnections) at a time", times, peers.map(\.name),
            unit: "µs", &report)
        guard let charts else { return }
        let bars = peers.map { ($0.name, 1e6 / Report.median(times[$0.name] ?? [])) }
        try Chart.bars("95 known to 5 new, durable: operations a second", bars).write(to: "\(charts)/throughput.svg")
    }

    // MARK: Bytes

    private func bytes(_ report: inout Report) throws {
        report.add("")
        report.add("| bytes on disk for each person | after import | with \(newcomer - people.count) newcomers |")
        report.add("| --- | ---: | ---: |")
        func row(_ what: String, _ imported: Int, _ bytes: Int, of count: Int) -> Double {
            let each = Double(imported) / Double(people.count)
            let later = Double(bytes) / Double(count)
            report.add("| \(what) | \(Report.format(each, 0)) | \(Report.format(later, 0)) |")
            return later
        }
        let mine = row(
            "VaultDB: identity, record, two events, names, indexes", fixture.importedBytes,
            try fixture.vault.statistics().usedBytes, of: Int(try fixture.clinic.ledger().identities))
        let rows = try postgres.count
        let postgresWhole = try postgres.loadWhole()
        let whole = row(
            "PostgreSQL: the same things as the vault, in tables with indexes", postgresWhole.bytes,
            try postgres.addNewcomersToWhole(), of: rows)
        _ = row("PostgreSQL: identity and its three indexes alone", postgresBytes, try postgres.bytes, of: rows)
        // Its writers brought it fewer newcomers than the others.
        let fewer = try sqlite.count
        let newcomers = "\(fewer - people.count) newcomers"
        let sqliteWhole = try sqlite.loadWhole(people.count)
        _ = row(
            "SQLite: the same things as the vault, in tables with indexes; \(newcomers)", sqliteWhole.bytes,
            try sqlite.addNewcomersToWhole(after: people.count), of: fewer)
        _ = row("SQLite: identity and its three indexes alone; \(newcomers)", sqliteBytes, try sqlite.bytes, of: fewer)
        report.note("bytes", over: "PostgreSQL, the same things", mine / whole)
        loads(
            "load of all of that",
            beside: [
                ("PostgreSQL: from a table that has it normalised, and the indexes", postgresWhole.seconds),
                ("SQLite: likewise", sqliteWhole.seconds),
            ], &report)
        if let imported { report.note("import", over: "PostgreSQL, the same things", imported / postgresWhole.seconds) }
    }
}

extension VaultStatistics {
    /// Of pages that hold something.
    var usedBytes: Int { (pagesUsed - pagesFree) * pageBytes }
}

extension People {
    /// Who has a rank: the frequent ones lie anywhere.
    func spread(_ rank: Int) -> Int { rank * 7_919 % count }
}

/// Ranks by Zipf's law, from a table of sums.
private struct Zipf {
    private var sums: [Double] = []

    init(_ count: Int, exponent: Double) {
        var sum = 0.0
        sums.reserveCapacity(count)
        for rank in 1...count {
            sum += pow(Double(rank), -exponent)
            sums.append(sum)
        }
    }

    func next(_ generator: inout some RandomNumberGenerator) -> Int {
        let wanted = Double.random(in: 0..<(sums.last ?? 1), using: &generator)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
