internal import Dispatch
internal import Storage

/// One waiting write, whatever it answers. Used by one thread at a time: the caller's until it is handed in, the
/// writer's from then on, or that of who refuses what waits, and the caller's again once it is woken; hence `@unchecked`.
class WriteJob<Engine: StorageEngine>: @unchecked Sendable {
    typealias Body<Answer> = @Sendable (inout Engine.Writer) throws(VaultError) -> Answer

    /// The job that was handed in before, while both wait.
    var before: UInt = 0
    /// Whether a thread waits for the end of it and does nothing else before.
    let isAwaited: Bool

    init(isAwaited: Bool) { self.isAwaited = isAwaited }

    /// Runs on a transaction, perhaps not for the first time. False where the job itself failed.
    func run(_ transaction: inout Engine.Writer) -> Bool { false }

    /// The answer of the last run is to be delivered, or what kept the whole transaction from being committed.
    func finish(_ error: VaultError?) {}

    /// Wakes who waits for it, when it is finished.
    func wake() {}

    /// Likewise, one who has to wake others first.
    func wake(_ others: WakeTree<Engine>, _ number: Int) { wake() }
}

/// A write of some answer.
class BodyJob<Engine: StorageEngine, Answer: Sendable>: WriteJob<Engine>, @unchecked Sendable {
    private let body: Body<Answer>
    /// Of the last run.
    private var result: Result<Answer, VaultError>?

    init(_ body: @escaping Body<Answer>, isAwaited: Bool) {
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

    var answer: Result<Answer, VaultError> {
        result ?? .failure(VaultError(.cancelled, "the write was given up"))
    }
}

/// A write whose caller waits for it.
final class PendingWrite<Engine: StorageEngine, Answer: Sendable>: BodyJob<Engine, Answer>, @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var others: (tree: WakeTree<Engine>, number: Int)?

    override func wake() { done.signal() }

    override func wake(_ others: WakeTree<Engine>, _ number: Int) {
        self.others = (others, number)
        done.signal()
    }

    /// Blocks until it is committed. To be called once.
    func wait() throws(VaultError) -> Answer {
        done.wait()
        if let (tree, number) = others.take() { tree.goOn(after: number) }
        return try answer.get()
    }
}

/// A write whose answer is handed over on the writer's thread.
final class DeliveredWrite<Engine: StorageEngine, Answer: Sendable>:
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
