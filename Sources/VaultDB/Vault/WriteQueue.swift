internal import Dispatch
internal import Foundation
internal import Glibc
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
    /// The number of the last commit made here; 0 where the last transaction wrote nothing.
    private let lastCommit = Atomic<Int>(0)
    /// See `foreignCommits`. What was before the first commit counts.
    private let foreign = Atomic<Int>(1)
    /// How often readers that died are looked for.
    private let careInterval: DispatchTimeInterval
    /// With nothing to write for so long, the writer does a little of what the engine has put off, and so on: most of the
    /// time is left to those who read.
    private static var settlingDelay: DispatchTimeInterval { .milliseconds(20) }

    /// - Parameter niceness: see `VaultOptions.writerNiceness`.
    /// - Throws: `system` where the system gives no thread.
    init(
        engine: Engine, niceness: Int = 0, careInterval: DispatchTimeInterval = .seconds(60)
    ) throws(VaultError) {
        self.engine = engine
        self.careInterval = careInterval
        let code = startThread(named: "vaultdb.writer", stackBytes: 8 << 20) { [self] in
            // On Linux that is the thread's alone, and that of those it starts.
            if niceness > 0 { _ = nice(Int32(clamping: niceness)) }
            run()
        }
        if code != 0 {
            throw VaultError(
                .system, "the writer's thread can't be started: \(systemMessage(code))",
                advice: "let the process have more threads and memory")
        }
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

    /// An epoch of the file: it rises whenever another process, or another queue, may have committed since this queue's
    /// last commit. So what a write has read holds in later writes of the queue for as long as this is the same, unless
    /// they changed it themselves. To be asked within a write.
    var foreignCommits: Int { foreign.load(ordering: .relaxed) }

    /// Has later writes look again at what earlier ones have read, as after a commit of another process.
    func forgetWhatWasRead() { foreign.add(1, ordering: .relaxed) }

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
        let pending = PendingWrite<Engine, Answer>(body, isAwaited: true)
        handIn(pending)
        return try pending.wait()
    }

    /// Hands `body` in and returns at once, so that the caller can prepare the next while this one is written.
    func submit<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer
    ) -> PendingWrite<Engine, Answer> {
        let pending = PendingWrite<Engine, Answer>(body, isAwaited: false)
        handIn(pending)
        return pending
    }

    /// Hands `body` in; `deliver` is called once, on the writer's thread, or at once where it is refused.
    func enqueue<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer,
        _ deliver: @escaping @Sendable (Result<Answer, VaultError>) -> Void
    ) {
        handIn(DeliveredWrite<Engine, Answer>(body, deliver))
    }

    private func handIn(_ job: WriteJob<Engine>) {
        guard waiting.add(1, ordering: .relaxed).newValue <= Limits.writesPendingMax else {
            waiting.subtract(1, ordering: .relaxed)
            job.finish(
                VaultError(.busy, "\(Limits.writesPendingMax) writes are waiting", advice: "try again later"))
            return job.wake()
        }
        switch handedIn.push(job) {
        case .first: wake.signal()
        case .further: break
        case .refused:
            waiting.subtract(1, ordering: .relaxed)
            job.finish(VaultError(.misuse, "the vault is closed"))
            job.wake()
        }
    }

    // MARK: The writer's thread

    private func run() {
        // Not again before the next write or the next care, where it failed.
        var settles = true
        // However busy the vault is: what a dead reader holds makes the file grow with each write.
        var nextCare = DispatchTime.now() + careInterval
        while true {
            let isUnsettled = settles && engine.isUnsettled
            let patience = isUnsettled ? .now() + Self.settlingDelay : nextCare
            if wake.wait(timeout: patience) == .timedOut {
                if isUnsettled { settles = (try? engine.settle()) != nil }
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
            if DispatchTime.now() >= nextCare {
                try? engine.maintain()
                settles = true
                nextCare = .now() + careInterval
            }
        }
        ended.signal()
    }

    private func commit(_ group: [WriteJob<Engine>]) {
        // One that writes nothing is no commit, and somebody else may have its number.
        var number = 0
        do throws(GroupSpoiled) {
            try engine.write { (transaction) throws(GroupSpoiled) in
                if transaction.commit != lastCommit.load(ordering: .relaxed) + 1 {
                    foreign.add(1, ordering: .relaxed)
                }
                defer { number = transaction.writeCount > 0 ? transaction.commit : 0 }
                for job in group {
                    let before = transaction.writeCount
                    if !job.run(&transaction), transaction.writeCount != before { throw GroupSpoiled() }
                }
            }
            lastCommit.store(number, ordering: .relaxed)
            commits.add(1, ordering: .relaxed)
            jobs.add(group.count, ordering: .relaxed)
            groupMax.max(group.count, ordering: .relaxed)
            committed.notify()
            finish(group, nil)
        } catch {
            guard group.count == 1 else {
                for job in group { commit([job]) }
                return
            }
            finish(group, error.storage.map(VaultError.init(storage:)))
        }
    }

    private func finish(_ group: [WriteJob<Engine>], _ error: VaultError?) {
        for job in group { job.finish(error) }
        Awakening(group).begin()
    }
}

