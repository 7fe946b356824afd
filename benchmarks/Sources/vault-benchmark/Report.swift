import Foundation

/// Lines of results, and the arithmetic they stand on.
struct Report {
    private(set) var lines: [String] = []

    mutating func add(_ line: String) {
        print(line)
        lines.append(line)
    }

    /// One comparison: medians of both sides in nanoseconds, their spread, and the ratio of the medians.
    mutating func compare(_ what: String, _ mine: [Double], with yardstick: String, _ theirs: [Double]) {
        let ratio = Self.median(mine) / Self.median(theirs)
        add("| \(what) | \(Self.cell(mine)) | \(yardstick) | \(Self.cell(theirs)) | \(Self.format(ratio, 2)) |")
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    static func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    private static func cell(_ values: [Double]) -> String {
        "\(format(median(values), 0)) (\(format(values.min() ?? 0, 0))–\(format(values.max() ?? 0, 0)))"
    }
}

/// Nanoseconds per element of one pass.
func nanosecondsEach(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let elapsed = try clock.measure(body)
    let (seconds, attoseconds) = elapsed.components
    return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(count)
}
