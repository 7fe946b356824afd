import Dispatch
import Synchronization

/// What came of a task, handed to the thread that waits for it.
final class ServeEnding<Answer: Sendable>: Sendable {
    private let result = Mutex<Result<Answer, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func set(_ result: Result<Answer, any Error>) {
        self.result.withLock { $0 = result }
        done.signal()
    }

    /// To be called once.
    func wait() throws -> Answer {
        done.wait()
        guard let result = result.withLock(\.self) else { throw Failure(.failed, "the task ended without an answer") }
        return try result.get()
    }
}
