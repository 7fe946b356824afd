internal import Dispatch
internal import Synchronization

/// Tells those who wait that something was committed by this process.
final class CommitSignal: Sendable {
    private struct State {
        var commits: UInt64 = 0
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Commits so far. To be read before looking for what one waits for.
    var commits: UInt64 { state.withLock(\.commits) }

    func notify() {
        let waiting = state.withLock { state in
            state.commits += 1
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once there are more commits than `commits`, when the time is over, or when the task is cancelled.
    func wait(beyond commits: UInt64, atMost milliseconds: Int) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = Task.isCancelled || milliseconds <= 0
                let waits = state.withLock { state in
                    guard !isOver, state.commits == commits else { return false }
                    state.waiting[id] = continuation
                    return true
                }
                guard waits else { return continuation.resume() }
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.release(id) }
            }
        } onCancel: {
            release(id)
        }
    }

    private func release(_ id: Int) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
