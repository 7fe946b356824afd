internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// A read transaction of LMDB's, and what it knows of the trees it sees.
struct PooledReader {
    let transaction: OpaquePointer
    let trees: Trees

    func free() {
        mdb_txn_abort(transaction)
        trees.free()
    }
}

/// Read transactions at rest, ready to be renewed, and the barrier that keeps new ones out while the map changes.
final class ReaderPool: Sendable {
    /// LMDB's pointers may be used by any thread in turn (`MDB_NOTLS`); the mutex hands each to one at a time.
    private struct State: @unchecked Sendable {
        var idle: [PooledReader] = []
        var active = 0
        var barrier = Barrier.open
    }

    private enum Barrier { case open, raised, closed }

    /// More than this many at rest are given back, so that a burst does not keep its slots for good.
    private static let idleMax = 64
    private let state = Mutex(State())

    /// Registers a reader and answers a transaction at rest, if one is left.
    @inline(__always)
    func enter() throws(StorageError) -> PooledReader? {
        while true {
            let (barrier, idle) = state.withLock { state -> (Barrier, PooledReader?) in
                guard state.barrier == .open else { return (state.barrier, nil) }
                state.active += 1
                return (.open, state.idle.popLast())
            }
            switch barrier {
            case .open: return idle
            case .closed: throw .misuse("the vault is closed")
            // Rare and short: the map is being replaced.
            case .raised: usleep(200)
            }
        }
    }

    /// Ends a reader's use; `resting` has been reset and may be renewed by the next.
    @inline(__always)
    func leave(resting: PooledReader?) {
        state.withLock { state in
            if let resting {
                // Freed under the lock: once this reader is no longer counted, the environment may close.
                if state.idle.count < Self.idleMax { state.idle.append(resting) } else { resting.free() }
            }
            state.active -= 1
        }
    }

    /// Runs `body` while no reader is active and none can start. One caller at a time.
    /// - Parameters:
    ///   - patience: how long to wait for the active ones.
    ///   - body: answers whether readers may start again afterwards.
    /// - Returns: false if they did not end in time; `body` has not run.
    func whileEmpty(patience: Duration, _ body: () -> Bool) -> Bool {
        guard drain(patience: patience, raising: .raised) else { return false }
        let reopens = body()
        state.withLock { state in
            // The map may lie elsewhere now.
            for reader in state.idle { reader.trees.forget() }
            state.barrier = reopens ? .open : .closed
        }
        return true
    }

    /// Keeps readers out for good, waits for the active ones, and frees those at rest.
    func close() {
        _ = drain(patience: nil, raising: .closed)
        let idle = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for reader in idle { reader.free() }
    }

    private func drain(patience: Duration?, raising barrier: Barrier) -> Bool {
        state.withLock { $0.barrier = barrier }
        let deadline = patience.map { ContinuousClock.now + $0 }
        while state.withLock({ $0.active > 0 }) {
            if let deadline, ContinuousClock.now > deadline {
                state.withLock { $0.barrier = .open }
                return false
            }
            usleep(200)
        }
        return true
    }
}
