internal import Synchronization

/// Wakes those who wait for events when something may have been committed.
final class ChangeSignal: Sendable {
    typealias Waiter = @Sendable () -> Void

    private struct State {
        var waiters: [Int: Waiter] = [:]
        var lastCommit = -1
    }

    private let waitersMax: Int
    private let state = Mutex(State())
    /// So that a write costs no lock while nobody waits.
    private let waiterCount = Atomic<Int>(0)

    init(waitersMax: Int) { self.waitersMax = waitersMax }

    /// Calls `waiter` at each signal until it is removed. One per key.
    /// - Returns: false where too many wait already.
    func add(_ key: Int, _ waiter: @escaping Waiter) -> Bool {
        let isAdded = state.withLock { state in
            guard state.waiters.count < waitersMax else { return false }
            state.waiters[key] = waiter
            return true
        }
        if isAdded { waiterCount.add(1, ordering: .sequentiallyConsistent) }
        return isAdded
    }

    func remove(_ key: Int) {
        let isRemoved = state.withLock { $0.waiters.removeValue(forKey: key) != nil }
        if isRemoved { waiterCount.subtract(1, ordering: .sequentiallyConsistent) }
    }

    var isAwaited: Bool { waiterCount.load(ordering: .sequentiallyConsistent) > 0 }

    func wake() {
        guard isAwaited else { return }
        for waiter in state.withLock({ Array($0.waiters.values) }) { waiter() }
    }

    /// Wakes if another commit than at the last call is the newest: another process may have made it.
    func note(commit: Int) {
        let isNew = state.withLock { state in
            defer { state.lastCommit = commit }
            return state.lastCommit != commit
        }
        if isNew { wake() }
    }
}
