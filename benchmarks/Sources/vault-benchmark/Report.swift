import Foundation

/// Lines of results, and the arithmetic they stand on.
struct Report {
    private(set) var lines: [String] = []
    /// What the vault costs beside others, by the names of both.
    private(set) var ratios: [String: Double] = [:]

    private let isQuiet: Bool

    /// - Parameter isQuiet: whether nothing is printed.
    init(isQuiet: Bool = false) { self.isQuiet = isQuiet }

    mutating func add(_ line: String) {
        if !isQuiet { print(line) }
        lines.append(line)
    }

    /// One comparison: medians of both sides in nanoseconds, their spread, and the ratio of the medians.
    mutating func compare(_ what: String, _ mine: [Double], with yardstick: String, _ theirs: [Double]) {
        let ratio = Self.median(mine) / Self.median(theirs)
        note(what, over: yardstick, ratio)
        add("| \(what) | \(Self.cell(mine, 0)) | \(yardstick) | \(Self.cell(theirs, 0)) | \(Self.format(ratio, 2)) |")
    }

    /// Remembers a ratio; less is better.
    mutating func note(_ what: String, over yardstick: String, _ ratio: Double) {
        if ratio.isFinite { ratios["\(what) / \(yardstick)"] = ratio }
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    static func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    /// The median, and the least and the most.
    static func cell(_ values: [Double], _ digits: Int) -> String {
        let spread = "\(format(values.min() ?? 0, digits))–\(format(values.max() ?? 0, digits))"
        return "\(format(median(values), digits)) (\(spread))"
    }
}

/// Nanoseconds per element of one pass.
func nanosecondsEach(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let elapsed = try clock.measure(body)
    let (seconds, attoseconds) = elapsed.components
    return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(count)
}
