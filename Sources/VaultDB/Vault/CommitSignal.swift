internal import Dispatch
internal import Synchronization

/// Tells those who wait that something was committed: by this process at once, by another where somebody looks for it.
package final class CommitSignal: Sendable {
    package typealias Waiter = @Sendable () -> Void

    private struct State {
        var commits: UInt64 = 0
        /// The newest commit that `note` was told of.
        var noted = -1
        var lastID = 0
        /// Called at each commit until they are removed, or at the next one only.
        var waiters: [Int: (wake: Waiter, isOnce: Bool)] = [:]

        mutating func add(_ waiter: @escaping Waiter, isOnce: Bool) -> Int {
            lastID += 1
            waiters[lastID] = (waiter, isOnce)
            return lastID
        }
    }

    private let state = Mutex(State())

    /// Commits of this process so far. To be read before looking for what one waits for.
    var commits: UInt64 { state.withLock(\.commits) }

    /// Whether anybody waits.
    package var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Calls `waiter` at each commit from now on, on whatever thread makes it, so it must not block.
    /// - Returns: what `remove` takes.
    package func add(_ waiter: @escaping Waiter) -> Int { state.withLock { $0.add(waiter, isOnce: false) } }

    package func remove(_ id: Int) { state.withLock { _ = $0.waiters.removeValue(forKey: id) } }

    /// Something was committed by this process.
    func notify() {
        wake { $0.commits += 1 }
    }

    /// Wakes if another commit than at the last call is the newest: another process may have made it.
    package func note(commit: Int) {
        let isNew = state.withLock { state in
            defer { state.noted = commit }
            return state.noted != commit
        }
        if isNew { wake { _ in } }
    }

    private func wake(_ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            let all = state.waiters
            state.waiters = all.filter { !$0.value.isOnce }
            return all.values
        }
        for waiter in waiters { waiter.wake() }
    }

    /// Returns once there are more commits than `commits`, when the time is over, or when the task is cancelled.
    func wait(beyond commits: UInt64, atMost milliseconds: Int) async {
        let ticket = Mutex<Int?>(nil)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = Task.isCancelled || milliseconds <= 0
                let id = state.withLock { state -> Int? in
                    guard !isOver, state.commits == commits else { return nil }
                    return state.add({ continuation.resume() }, isOnce: true)
                }
                guard let id else { return continuation.resume() }
                ticket.withLock { $0 = id }
                // A task that was cancelled before its ticket was known.
                if Task.isCancelled { release(id) }
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.release(id) }
            }
        } onCancel: {
            if let id = ticket.withLock(\.self) { release(id) }
        }
    }

    /// Wakes one that waits for the next commit, if it still does.
    private func release(_ id: Int) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.wake()
    }
}
