public import Storage
internal import Synchronization

/// An engine in memory with the promises of a real one, which fails where a test tells it to.
public final class MemoryEngine: StorageEngine {
    public typealias Reader = MemorySnapshot
    public typealias Writer = MemoryWriteTransaction

    public let failures = FaultPlan()
    private let committed: Mutex<MemoryState>
    private let writing = Mutex(())
    private let maintained = Mutex(0)

    /// How often it was asked to see to dead readers.
    public var maintainedCount: Int { maintained.withLock { $0 } }

    public init() { committed = Mutex(MemoryState(faults: failures)) }

    /// With all that is committed in another one, which it goes its own way from.
    public init(copying other: MemoryEngine) {
        committed = Mutex(MemoryState(maps: other.committed.withLock { $0.maps }, faults: failures))
    }

    public func read<Answer, Failure: StorageFailure>(
        _ body: (borrowing MemorySnapshot) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        try body(MemorySnapshot(state: committed.withLock { $0 }))
    }

    /// Runs `body` again after each planned `conflict`, whatever the closure made of that error.
    public func write<Answer, Failure: StorageFailure>(
        _ body: (inout MemoryWriteTransaction) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        while true {
            if let answer = try attempt(body) { return answer }
        }
    }

    /// Nil means to run it again.
    private func attempt<Answer, Failure: StorageFailure>(
        _ body: (inout MemoryWriteTransaction) throws(Failure) -> Answer
    ) throws(Failure) -> Answer? {
        try writing.withLock { _ throws(Failure) in
            var transaction = MemoryWriteTransaction(state: committed.withLock { $0 })
            let conflicts = failures.conflictCount
            do throws(Failure) {
                let answer = try body(&transaction)
                do throws(StorageError) {
                    if let failure = transaction.failure { throw failure }
                    try failures.countCommit()
                } catch { throw Failure(storage: error) }
                guard failures.conflictCount == conflicts else { return nil }
                var state = transaction.state
                state.commit += 1
                committed.withLock { $0 = state }
                return answer
            } catch {
                if failures.conflictCount != conflicts { return nil }
                throw error
            }
        }
    }

    public func maintain() throws(StorageError) { maintained.withLock { $0 += 1 } }

    /// Everything that is committed.
    public func contents() -> Dump {
        var dump: Dump = [:]
        for (table, map) in committed.withLock({ $0.maps }) where map.count > 0 {
            var entries: [[UInt8]: [UInt8]] = [:]
            map.walk(.ascending) { (node) throws(Never) in
                entries[node.key] = node.value
                return .next
            }
            dump[table.name] = entries
        }
        return dump
    }
}

extension MemoryEngine {
    /// Operations since the engine was made, or last armed or disarmed.
    public var operationCount: Int { failures.operationCount }

    /// Lets the `n`-th get, scan start, scan step, put or delete from now on, counted from one, throw `error`, once.
    /// A `conflict` in a write transaction makes the engine run its closure again.
    public func failOperation(_ n: Int, with error: StorageError) { failures.failOperation(n, with: error) }

    /// Lets the next commit throw `error`, once; a `conflict` runs the closure again.
    public func failCommit(with error: StorageError) { failures.failCommit(with: error) }

    public func disarm() { failures.disarm() }
}
