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
        let emails = order.map(fixture.people.email)
        let phones = order.map(fixture.people.phone)
        let emailKeys = try write(emails, "emails.txt")
        let phoneKeys = try write(phones, "phones.txt")
        let familiar = regulars.map { Familiar(regulars: $0, of: Array(order), count: count, fixture.people) }

        var times: [String: [Double]] = [:]
        for round in 0...rounds {
            // The first round warms both sides up.
            func note(_ name: String, _ value: Double) { if round > 0 { times[name, default: []].append(value) } }
            note("bare email", try bare.nanosecondsEach(["by_email", emailKeys]))
            note("find email", try each(emails) { try clinic.find(email: $0) != nil })
            note("bare phone", try bare.nanosecondsEach(["by_phone", phoneKeys]))
            note("find phone", try each(phones) { try clinic.find(phone: $0) != nil })
            note("bare both", try bare.nanosecondsEach(["by_email", emailKeys, "by_phone", phoneKeys]))
            note("resolve both", try resolve(emails, phones))
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
        compare("find by email", "find email", "bare `mdb_get` in C", "bare email", times, &report)
        compare("find by phone", "find phone", "bare `mdb_get` in C", "bare phone", times, &report)
        compare("resolve, email and phone in E.164", "resolve both", "two bare `mdb_get`", "bare both", times, &report)
        for regulars in regulars {
            compare(
                "resolve, a national spelling, \(regulars) people in turn", "resolve \(regulars)",
                "the same in E.164: the lookups alone", "E.164 \(regulars)", times, &report)
        }
    }

    private func compare(
        _ what: String, _ mine: String, _ yardstick: String, _ theirs: String, _ times: [String: [Double]],
        _ report: inout Report
    ) {
        report.compare(what, times[mine] ?? [], with: yardstick, times[theirs] ?? [])
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

    private func resolve(_ emails: [String], _ phones: [String]) throws -> Double {
        var found = 0
        let time = try nanosecondsEach(emails.count) {
            for index in emails.indices
            where try isKnown(ResolveRequest(email: emails[index], phone: phones[index])) { found += 1 }
        }
        guard found == emails.count else { throw BenchmarkError(message: "\(emails.count - found) were not found") }
        return time
    }
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
