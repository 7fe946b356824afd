import Foundation
import VaultDB

/// Lookups and resolves of known people, each beside the bare calls they stand on.
struct Lookups {
    let fixture: Fixture
    let count: Int
    let rounds: Int
    /// How many people write again and again, few and many: fewer than the cache of spellings remembers.
    private let regulars = [200, 2_000, 20_000]

    private var clinic: Organization { fixture.clinic }
    private var bare: BareLMDB { BareLMDB(vaultPath: fixture.vaultPath) }

    func run(_ report: inout Report) throws {
        var generator = SystemRandomNumberGenerator()
        let order = (0..<fixture.people.count).shuffled(using: &generator).prefix(count)
        let emails = try write(order.map(fixture.people.email), "emails.txt")
        let phones = try write(order.map(fixture.people.phone), "phones.txt")
        let questions = [
            Question(
                what: "find by email", lists: [.email: emails], yardstick: "bare `mdb_get` in C",
                tables: ["by_email", emails]),
            Question(
                what: "find by phone", lists: [.phone: phones], yardstick: "bare `mdb_get` in C",
                tables: ["by_phone", phones]),
            Question(
                what: "resolve, email and phone in E.164", lists: [.email: emails, .phone: phones],
                yardstick: "two bare `mdb_get`", tables: ["by_email", emails, "by_phone", phones]),
        ]
        let vaults = try fixture.caches.map { try VaultProcess($0, at: fixture.vaultPath) }
        let familiar = regulars.map { Familiar(regulars: $0, of: Array(order), count: count, fixture.people) }

        var times: [String: [Double]] = [:]
        for round in 0...rounds {
            // The first round warms all sides up.
            func note(_ name: String, _ value: Double) { if round > 0 { times[name, default: []].append(value) } }
            for question in questions {
                note(question.bare, try bare.nanosecondsEach(question.tables))
                for vault in vaults { note(question.row(of: vault), try vault.nanosecondsEach(question.lists)) }
            }
            for group in familiar {
                note("resolve \(group.regulars)", try each(group.spellings) { try isKnown(ResolveRequest(phone: $0)) })
                note("E.164 \(group.regulars)", try each(group.phones) { try isKnown(ResolveRequest(phone: $0)) })
            }
        }
        report.add("")
        report.add("Nanoseconds each: median of \(rounds) rounds (least–most), \(count) calls a round.")
        report.add("")
        report.add("| VaultDB | ns | beside | ns | ratio |")
        report.add("| --- | ---: | --- | ---: | ---: |")
        for question in questions {
            for vault in vaults {
                let row = question.row(of: vault)
                report.compare(row, times[row] ?? [], with: question.yardstick, times[question.bare] ?? [])
            }
        }
        for group in familiar {
            report.compare(
                "resolve, a national spelling, \(group.regulars) people in turn",
                times["resolve \(group.regulars)"] ?? [], with: "the same in E.164: the lookups alone",
                times["E.164 \(group.regulars)"] ?? [])
        }
    }

    private func write(_ keys: [String], _ name: String) throws -> String {
        let path = fixture.directory + "/" + name
        try (keys.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func isKnown(_ request: ResolveRequest) throws -> Bool {
        try clinic.resolveBlocking(request).outcome != .created
    }

    private func each(_ values: [String], _ body: (String) throws -> Bool) throws -> Double {
        var found = 0
        let time = try nanosecondsEach(values.count) {
            for value in values where try body(value) { found += 1 }
        }
        guard found == values.count else { throw BenchmarkError(message: "\(values.count - found) were not found") }
        return time
    }
}

/// A lookup of everybody in some lists, and the bare calls it stands on.
private struct Question {
    let what: String
    let lists: [Column: String]
    let yardstick: String
    let tables: [String]

    var bare: String { "bare \(what)" }

    /// Vaults are told apart by what their name says beyond the usual one.
    func row(of vault: VaultProcess) -> String { what + vault.name.dropFirst(VaultCache.usual.count) }
}

/// National spellings of some people, over and over in the same order.
private struct Familiar {
    let regulars: Int
    let spellings: [String]
    let phones: [String]

    init(regulars: Int, of order: [Int], count: Int, _ people: People) {
        self.regulars = min(regulars, order.count)
        let spellings = order.prefix(regulars).map(people.nationalPhone)
        let phones = order.prefix(regulars).map(people.phone)
        self.spellings = (0..<count).map { spellings[$0 % spellings.count] }
        self.phones = (0..<count).map { phones[$0 % phones.count] }
    }
}

struct BenchmarkError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
