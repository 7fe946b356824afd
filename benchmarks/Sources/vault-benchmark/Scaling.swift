import Foundation
import VaultDB

/// What a lookup costs among more and more people, and how soon a fresh process has its first answer. Each scale has a
/// vault of its own, which goes before the next; memory doesn't grow with the people.
struct Scaling {
    private static let lookups = 200_000
    private static let probes = 7

    let directory: String
    let scales: [Int]
    let rounds: Int
    let batch: Int
    let cache: Int?
    let charts: String?

    private struct Times {
        var find: [Double] = []
        var resolve: [Double] = []
    }

    private struct Scale {
        let people: Int
        /// By the vaults' names, in the order of the table.
        let vaults: [(name: String, times: Times)]
        let bare, firstAnswer: [Double]
        let bytesEach: Int
    }

    func run(_ report: inout Report) throws {
        let rows = try scales.sorted().map(measure)
        report.add("")
        report.add("## From few people to many")
        report.add("")
        report.add(
            "Nanoseconds, \(Self.lookups) people at random; the first answer in milliseconds from before the process is "
                + "started.")
        report.add("")
        report.add(
            "| people | | find by email | bare `mdb_get` | resolve, email and phone | first answer | bytes each |")
        report.add("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
        for row in rows {
            for (name, times) in row.vaults {
                // What is the same for all of them stands beside the usual one.
                let isUsual = name == VaultCache.usual
                let cells = [
                    Report.cell(times.find, 0), isUsual ? Report.cell(row.bare, 0) : "", Report.cell(times.resolve, 0),
                    isUsual ? Report.cell(row.firstAnswer, 1) : "", isUsual ? "\(row.bytesEach)" : "",
                ]
                report.add("| \(row.people) | \(name) | \(cells.joined(separator: " | ")) |")
            }
        }
        if rows.count > 1 { compare(rows[rows.count - 1], rows[rows.count - 2], &report) }
        guard let charts, rows.count > 1 else { return }
        try draw(rows).write(to: "\(charts)/scaling.svg")
    }

    /// Rows that tell what the most people cost beside the next fewer.
    private func compare(_ most: Scale, _ fewer: Scale, _ report: inout Report) {
        func ratio(_ what: String, _ mine: [Double], _ theirs: [Double]) -> String {
            let ratio = Report.median(mine) / Report.median(theirs)
            report.note("\(what) among \(most.people)", over: "among \(fewer.people)", ratio)
            return Report.format(ratio, 2)
        }
        for ((name, mine), (_, theirs)) in zip(most.vaults, fewer.vaults) {
            let isUsual = name == VaultCache.usual
            let cells = [
                ratio("\(name): find", mine.find, theirs.find), isUsual ? ratio("bare", most.bare, fewer.bare) : "",
                ratio("\(name): resolve", mine.resolve, theirs.resolve),
                isUsual ? ratio("first answer", most.firstAnswer, fewer.firstAnswer) : "",
                isUsual ? Report.format(Double(most.bytesEach) / Double(fewer.bytesEach), 2) : "",
            ]
            report.add("| \(most.people) : \(fewer.people) | \(name) | \(cells.joined(separator: " | ")) |")
        }
    }

    private func draw(_ rows: [Scale]) throws -> Chart {
        func curve(_ name: String, _ values: (Scale) -> [Double]) -> (String, [(Double, Double)]) {
            (name, rows.map { (Double($0.people), Report.median(values($0))) })
        }
        func usual(_ scale: Scale) -> Times { scale.vaults.first { $0.name == VaultCache.usual }?.times ?? Times() }
        return Chart.lines(
            "Nanoseconds by the number of people",
            [
                curve("find by email") { usual($0).find }, curve("bare mdb_get", \.bare),
                curve("resolve, email and phone") { usual($0).resolve },
            ])
    }

    private func measure(_ people: Int) throws -> Scale {
        let path = "\(directory)/scale-\(people)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let isKept = FileManager.default.fileExists(atPath: path + "/benchmark.vault")
        defer { if !isKept { try? FileManager.default.removeItem(atPath: path) } }
        var quiet = Report(isQuiet: true)
        progress("scaling: \(people) people …")
        let fixture = try Fixture(path: path, people: People(count: people), batch: batch, cache: cache, &quiet)
        defer { fixture.vault.close() }
        let indices = (0..<Self.lookups).map { _ in Int.random(in: 0..<people) }
        let lists: [Column: String] = [.email: path + "/emails.txt", .phone: path + "/phones.txt"]
        let (emails, phones) = (indices.map(fixture.people.email), indices.map(fixture.people.phone))
        for (column, keys) in [(Column.email, emails), (.phone, phones)] {
            guard let list = lists[column] else { continue }
            try (keys.joined(separator: "\n") + "\n").write(toFile: list, atomically: true, encoding: .utf8)
        }
        let bareLMDB = BareLMDB(vaultPath: fixture.vaultPath)
        let vaults = try fixture.caches.map { try VaultProcess($0, at: fixture.vaultPath) }
        var (times, bare) = (vaults.map { ($0.name, Times()) }, [Double]())
        for round in 0...rounds {
            // The first round warms all sides up.
            let alone = try bareLMDB.nanosecondsEach(["by_email", path + "/emails.txt"])
            if round > 0 { bare.append(alone) }
            for (number, vault) in vaults.enumerated() {
                let find = try vault.nanosecondsEach(lists.filter { $0.key == .email })
                let resolve = try vault.nanosecondsEach(lists)
                guard round > 0 else { continue }
                times[number].1.find.append(find)
                times[number].1.resolve.append(resolve)
            }
        }
        let bytes = try fixture.vault.statistics().usedBytes
        let first = try (0..<Self.probes).map { _ in
            try Probe(.vault, at: fixture.vaultPath, fixture, count: 1).firstAnswerMilliseconds
        }
        return Scale(people: people, vaults: times, bare: bare, firstAnswer: first, bytesEach: bytes / people)
    }
}
