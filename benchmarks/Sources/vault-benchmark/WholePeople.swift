import Foundation
import VaultDB

/// Views of whole people, searches by name, and merges, in the same vault.
struct WholePeople {
    /// People with as many records.
    private static let regulars = 5_000
    private static let recordsEach = 10
    /// Records of the identities that are merged.
    private static let mergeSizes = [1, 10, 100, 1_000]
    private static let searches = ["juan per", "maria gar", "garcia", "javier zu", "m g", "carmen lopez", "nobody"]

    let fixture: Fixture
    let rounds: Int

    private var clinic: Organization { fixture.clinic }

    func run(_ report: inout Report) throws {
        let ids = try addRecords()
        var contacts: [Double] = []
        var texts: [Double] = []
        for round in 0...rounds {
            let order = ids.shuffled()
            let view = try nanosecondsEach(order.count) {
                for id in order { try expect(clinic.contact(id).totalInteractions == Self.recordsEach) }
            }
            let text = try nanosecondsEach(order.count) {
                for id in order { try expect(!clinic.contact(id).json.text.isEmpty) }
            }
            if round > 0 {
                contacts.append(view / 1_000)
                texts.append(text / 1_000)
            }
        }
        report.add("")
        report.add("Microseconds each: median of \(rounds) rounds (least–most).")
        report.add("")
        report.add("| | µs |")
        report.add("| --- | ---: |")
        report.add("| contact view, \(Self.recordsEach) records | \(Report.cell(contacts, 1)) |")
        report.add("| the same as JSON text | \(Report.cell(texts, 1)) |")
        try search(&report)
        try merge(&report)
    }

    private func search(_ report: inout Report) throws {
        for text in Self.searches {
            var times: [Double] = []
            var found = 0
            for _ in 0..<max(rounds * 10, 50) {
                times.append(try nanosecondsEach(1) { found = try clinic.search(text).matches.count } / 1_000)
            }
            report.add("| search `\(text)`, \(found) people | \(Report.cell(times, 0)) |")
        }
    }

    /// A merge moves what one of the two has, and its undoing moves it back; each is on disk before it returns.
    private func merge(_ report: inout Report) throws {
        for size in Self.mergeSizes {
            let into = try clinic.resolveBlocking(ResolveRequest(email: "survivor\(size)@merge.example")).identity.id
            let from = try person(with: size)
            var merges: [Double] = []
            var unmerges: [Double] = []
            for _ in 0..<rounds {
                var merge = from
                merges.append(
                    try nanosecondsEach(1) { merge = try clinic.mergeBlocking(from, into: into).merge } / 1_000)
                unmerges.append(try nanosecondsEach(1) { try clinic.unmergeBlocking(merge) } / 1_000)
            }
            report.add("| merge of \(size) records, durable | \(Report.cell(merges, 0)) |")
            report.add("| undoing it | \(Report.cell(unmerges, 0)) |")
        }
    }

    private func person(with records: Int) throws -> UUID {
        let email = "merged\(records)@merge.example"
        try importRows((0..<records).map { "merged-\(records)-\($0),\(email),\(Self.day($0))" })
        guard let id = try clinic.find(email: email) else { throw BenchmarkError(message: "\(email) is not there") }
        return id
    }

    /// Gives some people further records, and answers who they are.
    private func addRecords() throws -> [UUID] {
        let people = (0..<Self.regulars).map { $0 * (fixture.people.count / Self.regulars) }
        try importRows(
            people.flatMap { person in
                (1..<Self.recordsEach).map { "visit-\(person)-\($0),\(fixture.people.email(person)),\(Self.day($0))" }
            })
        return try people.map { person in
            guard let id = try clinic.find(email: fixture.people.email(person)) else {
                throw BenchmarkError(message: "person \(person) is not there")
            }
            return id
        }
    }

    private static func day(_ number: Int) -> String { "2025-0\(1 + number % 9)-1\(number % 10)T09:00:00Z" }

    private func importRows(_ rows: [String]) throws {
        let path = fixture.directory + "/records.csv"
        try ("id,email,created_at\n" + rows.joined(separator: "\n")).write(
            toFile: path, atomically: true, encoding: .utf8)
        var source = try ImportSource(path: path)
        var listener = Quiet()
        _ = try clinic.importRows(of: .lead, from: &source, &listener)
        try FileManager.default.removeItem(atPath: path)
    }

    private func expect(_ condition: Bool) throws {
        if !condition { throw BenchmarkError(message: "a contact is not as it was made") }
    }
}

private struct Quiet: ImportListener {
    mutating func rejected(_ fault: RowFault) { print("rejected: \(fault)") }
    mutating func assigned(recordID: String?, to identity: UUID?) {}
    mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool { true }
}
