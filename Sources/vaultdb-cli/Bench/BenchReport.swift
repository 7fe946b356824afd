import Foundation
import Histogram
import VaultDB

/// A measurement as it is told.
struct BenchReport {
    static let percentiles: [Double] = [50, 75, 90, 99, 99.9, 99.99]

    let target: String
    let plan: BenchPlan
    let people: Int
    let tally: BenchTally
    let seconds: Double

    private var rate: Double { seconds > 0 ? Double(tally.operations) / seconds : 0 }
    private var latencies: Histogram<UInt64> { tally.latencies }

    // MARK: For programs

    /// Times are in nanoseconds.
    var json: JSONValue {
        [
            "mix": .string(plan.mix.rawValue), "target": .string(target), "people": JSONValue(people),
            "connections": JSONValue(plan.connections), "pipeline": JSONValue(plan.pipeline),
            "rate": Self.number(plan.rate, decimals: 3), "skew": Self.number(plan.skew, decimals: 3),
            "seed": .raw("\(plan.seed)"), "seconds": Self.number(seconds, decimals: 6),
            "operations": JSONValue(tally.operations), "operations_per_second": Self.number(rate, decimals: 1),
            "missing": JSONValue(tally.missing), "errors": JSONValue(tally.errors), "unsent": JSONValue(tally.unsent),
            "latency_ns": .object(
                [
                    .init(name: "min", value: JSONValue(latencies.min)),
                    .init(name: "mean", value: Self.number(latencies.mean, decimals: 1)),
                    .init(name: "max", value: JSONValue(latencies.max)),
                ]
                    + Self.percentiles.map { .init(name: Self.name(of: $0), value: JSONValue(value(at: $0))) }),
            "distribution": .array(
                bars.map { bar in
                    ["from_ns": JSONValue(bar.from), "to_ns": JSONValue(bar.to), "count": JSONValue(bar.count)]
                }),
        ]
    }

    /// `p99_9`.
    private static func name(of percentile: Double) -> String {
        let text = percentile == percentile.rounded() ? "\(Int(percentile))" : "\(percentile)"
        return "p" + text.replacing(".", with: "_")
    }

    private static func number(_ value: Double?, decimals: Int) -> JSONValue {
        guard let value, value.isFinite else { return .null }
        return .raw(String(format: "%.\(decimals)f", value))
    }

    private func value(at percentile: Double) -> UInt64 { latencies.valueAtPercentile(percentile) }

    // MARK: For people

    func print() throws(Failure) {
        var fields = TextFields()
        fields.add("mix", plan.mix.rawValue, style: .bold)
        fields.add("asked", target)
        fields.add("people", plan.skew > 0 ? "\(people.grouped), skewed by \(plan.skew)" : people.grouped)
        fields.add("connections", plan.connections.grouped + (plan.pipeline > 1 ? ", pipeline \(plan.pipeline)" : ""))
        fields.add("loop", plan.rate.map { "open, \(Int($0).grouped) a second from their intended start" } ?? "closed")
        fields.add("operations", "\(tally.operations.grouped) in \(String(format: "%.2f", seconds)) s")
        fields.add("throughput", "\(Int(rate).grouped) operations/s", style: .good)
        fields.add("found nobody", tally.missing > 0 ? tally.missing.grouped : nil, style: .notable)
        fields.add("never sent", tally.unsent > 0 ? "\(tally.unsent.grouped): the rate was not kept" : nil, style: .bad)
        fields.add("errors", tally.errors > 0 ? tally.errors.grouped : nil, style: .bad)
        fields.add("the first", tally.firstError)
        try fields.print()
        guard tally.operations > 0 else { return }
        try Output.line()
        try printPercentiles()
        try Output.line()
        try LatencyPlot(bars).print()
    }

    private func printPercentiles() throws(Failure) {
        var table = TextTable(["latency": .left, "": .right])
        table.add(.init("least"), .init(LatencyText.of(latencies.min)))
        for percentile in Self.percentiles {
            let name = percentile == percentile.rounded() ? "\(Int(percentile)) %" : "\(percentile) %"
            table.add(.init(name), .init(LatencyText.of(value(at: percentile))))
        }
        table.add(.init("most"), .init(LatencyText.of(latencies.max)))
        table.add(.init("mean"), .init(LatencyText.of(UInt64(latencies.mean))))
        try Output.table(table, empty: "")
    }

    /// Latencies in ranges that grow by the same factor.
    private var bars: [LatencyPlot.Bar] {
        guard tally.operations > 0 else { return [] }
        let (least, most) = (Double(max(latencies.min, 1)), Double(max(latencies.max, 2)))
        let steps = min(max(Int((log2(most / least) * 2).rounded(.up)), 1), LatencyPlot.linesMax)
        let factor = pow(most / least, 1 / Double(steps))
        var bars = (0..<steps).map { step in
            LatencyPlot.Bar(
                from: UInt64(least * pow(factor, Double(step))), to: UInt64(least * pow(factor, Double(step + 1))),
                count: 0)
        }
        for entry in latencies.recordedValues() {
            let step = factor > 1 ? Int(log(Double(max(entry.value, 1)) / least) / log(factor)) : 0
            bars[min(max(step, 0), steps - 1)].count += Int(entry.count)
        }
        return bars
    }

    // MARK: As a drawing

    /// The latency at each percentile.
    var chart: LatencyChart {
        let points = latencies.percentiles(ticksPerHalfDistance: 5).map { ($0.percentile, $0.value) }
        let loop = plan.rate.map { "open loop, \(Int($0).grouped)/s" } ?? "closed loop"
        return LatencyChart(
            title: "\(plan.mix.rawValue), \(target)",
            subtitle: "\(Int(rate).grouped) operations/s, \(loop), \(plan.connections) connections",
            points: points, operations: tally.operations)
    }
}
