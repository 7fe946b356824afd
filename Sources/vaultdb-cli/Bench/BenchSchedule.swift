import Glibc

/// When a connection's requests are to begin. In an open loop that is settled beforehand, so a request that has to wait
/// for its turn has waited from then on: nothing is left out because an answer was slow.
struct BenchSchedule {
    /// Nanoseconds between two requests; nil in a closed loop.
    private let interval: Double?
    private let first: Double
    private var begun = 0

    init(_ plan: BenchPlan, from start: UInt64, connection: Int) {
        interval = plan.rate.map { Double(plan.connections) * 1e9 / $0 }
        first = Double(start) + (interval ?? 0) * Double(connection) / Double(plan.connections)
    }

    /// When the next request is due; nil where that is now.
    var due: UInt64? { interval.map { UInt64(first + Double(begun) * $0) } }

    mutating func begin() { begun += 1 }

    /// Requests that were due before `end` and did not begin.
    func unsent(before end: UInt64) -> Int {
        guard let interval, Double(end) > first else { return 0 }
        return max(Int(((Double(end) - first) / interval).rounded(.up)) - begun, 0)
    }
}

/// Waiting to the microsecond.
enum BenchPause {
    /// What the system may oversleep; for so long this program looks at the clock instead.
    static let spinNanoseconds: UInt64 = 100_000
    /// For how long nobody looks whether there is still something to wait for.
    private static let sleepNanosecondsMax: UInt64 = 100_000_000

    /// Ends before its time where the phase is over.
    static func wait(until time: UInt64, in phase: BenchPhase) {
        while true {
            let now = Clock.nanoseconds
            guard now < time, !phase.isOver(at: now) else { return }
            guard time - now > spinNanoseconds else { continue }
            let rest = min(time - now - spinNanoseconds, sleepNanosecondsMax)
            var span = timespec(tv_sec: Int(rest / 1_000_000_000), tv_nsec: Int(rest % 1_000_000_000))
            nanosleep(&span, nil)
        }
    }
}
