internal import Storage
internal import Synchronization

/// Jobs that wait for the writer: anybody puts one on top, the writer takes all. Without a lock, because those who wait
/// for a commit come back all at once.
final class JobStack<Engine: StorageEngine>: Sendable {
    enum Push {
        /// None was waiting.
        case first
        case further
        /// It was closed before.
        case refused
    }

    /// The address of the job on top; 0 for none, `closed` for good.
    private let top = Atomic<UInt>(0)
    private static var closed: UInt { .max }

    deinit { _ = takeAll(andClose: true) }

    func push(_ job: WriteJob<Engine>) -> Push {
        let address = UInt(bitPattern: Unmanaged.passRetained(job).toOpaque())
        var known = top.load(ordering: .relaxed)
        while known != Self.closed {
            job.before = known
            let (exchanged, original) = top.weakCompareExchange(
                expected: known, desired: address, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return known == 0 ? .first : .further }
            known = original
        }
        _ = Self.take(address)
        return .refused
    }

    /// All that are waiting, in the order in which they came.
    func takeAll(andClose closes: Bool) -> [WriteJob<Engine>] {
        var next = top.exchange(closes ? Self.closed : 0, ordering: .acquiring)
        var jobs: [WriteJob<Engine>] = []
        while next != 0, next != Self.closed {
            let job = Self.take(next)
            jobs.append(job)
            next = job.before
        }
        jobs.reverse()
        return jobs
    }

    private static func take(_ address: UInt) -> WriteJob<Engine> {
        // Only addresses of jobs that were retained for the stack come here.
        Unmanaged<WriteJob<Engine>>.fromOpaque(UnsafeRawPointer(bitPattern: address)!).takeRetainedValue()
    }
}
