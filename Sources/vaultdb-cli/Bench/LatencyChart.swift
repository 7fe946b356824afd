import Foundation
import VaultDB

/// The latency at each percentile as an SVG drawing, both axes in powers of ten: the tail takes as much room as the
/// rest.
struct LatencyChart {
    private static let (width, height) = (760.0, 420.0)
    private static let (left, right, top, bottom) = (80.0, 24.0, 64.0, 56.0)

    let title: String
    let subtitle: String
    let points: [(percentile: Double, nanoseconds: UInt64)]
    let operations: Int

    /// How many nines the axis reaches: no more than there are operations for.
    private var ninesMax: Double { max((log10(Double(max(operations, 10)))).rounded(.down), 1) }

    private var decades: ClosedRange<Double> {
        let values = points.map { log10(Double(max($0.nanoseconds, 1))) }
        let low = (values.min() ?? 0).rounded(.down)
        return low...max((values.max() ?? 1).rounded(.up), low + 1)
    }

    /// Refuses a directory in which no file can be made, and to take the place of a file that is no drawing.
    static func requireRoom(at path: String) throws(Failure) {
        guard !NewFile.isWrittenInPlace(path) else { return }
        guard FileManager.default.isWritableFile(atPath: path.resolvedPath.directoryPath) else {
            throw Failure(
                .failed, "\(path) can't be written", advice: "check that its directory is there and may be written to")
        }
        guard NewFile.mayReplace(path, beginningWith: "<svg ") else {
            throw Failure(.failed, "\(path) is there, and no drawing", advice: "choose another name")
        }
    }

    func write(to path: String) throws(Failure) {
        let file = try NewFile(path)
        for line in lines { try file.addLine(line) }
        try file.finish()
    }

    var lines: [String] {
        let style = """
            <style>text{font:13px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.line{fill:none;stroke:#0a6ebd;\
            stroke-width:2}.title{font-size:16px;font-weight:600}rect{fill:#fff}@media(prefers-color-scheme:dark){\
            text{fill:#ddd}.grid{stroke:#444}rect{fill:#181818}.line{stroke:#5ab0f2}}</style>
            """
        let head = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" \
            aria-label="\(Self.escaped("Latency by percentile: \(title)"))">
            """
        return [head, style, "<rect width=\"100%\" height=\"100%\"/>"]
            + [
                text(title, x: Self.left, y: 26, anchor: "start", kind: "title"),
                text(subtitle, x: Self.left, y: 46, anchor: "start"),
            ] + grid + [line] + ["</svg>"]
    }

    private var grid: [String] {
        var lines: [String] = []
        for decade in Int(decades.lowerBound)...Int(decades.upperBound) {
            let y = y(Double(decade))
            lines.append(Self.segment(Self.left, y, Self.width - Self.right, y))
            lines.append(
                text(LatencyText.of(UInt64(pow(10, Double(decade)))), x: Self.left - 8, y: y + 4, anchor: "end"))
        }
        for nines in 0...Int(ninesMax) {
            let x = x(Double(nines))
            let name =
                nines == 0
                ? "0" : nines == 1 ? "90" : nines == 2 ? "99" : "99." + String(repeating: "9", count: nines - 2)
            lines.append(Self.segment(x, Self.top, x, Self.height - Self.bottom))
            lines.append(text(name + " %", x: x, y: Self.height - Self.bottom + 20, anchor: "middle"))
        }
        lines.append(
            text(
                "of all operations are at most as slow", x: Self.width - Self.right, y: Self.height - 12, anchor: "end")
        )
        return lines
    }

    private var line: String {
        var path = ""
        for point in points {
            let nines = point.percentile < 100 ? min(-log10(1 - point.percentile / 100), ninesMax) : ninesMax
            let y = y(log10(Double(max(point.nanoseconds, 1))))
            path += "\(path.isEmpty ? "M" : "L")\(Self.number(x(nines))) \(Self.number(y))"
        }
        return "<path class=\"line\" d=\"\(path)\"/>"
    }

    private func x(_ nines: Double) -> Double {
        Self.left + nines / ninesMax * (Self.width - Self.left - Self.right)
    }

    private func y(_ decade: Double) -> Double {
        let share = (decade - decades.lowerBound) / (decades.upperBound - decades.lowerBound)
        return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }

    private func text(_ text: String, x: Double, y: Double, anchor: String, kind: String = "") -> String {
        let name = kind.isEmpty ? "" : " class=\"\(kind)\""
        let place = "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
        return "<text\(name) \(place) text-anchor=\"\(anchor)\">\(Self.escaped(text))</text>"
    }

    private static func segment(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line class=\"grid\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