/// One waiting write, whatever it answers. Used by one thread at a time: the caller's until it is handed in, the
/// writer's from then on, and the caller's again once it is woken; hence `@unchecked`.
class WriteJob<Engine: StorageEngine>: @unchecked Sendable {
    fileprivate typealias Body<Answer> = @Sendable (inout Engine.Writer) throws(VaultError) -> Answer

    /// The job that was handed in before, while both wait.
    var before: UInt = 0
    /// Whether a thread waits for the end of it and does nothing else before.
    fileprivate let isAwaited: Bool

    fileprivate init(isAwaited: Bool) { self.isAwaited = isAwaited }

    /// Runs on a transaction, perhaps not for the first time. False where the job itself failed.
    func run(_ transaction: inout Engine.Writer) -> Bool { false }

    /// The answer of the last run is to be delivered, or what kept the whole transaction from being committed.
    func finish(_ error: VaultError?) {}

    /// Wakes who waits for it, when it is finished.
    func wake() {}

    /// Likewise, one who has to wake others first.
    fileprivate func wake(_ others: Awakening<Engine>, _ number: Int) { wake() }
}

/// The end of a group whose callers sleep. Waking them would take the writer a sixth of its time, so it wakes a few, each of
/// whom wakes a few more before he goes on.
private final class Awakening<Engine: StorageEngine>: Sendable {
    private static var width: Int { 4 }
    private let asleep: [WriteJob<Engine>]

    /// - Parameter group: all of it finished. Who may be doing something else is woken at once.
    init(_ group: [WriteJob<Engine>]) {
        for job in group where !job.isAwaited { job.wake() }
        asleep = group.filter(\.isAwaited)
    }

    func begin() { goOn(after: -1) }

    /// The tree of those who wake others: its root is the writer, before the first.
    func goOn(after number: Int) {
        let first = Self.width * (number + 1)
        for next in first..<first + Self.width where next < asleep.count { asleep[next].wake(self, next) }
    }
}

/// A write of some answer.
class BodyJob<Engine: StorageEngine, Answer: Sendable>: WriteJob<Engine>, @unchecked Sendable {
    private let body: Body<Answer>
    /// Of the last run.
    fileprivate var result: Result<Answer, VaultError>?

    fileprivate init(_ body: @escaping Body<Answer>, isAwaited: Bool) {
        self.body = body
        super.init(isAwaited: isAwaited)
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
        if let error { result = .failure(error) }
    }

    fileprivate var answer: Result<Answer, VaultError> {
        result ?? .failure(VaultError(.cancelled, "the write was given up"))
    }
}

/// A write whose caller waits for it.
final class PendingWrite<Engine: StorageEngine, Answer: Sendable>: BodyJob<Engine, Answer>, @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var others: (awakening: Awakening<Engine>, number: Int)?

    override func wake() { done.signal() }

    fileprivate override func wake(_ others: Awakening<Engine>, _ number: Int) {
        self.others = (others, number)
        done.signal()
    }

    /// Blocks until it is committed. To be called once.
    func wait() throws(VaultError) -> Answer {
        done.wait()
        if let (awakening, number) = others.take() { awakening.goOn(after: number) }
        return try answer.get()
    }
}

/// A write whose answer is handed over on the writer's thread.
private final class DeliveredWrite<Engine: StorageEngine, Answer: Sendable>:
    BodyJob<Engine, Answer>, @unchecked Sendable
{
    private let deliver: @Sendable (Result<Answer, VaultError>) -> Void

    init(_ body: @escaping Body<Answer>, _ deliver: @escaping @Sendable (Result<Answer, VaultError>) -> Void) {
        self.deliver = deliver
        super.init(body, isAwaited: false)
    }

    override func finish(_ error: VaultError?) {
        super.finish(error)
        deliver(answer)
    }
}

/// Runs `body` on a thread of its own, which nobody waits for. Foundation's threads don't say that the system refused one.
/// - Returns: 0, or the number of the error.
private func startThread(named name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void) -> Int32 {
    final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    defer {
        pthread_attr_destroy(attributes)
        attributes.deallocate()
    }
    pthread_attr_setstacksize(attributes, stackBytes)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    let start = Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, attributes,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            Thread.current.name = start.name
            start.body()
            return nil
        }, start.toOpaque())
    if code != 0 { start.release() }
    return code
}
