import Histogram

/// What came of a run, or of one connection's part of it.
struct BenchTally: Sendable {
    /// An hour: longer counts as an hour.
    private static let nanosecondsMax: UInt64 = 3_600_000_000_000

    private(set) var latencies = Histogram<UInt64>(
        highestTrackableValue: nanosecondsMax, numberOfSignificantValueDigits: .three)
    /// Finds that found nobody.
    private(set) var missing = 0
    private(set) var errors = 0
    private(set) var firstError: String?
    /// Requests of an open loop whose time came before the end and that were never sent.
    var unsent = 0
    /// When the last answer came.
    private(set) var ended: UInt64 = 0

    var operations: Int { Int(latencies.totalCount) }

    mutating func add(_ answer: BenchAnswer, from start: UInt64, to end: UInt64) {
        latencies.record(min(end > start ? end - start : 0, Self.nanosecondsMax))
        ended = max(ended, end)
        switch answer {
        case .found: break
        case .missing: missing += 1
        case .failed(let message):
            errors += 1
            firstError = firstError ?? message
        }
    }

    mutating func add(_ other: BenchTally) {
        latencies.add(other.latencies)
        missing += other.missing
        errors += other.errors
        firstError = firstError ?? other.firstError
        unsent += other.unsent
        ended = max(ended, other.ended)
    }
}

/// What an operation was answered.
enum BenchAnswer {
    case found
    case missing
    case failed(String)
}
