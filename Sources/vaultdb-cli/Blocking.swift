import Dispatch
import Synchronization

/// Asynchronous work, for a thread that has nothing else to do than to wait for it.
enum Blocking {
    /// Runs `body` to its end.
    static func wait<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) throws -> Answer {
        let outcome = Outcome<Answer>()
        Task { outcome.set(await Result(asyncly: body)) }
        return try outcome.wait()
    }

    /// What came of a task, handed to the thread that waits for it.
    private final class Outcome<Answer: Sendable>: Sendable {
        private let result = Mutex<Result<Answer, any Error>?>(nil)
        private let done = DispatchSemaphore(value: 0)

        func set(_ result: Result<Answer, any Error>) {
            self.result.withLock { $0 = result }
            done.signal()
        }

        /// To be called once.
        func wait() throws -> Answer {
            done.wait()
            guard let result = result.withLock(\.self) else {
                throw Failure(.failed, "the task ended without an answer")
            }
            return try result.get()
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(asyncly body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
