public import Storage
internal import Synchronization

/// Which operation of a `MemoryEngine` fails, and how. Every get, scan start, scan step, put and delete counts as one.
public final class FaultPlan: Sendable {
    private struct State {
        var count = 0
        var operation: (number: Int, error: StorageError)?
        var commit: StorageError?
        var conflicts = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Operations since the plan was last armed or disarmed.
    public var operationCount: Int { state.withLock { $0.count } }

    /// Lets the `n`-th operation from now on, counted from one, throw `error`, once.
    public func failOperation(_ n: Int, with error: StorageError) {
        state.withLock { state in
            state.count = 0
            state.operation = (n, error)
        }
    }

    /// Lets the next commit throw `error`, once.
    public func failCommit(with error: StorageError) {
        state.withLock { state in
            state.count = 0
            state.commit = error
        }
    }

    public func disarm() {
        state.withLock { state in
            state.count = 0
            state.operation = nil
            state.commit = nil
        }
    }

    /// Conflicts thrown so far. Reads should stay out of a test that plans one: theirs would count too.
    var conflictCount: Int { state.withLock { $0.conflicts } }

    func countOperation() throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            state.count += 1
            guard let planned = state.operation, planned.number == state.count else { return }
            state.operation = nil
            if planned.error == .conflict { state.conflicts += 1 }
            throw planned.error
        }
    }

    func countCommit() throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            guard let error = state.commit else { return }
            state.commit = nil
            if error == .conflict { state.conflicts += 1 }
            throw error
        }
    }
}
