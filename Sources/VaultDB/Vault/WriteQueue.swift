internal import Dispatch
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

    /// What was handed in and is in no transaction yet.
    private struct Lineup {
        /// The last is the next one.
        var groups: [[WriteJob<Engine>]] = []
        /// Whether nothing is begun any more.
        var isRefused = false
    }

    private let engine: Engine
    /// The writer's thread is this process's own; see `Forks`.
    private let forks = Forks.count
    private let thread = Atomic<pthread_t>(0)
    private let handedIn = JobStack<Engine>()
    /// Groups stay here until the engine lets them write, so that others can refuse them while it does not.
    private let lineup = Mutex(Lineup())
    /// Jobs that were handed in and are in no transaction yet.
    private let waiting = Atomic<Int>(0)
    /// When the last group came to its end, or the first job after it came, in nanoseconds of the system's uptime.
    private let waitingSince = Atomic<UInt64>(0)
    /// Whether a group is in a transaction.
    private let isWriting = Atomic(false)
    private let isClosing = Atomic(false)
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Told of each commit.
    let committed = CommitSignal()
    /// Told once all answers of a group are delivered, or that of a write that was refused.
    let delivered = CommitSignal()
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

    /// Ends the writer and returns once it has done what is waiting, whoever closes first. Later writes are refused. Does not
    /// wait on the writer's own thread, nor in the child of a fork, which has none.
    func close() {
        guard forks == Forks.count else { return }
        isClosing.store(true, ordering: .releasing)
        wake.signal()
        if isWriter { return }
        ended.wait()
        ended.signal()
    }

    /// A commit may take so many times as long as is said; so may one that has to be run again, and waits for that.
    private static var closingPeriodsMax: Int { 6 }

    /// As `close`, but not for ever where the engine lets nobody write.
    /// - Returns: false where that takes more seconds than these. The writer waits on then, and nothing can be closed.
    func close(within seconds: Int) -> Bool {
        guard forks == Forks.count else { return true }
        // The engine too may want to write before it closes: this one tells whether it could.
        _ = submit { (_) throws(VaultError) in }
        isClosing.store(true, ordering: .releasing)
        wake.signal()
        for _ in 0..<Self.closingPeriodsMax {
            if ended.wait(timeout: .now() + .seconds(seconds)) == .success {
                ended.signal()
                return true
            }
            if !isWriting.load(ordering: .relaxed) { break }
        }
        return false
    }

    /// Refuses what is in no transaction yet, and all that comes later. Returns at once; what was begun goes on.
    func refuseWaiting() {
        guard forks == Forks.count else { return }
        isClosing.store(true, ordering: .releasing)
        let groups = lineup.withLock { lineup in
            lineup.isRefused = true
            defer { lineup.groups = [] }
            return lineup.groups
        }
        let jobs = groups.reversed().flatMap(\.self) + handedIn.takeAll(andClose: true)
        wake.signal()
        refuseWaiting(jobs)
    }

    private func refuseWaiting(_ jobs: [WriteJob<Engine>]) {
        waiting.subtract(jobs.count, ordering: .relaxed)
        finish(jobs, .notBegun)
    }

    var statistics: (commits: Int, jobs: Int, groupMax: Int, pending: Int) {
        (
            commits.load(ordering: .relaxed), jobs.load(ordering: .relaxed), groupMax.load(ordering: .relaxed),
            waiting.load(ordering: .relaxed)
        )
    }

    /// How long the oldest write has waited that is in no transaction yet, to within the time that one takes; zero where none
    /// waits.
    var oldestWait: Duration {
        guard waiting.load(ordering: .acquiring) > 0 else { return .zero }
        let (since, now) = (waitingSince.load(ordering: .relaxed), DispatchTime.now().uptimeNanoseconds)
        return now > since ? .nanoseconds(now - since) : .zero
    }

    /// The same where it is not this vault's own writer that it waits for; zero where it is.
    var oldestWaitForOthers: Duration { isWriting.load(ordering: .relaxed) ? .zero : oldestWait }

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

    /// Hands `body` in; `deliver` is called once, on the writer's thread, or on that of who refuses it.
    func enqueue<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Engine.Writer) throws(VaultError) -> Answer,
        _ deliver: @escaping @Sendable (Result<Answer, VaultError>) -> Void
    ) {
        handIn(DeliveredWrite<Engine, Answer>(body, deliver))
    }

    private var isWriter: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    private func refuse(_ job: WriteJob<Engine>, _ error: VaultError) {
        job.finish(error)
        delivered.notify()
        job.wake()
    }

    private func handIn(_ job: WriteJob<Engine>) {
        guard forks == Forks.count else {
            return refuse(job, VaultError(.misuse, "the vault was opened before fork", advice: "open it in the child"))
        }
        if job.isAwaited, isWriter {
            return refuse(
                job, VaultError(.misuse, "a write would wait for itself", advice: "write from outside of callbacks"))
        }
        if waiting.load(ordering: .relaxed) == 0 { noteTime() }
        guard waiting.add(1, ordering: .releasing).newValue <= Limits.writesPendingMax else {
            waiting.subtract(1, ordering: .relaxed)
            return refuse(
                job, VaultError(.busy, "\(Limits.writesPendingMax) writes are waiting", advice: "try again later"))
        }
        switch handedIn.push(job) {
        case .first: wake.signal()
        case .further: break
        case .refused:
            waiting.subtract(1, ordering: .relaxed)
            refuse(job, lineup.withLock(\.isRefused) ? .notBegun : .closed)
        }
    }

    private func noteTime() { waitingSince.store(DispatchTime.now().uptimeNanoseconds, ordering: .relaxed) }

    // MARK: The writer's thread

    private func run() {
        thread.store(pthread_self(), ordering: .relaxed)
        // Not again before the next write or the next care, where it failed.
        var settles = true
        // However busy the vault is: what a dead reader holds makes the file grow with each write.
        var nextCare = DispatchTime.now() + careInterval
        while true {
            let hasDeferredWork = settles && engine.hasDeferredWork
            let patience = hasDeferredWork ? .now() + Self.settlingDelay : nextCare
            if wake.wait(timeout: patience) == .timedOut {
                if hasDeferredWork { settles = (try? engine.doDeferredWork()) != nil }
            } else {
                settles = true
            }
            let isClosing = isClosing.load(ordering: .acquiring)
            let jobs = handedIn.takeAll(andClose: isClosing)
            lineUp(
                stride(from: 0, to: jobs.count, by: Limits.writesPerCommitMax).map {
                    Array(jobs[$0...].prefix(Limits.writesPerCommitMax))
                })
            while lineup.withLock({ !$0.groups.isEmpty }) { commitNext() }
            if isClosing { break }
            if DispatchTime.now() >= nextCare {
                try? engine.maintain()
                settles = true
                nextCare = .now() + careInterval
            }
        }
        ended.signal()
    }

    /// Has these groups come next, one after the other.
    private func lineUp(_ groups: [[WriteJob<Engine>]]) {
        let isRefused = lineup.withLock { lineup in
            if !lineup.isRefused { lineup.groups += groups.reversed() }
            return lineup.isRefused
        }
        if isRefused { refuseWaiting(groups.flatMap(\.self)) }
    }

    /// - Returns: nothing where it was refused meanwhile.
    private func takeNext() -> [WriteJob<Engine>] {
        let group = lineup.withLock { $0.groups.popLast() } ?? []
        waiting.subtract(group.count, ordering: .relaxed)
        return group
    }

    private func commitNext() {
        var group: [WriteJob<Engine>] = []
        // One that writes nothing is no commit, and somebody else may have its number.
        var number = 0
        defer {
            noteTime()
            isWriting.store(false, ordering: .relaxed)
        }
        do throws(GroupSpoiled) {
            try engine.write { (transaction) throws(GroupSpoiled) in
                isWriting.store(true, ordering: .relaxed)
                // The engine may run this again.
                if group.isEmpty { group = takeNext() }
                if transaction.commit != lastCommit.load(ordering: .relaxed) + 1 {
                    foreign.add(1, ordering: .relaxed)
                }
                defer { number = transaction.writeCount > 0 ? transaction.commit : 0 }
                for job in group {
                    let before = transaction.writeCount
                    if !job.run(&transaction), transaction.writeCount != before { throw GroupSpoiled() }
                }
                // What one of them takes away is no reason to let the others in. Where there is no room each runs alone.
                if group.count > 1 { transaction.givesBack = false }
            }
            if group.isEmpty { return }
            lastCommit.store(number, ordering: .relaxed)
            commits.add(1, ordering: .relaxed)
            jobs.add(group.count, ordering: .relaxed)
            groupMax.max(group.count, ordering: .relaxed)
            committed.notify()
            finish(group, nil)
        } catch {
            if group.isEmpty { group = takeNext() }
            guard group.count > 1 else { return finish(group, error.storage.map(VaultError.init(storage:))) }
            waiting.add(group.count, ordering: .relaxed)
            lineUp(group.map { [$0] })
        }
    }

    private func finish(_ group: [WriteJob<Engine>], _ error: VaultError?) {
        for job in group { job.finish(error) }
        delivered.notify()
        WakeTree(group).begin()
    }
}

extension VaultError {
    fileprivate static let closed = VaultError(
        .misuse, "the vault is closed", advice: "keep the Vault for as long as its organizations are used")
    /// Of a write that nothing was done of.
    fileprivate static let notBegun = VaultError(
        .busy, "the vault is being closed, and the write was not begun", advice: "try again later")
}
