internal import Dispatch
internal import Foundation
internal import Storage
internal import Synchronization

/// The one writer of a vault: a thread that drains what is waiting into one transaction, commits once, and then
/// answers everybody.
///
/// A job that fails after it has written spoils its group: the group is rolled back and its jobs run again one by one,
/// so that a failure is its own job's alone.
final class WriteQueue<Engine: StorageEngine>: Sendable {
    private struct GroupSpoiled: StorageFailure {
        var storage: StorageError?
        init(storage: StorageError) { self.storage = storage }
        init() {}
    }

    private let engine: Engine
    private let handedIn = JobStack<Engine>()
    /// Jobs that were handed in and are in no group yet.
    private let waiting = Atomic<Int>(0)
    private let isClosing = Atomic(false)
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Told of each commit.
    let committed = CommitSignal()
    /// Commits so far, and the jobs in them: their quotient is the size of a group.
    private let commits = Atomic<Int>(0)
    private let jobs = Atomic<Int>(0)
    /// Jobs of the largest group.
    private let groupMax = Atomic<Int>(0)
    /// How often readers that died are looked for.
    private static var careInterval: DispatchTimeInterval { .seconds(60) }
    /// With nothing to write for so long, the writer does a little of what the engine has put off, and so on: most of the
    /// time is left to those who read.
    private static var settlingDelay: DispatchTimeInterval { .milliseconds(20) }

    init(engine: Engine) {
        self.engine = engine
        let thread = Thread { [self] in run() }
        thread.name = "vaultdb.writer"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Ends the writer and returns once it has done what is waiting, whoever closes first. Later writes are refused.
    func close() {
        isClosing.store(true, ordering: .releasing)
        wake.signal()
        ended.wait()
        ended.signal()
    }

    var statistics: (commits: Int, jobs: Int, groupMax: Int, pending: Int) {
        (
            commits.load(ordering: .relaxed), jobs.load(ordering: .relaxed), groupMax.load(ordering: .relaxed),
            waiting.load(ordering: .relaxed)
        )
    }

    /// Runs `body` in a transaction that others may share, and returns once it is committed.
    func write<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer
    ) async throws(VaultError) -> Answer {
        let result: Result<Answer, VaultError> = await withCheckedContinuation { continuation in
            enqueue(body) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// The blocking twin of `write`. Not to be called from a write's own closure.
    func writeBlocking<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        try submit(body).wait()
    }

    /// Hands `body` in and returns at once, so that the caller can prepare the next while this one is written.
    func submit<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer
    ) -> PendingWrite<Answer> {
        let pending = PendingWrite<Answer>()
        enqueue(body) { pending.fulfil($0) }
        return pending
    }

    /// Hands `body` in; `deliver` is called once, on the writer's thread, or at once where it is refused.
    func enqueue<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer,
        _ deliver: @escaping @Sendable (Result<Answer, VaultError>) -> Void
    ) {
        let job = BodyJob<Engine, Answer>(body, deliver)
        guard waiting.add(1, ordering: .relaxed).newValue <= Limits.writesPendingMax else {
            waiting.subtract(1, ordering: .relaxed)
            return job.finish(
                VaultError(.busy, "\(Limits.writesPendingMax) writes are waiting", advice: "try again later"))
        }
        switch handedIn.push(job) {
        case .first: wake.signal()
        case .further: break
        case .refused:
            waiting.subtract(1, ordering: .relaxed)
            job.finish(VaultError(.misuse, "the vault is closed"))
        }
    }

    // MARK: The writer's thread

    private func run() {
        // Not again before the next write, where it failed.
        var settles = true
        while true {
            let isUnsettled = settles && engine.isUnsettled
            let patience = isUnsettled ? Self.settlingDelay : Self.careInterval
            if wake.wait(timeout: .now() + patience) == .timedOut {
                if isUnsettled { settles = (try? engine.settle()) != nil } else { try? engine.maintain() }
            } else {
                settles = true
            }
            let isClosing = isClosing.load(ordering: .acquiring)
            var jobs = handedIn.takeAll(andClose: isClosing)[...]
            while !jobs.isEmpty {
                let group = jobs.prefix(Limits.writesPerCommitMax)
                jobs = jobs.dropFirst(group.count)
                waiting.subtract(group.count, ordering: .relaxed)
                commit(Array(group))
            }
            if isClosing { break }
        }
        ended.signal()
    }

    private func commit(_ group: [WriteJob<Engine>]) {
        do throws(GroupSpoiled) {
            try engine.write { (transaction) throws(GroupSpoiled) in
                for job in group {
                    let before = transaction.writeCount
                    if !job.run(&transaction), transaction.writeCount != before { throw GroupSpoiled() }
                }
            }
            commits.add(1, ordering: .relaxed)
            jobs.add(group.count, ordering: .relaxed)
            groupMax.max(group.count, ordering: .relaxed)
            committed.notify()
            for job in group { job.finish(nil) }
        } catch {
            guard group.count == 1 else {
                for job in group { commit([job]) }
                return
            }
            group[0].finish(error.storage.map(VaultError.init(storage:)))
        }
    }
}

/// A write that was handed in.
final class PendingWrite<Answer: Sendable>: Sendable {
    private let result = Mutex<Result<Answer, VaultError>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    fileprivate func fulfil(_ result: Result<Answer, VaultError>) {
        self.result.withLock { $0 = result }
        done.signal()
    }

    /// Blocks until it is committed. To be called once.
    func wait() throws(VaultError) -> Answer {
        done.wait()
        guard let result = result.withLock(\.self) else { throw VaultError(.cancelled, "the write was given up") }
        return try result.get()
    }
}

/// One waiting write, whatever it answers. Used by one thread at a time: the caller's until it is enqueued, the
/// writer's from then on; hence `@unchecked`.
class WriteJob<Engine: StorageEngine>: @unchecked Sendable {
    /// The job that was handed in before, while both wait.
    var before: UInt = 0

    /// Runs on a transaction, perhaps not for the first time. False where the job itself failed.
    func run(_ transaction: inout Engine.Writer) -> Bool { false }

    /// Delivers the answer of the last run, or what kept the whole transaction from being committed.
    func finish(_ error: VaultError?) {}
}

private final class BodyJob<Engine: StorageEngine, Answer: Sendable>: WriteJob<Engine>, @unchecked Sendable {
    private let body: @Sendable (inout Engine.Writer) throws(VaultError) -> Answer
    private let deliver: @Sendable (Result<Answer, VaultError>) -> Void
    private var result: Result<Answer, VaultError>?

    init(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer,
        _ deliver: @escaping @Sendable (Result<Answer, VaultError>) -> Void
    ) {
        self.body = body
        self.deliver = deliver
    }

    override func run(_ transaction: inout Engine.Writer) -> Bool {
        do throws(VaultError) {
            result = .success(try body(&transaction))
            return true
        } catch {
            result = .failure(error)
            return false
        }
    }

    override func finish(_ error: VaultError?) {
        if let error { return deliver(.failure(error)) }
        deliver(result ?? .failure(VaultError(.cancelled, "the write was not run")))
    }
}
