import Synchronization

/// A stretch of work that ends at a time or after a number of operations, and counts what is done.
final class BenchPhase: Sendable {
    let start: UInt64
    /// When it ends; never where operations are counted.
    let end: UInt64
    private let left: Atomic<Int>
    private let finished = Atomic<Int>(0)
    private let isCancelled = Atomic<Bool>(false)
    private let total: Int?

    init(_ length: BenchPlan.Length, from start: UInt64) {
        self.start = start
        switch length {
        case .seconds(let seconds):
            end = start + UInt64(seconds * 1e9)
            left = Atomic(.max)
            total = nil
        case .operations(let count):
            end = .max
            left = Atomic(count)
            total = count
        }
    }

    /// Whether one more may begin at `now`; it counts as begun.
    func begins(at now: UInt64) -> Bool {
        guard now < end, !isStopped else { return false }
        return total == nil || left.wrappingSubtract(1, ordering: .relaxed).oldValue > 0
    }

    func isOver(at now: UInt64) -> Bool {
        now >= end || isStopped || left.load(ordering: .relaxed) <= 0
    }

    private var isStopped: Bool { Interruption.isWished || isCancelled.load(ordering: .relaxed) }

    /// Lets nothing more begin, because one of those who work has failed.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    func finish(_ count: Int) { finished.wrappingAdd(count, ordering: .relaxed) }

    var done: Int { finished.load(ordering: .relaxed) }

    /// Of the whole.
    func share(at now: UInt64) -> Double {
        if let total { return Double(done) / Double(total) }
        return Double(now > start ? now - start : 0) / Double(end - start)
    }
}
