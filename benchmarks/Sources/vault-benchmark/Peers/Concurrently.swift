import Foundation
import Synchronization

/// Runs `body` once in each of so many threads at the same time.
/// - Returns: the nanoseconds until the last was done, and what they answered.
func concurrently<Answer: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Answer
) throws -> (nanoseconds: Double, answers: [Answer]) {
    let results = Mutex<[Result<Answer, any Error>]>([])
    let gate = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    for number in 0..<count {
        let thread = Thread {
            gate.wait()
            let result = Result { try body(number) }
            results.withLock { $0.append(result) }
            done.signal()
        }
        thread.start()
    }
    let nanoseconds = nanosecondsEach(1) {
        for _ in 0..<count { gate.signal() }
        for _ in 0..<count { done.wait() }
    }
    return (nanoseconds, try results.withLock(\.self).map { try $0.get() })
}

/// Hands a value to other threads that use it in turn, or only read it: the caller sees to that.
struct Shared<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
