import Foundation

/// How often which latency came, drawn in characters.
struct LatencyPlot {
    struct Bar {
        let from: UInt64
        let to: UInt64
        var count: Int
    }

    static let linesMax = 20
    private static let barColumnsMax = 50
    private static let columnsWithoutTerminal = 80

    private let bars: [Bar]

    init(_ bars: [Bar]) { self.bars = bars }

    func print() throws(Failure) {
        let total = bars.reduce(0) { $0 + $1.count }
        let most = bars.map(\.count).max() ?? 0
        guard total > 0 else { return }
        let ranges = bars.map {
            "\(LatencyText.of($0.from)) \(Environment.isUTF8 ? "–" : "-") \(LatencyText.of($0.to))"
        }
        let rangeColumns = ranges.map(DisplayText.width).max() ?? 0
        // A range, two gaps, and a share such as `12.34 %`.
        let room = (Terminal.output.width ?? Self.columnsWithoutTerminal) - rangeColumns - 2 - 9
        let columns = min(max(room, 8), Self.barColumnsMax)
        for (bar, range) in zip(bars, ranges) {
            let padding = String(repeating: " ", count: rangeColumns - DisplayText.width(range))
            let drawn = Self.drawn(Double(bar.count) / Double(most), columns: columns)
            let gap = String(repeating: " ", count: columns - DisplayText.width(drawn))
            let share = String(format: "%6.2f %%", Double(bar.count) * 100 / Double(total))
            try Output.line("\(padding)\(range)  \(Style.good.applied(to: drawn))\(gap) \(bar.count > 0 ? share : "")")
        }
    }

    /// A bar in eighths of a column, or in whole ones where text is ASCII. What is there is seen.
    private static func drawn(_ share: Double, columns: Int) -> String {
        guard share > 0 else { return "" }
        guard Environment.isUTF8 else {
            return String(repeating: "#", count: max(Int((share * Double(columns)).rounded()), 1))
        }
        let eighths = max(Int((share * Double(columns) * 8).rounded()), 1)
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }
}
