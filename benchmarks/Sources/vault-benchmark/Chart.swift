import Foundation

/// A drawing of results as SVG, for light and dark pages.
struct Chart {
    private static let (width, height) = (760.0, 400.0)
    private static let (left, right, top, bottom) = (80.0, 20.0, 76.0, 40.0)
    private static let colours = ["#0a6ebd", "#c2571a", "#2e8b57", "#8a4fbe", "#a8860b"]

    private let lines: [String]

    func write(to path: String) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    private init(_ title: String, height: Double = Self.height, _ body: [String]) {
        let style = """
            <style>text{font:13px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}\
            .title{font-size:16px;font-weight:600}.ground{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}\
            .grid{stroke:#444}.ground{fill:#181818}}</style>
            """
        let head = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" role="img" \
            aria-label="\(title)">
            """
        lines =
            [head, style, "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>"]
            + [Self.text(title, x: 20, y: 26, kind: "title")] + body + ["</svg>"]
    }

    /// One bar a name, on a scale of powers of ten.
    static func bars(_ title: String, _ values: [(name: String, value: Double)]) -> Chart {
        let most = log10(max(values.map(\.value).max() ?? 1, 10))
        let least = min((log10(max(values.map(\.value).min() ?? 1, 1))).rounded(.down), most - 1)
        var body: [String] = []
        for (index, value) in values.enumerated() {
            let y = 50 + Double(index) * 44
            let share = max((log10(max(value.value, 1)) - least) / (most - least), 0.01)
            let length = share * (width - 260)
            body.append(text(value.name, x: 20, y: y + 12))
            body.append(
                "<rect x=\"20\" y=\"\(number(y + 18))\" width=\"\(number(length))\" height=\"14\" fill=\"\(colour(index))\"/>"
            )
            body.append(text("\(Int(value.value))", x: 28 + length, y: y + 30))
        }
        return Chart(title, height: 70 + Double(values.count) * 44, body)
    }

    /// The latency at each percentile; both axes in powers of ten, so that the tail has as much room as the rest.
    static func latencies(_ title: String, _ curves: [(name: String, values: [Double])]) -> Chart {
        let nines = 4.0
        let lines = curves.map { curve in
            let sorted = curve.values.sorted()
            let points = stride(from: 0.0, through: nines, by: 0.05).map { x in
                let place = Int((1 - pow(10, -x)) * Double(sorted.count))
                return (x, sorted.isEmpty ? 1 : sorted[min(place, sorted.count - 1)])
            }
            return (curve.name, points)
        }
        let ticks = [(0.0, "0 %"), (1, "90 %"), (2, "99 %"), (3, "99.9 %"), (4, "99.99 %")]
        return plot(title, lines, x: 0...nines, ticks)
    }

    /// Values over a count; both axes in powers of ten.
    static func lines(_ title: String, _ curves: [(name: String, points: [(Double, Double)])]) -> Chart {
        let scaled = curves.map { curve in (curve.name, curve.points.map { (log10($0.0), $0.1) }) }
        let all = scaled.flatMap { $0.1.map(\.0) }
        let range = (all.min() ?? 0)...max(all.max() ?? 1, (all.min() ?? 0) + 1)
        let ticks = stride(from: range.lowerBound.rounded(.up), through: range.upperBound, by: 1).map {
            ($0, "\(Int(pow(10, $0).rounded()))")
        }
        return plot(title, scaled, x: range, ticks)
    }

    private static func plot(
        _ title: String, _ curves: [(String, [(Double, Double)])], x range: ClosedRange<Double>,
        _ ticks: [(Double, String)]
    ) -> Chart {
        let values = curves.flatMap { $0.1.map { log10(max($0.1, 1)) } }
        let low = (values.min() ?? 0).rounded(.down)
        let high = max((values.max() ?? 1).rounded(.up), low + 1)
        func x(_ value: Double) -> Double {
            left + (value - range.lowerBound) / (range.upperBound - range.lowerBound) * (width - left - right)
        }
        func y(_ value: Double) -> Double { height - bottom - (value - low) / (high - low) * (height - top - bottom) }
        var body: [String] = []
        for decade in stride(from: low, through: high, by: 1) {
            body.append(segment(left, y(decade), width - right, y(decade)))
            body.append(text(nanoseconds(pow(10, decade)), x: left - 8, y: y(decade) + 4, anchor: "end"))
        }
        for (value, name) in ticks {
            body.append(segment(x(value), top, x(value), height - bottom))
            body.append(text(name, x: x(value), y: height - bottom + 20, anchor: "middle"))
        }
        for (index, curve) in curves.enumerated() {
            let path = curve.1.map { "\(number(x($0.0))) \(number(y(log10(max($0.1, 1)))))" }.joined(separator: "L")
            body.append("<path class=\"line\" stroke=\"\(colour(index))\" d=\"M\(path)\"/>")
            let (column, row) = (Double(index % 3), Double(index / 3))
            body.append(
                "<rect x=\"\(number(20 + column * 245))\" y=\"\(number(37 + row * 18))\" width=\"10\" height=\"10\" "
                    + "fill=\"\(colour(index))\"/>")
            body.append(text(curve.0, x: 36 + column * 245, y: 47 + row * 18))
        }
        return Chart(title, body)
    }

    private static func nanoseconds(_ value: Double) -> String {
        value < 1e3 ? "\(Int(value)) ns" : value < 1e6 ? "\(Int(value / 1e3)) µs" : "\(Int(value / 1e6)) ms"
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func text(
        _ text: String, x: Double, y: Double, anchor: String = "start", kind: String = ""
    ) -> String {
        let name = kind.isEmpty ? "" : " class=\"\(kind)\""
        return "<text\(name) x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(text)</text>"
    }

    private static func segment(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line class=\"grid\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
    }
}
