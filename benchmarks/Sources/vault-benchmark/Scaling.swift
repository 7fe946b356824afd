import Foundation
import VaultDB

/// What a lookup costs among more and more people, and how soon a fresh process has its first answer.
struct Scaling {
    private static let lookups = 200_000
    private static let probes = 7
    /// Against which the cost among others is told.
    private static let yardstick = 1_000_000

    let directory: String
    let scales: [Int]
    let rounds: Int
    let batch: Int
    let charts: String?

    private struct Row {
        let people: Int
        let find, bare, resolve, firstAnswer: [Double]
        let bytes: Int
    }

    func run(_ report: inout Report) throws {
        let rows = try scales.sorted().map(measure)
        report.add("")
        report.add("## From few people to many")
        report.add("")
        report.add("Nanoseconds; the first answer in milliseconds from before the process is started.")
        report.add("")
        report.add("| people | find by email | bare `mdb_get` | resolve, email and phone | first answer | bytes each |")
        report.add("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for row in rows {
            let cells = [Report.cell(row.find, 0), Report.cell(row.bare, 0), Report.cell(row.resolve, 0)]
            report.add(
                "| \(row.people) | \(cells.joined(separator: " | ")) | \(Report.cell(row.firstAnswer, 1)) "
                    + "| \(row.bytes / row.people) |")
        }
        if let base = rows.first(where: { $0.people == Self.yardstick }), let last = rows.last,
            last.people > base.people
        {
            for (what, mine, theirs) in [("find", last.find, base.find), ("resolve", last.resolve, base.resolve)] {
                let ratio = Report.median(mine) / Report.median(theirs)
                report.add("")
                report.add(
                    "A \(what) among \(last.people) costs \(Report.format(ratio, 2)) of one among \(base.people).")
                report.note("\(what) among \(last.people)", over: "among \(base.people)", ratio)
            }
        }
        guard let charts, rows.count > 1 else { return }
        let curves = [
            ("find by email", rows.map { (Double($0.people), Report.median($0.find)) }),
            ("bare mdb_get", rows.map { (Double($0.people), Report.median($0.bare)) }),
            ("resolve, email and phone", rows.map { (Double($0.people), Report.median($0.resolve)) }),
        ]
        try Chart.lines("Nanoseconds by the number of people", curves).write(to: "\(charts)/scaling.svg")
    }

    private func measure(_ people: Int) throws -> Row {
        let path = "\(directory)/scale-\(people)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let isKept = FileManager.default.fileExists(atPath: path + "/benchmark.vault")
        defer { if !isKept { try? FileManager.default.removeItem(atPath: path) } }
        var quiet = Report(isQuiet: true)
        print("scaling: \(people) people …")
        let fixture = try Fixture(path: path, people: People(count: people), batch: batch, &quiet)
        defer { fixture.vault.close() }
        var generator = SystemRandomNumberGenerator()
        let indices = (0..<Self.lookups).map { _ in Int.random(in: 0..<people, using: &generator) }
        let sample = Batch(indices, of: fixture.people)
        let keys = path + "/keys.txt"
        try (sample.emails.joined(separator: "\n") + "\n").write(toFile: keys, atomically: true, encoding: .utf8)
        let (vault, bare) = (VaultPeer(fixture.clinic), BareLMDB(vaultPath: fixture.vaultPath))
        var (find, lone, resolve): ([Double], [Double], [Double]) = ([], [], [])
        for round in 0...rounds {
            let times = [
                try vault.find(.email, sample), try bare.nanosecondsEach(["by_email", keys]),
                try vault.resolve([sample]).nanoseconds / Double(sample.count),
            ]
            if round == 0 { continue }
            find.append(times[0])
            lone.append(times[1])
            resolve.append(times[2])
        }
        let bytes = try fixture.vault.statistics().usedBytes
        let first = try (0..<Self.probes).map { _ in
            try Probe(.vault, at: fixture.vaultPath, fixture, count: 1).firstAnswerMilliseconds
        }
        return Row(people: people, find: find, bare: lone, resolve: resolve, firstAnswer: first, bytes: bytes)
    }
}
