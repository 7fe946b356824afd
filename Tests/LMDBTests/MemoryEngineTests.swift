import Storage
import TestSupport
import Testing

/// The engine for tests fails where it is told to, and nowhere else.
@Suite struct MemoryEngineFaults {
    static let steps: [Step] = [.put([1], [1]), .put([2], [2]), .delete([9]), .put([3], [3])]
    static let failure = StorageError.system(code: 5, during: "planned")

    private func engine() throws -> MemoryEngine {
        let engine = MemoryEngine()
        try engine.apply([.put([9], [9])])
        engine.disarm()
        return engine
    }

    @Test func everyOperationCounts() throws {
        let engine = try engine()
        try engine.apply(Self.steps)
        #expect(engine.operationCount == 4)
        engine.disarm()
        _ = try engine.keys()
        // The start, and a step after each of three entries.
        #expect(engine.operationCount == 4)
    }

    @Test(arguments: 1...4)
    func aFailedOperationLeavesNothing(_ n: Int) throws {
        let engine = try engine()
        let before = engine.contents()
        engine.failOperation(n, with: Self.failure)
        #expect(throws: Self.failure) { try engine.apply(Self.steps) }
        #expect(engine.contents() == before)
        try engine.apply(Self.steps)
        #expect(engine.contents() == ["letters": [[1]: [1], [2]: [2], [3]: [3]]])
    }

    @Test func aHiddenWriteFailureIsNotCommitted() throws {
        let engine = try engine()
        let before = engine.contents()
        engine.failOperation(1, with: Self.failure)
        #expect(throws: Self.failure) {
            try engine.write { (transaction) throws(StorageError) in
                for step in Self.steps { try? transaction.apply(step) }
            }
        }
        #expect(engine.contents() == before)
    }

    @Test(arguments: 1...4)
    func aScanFailsAtItsStartAndAtEachStep(_ n: Int) throws {
        let engine = MemoryEngine()
        try engine.apply([.put([1], []), .put([2], []), .put([3], [])])
        engine.failOperation(n, with: Self.failure)
        var seen = 0
        #expect(throws: Self.failure) {
            try engine.read { (snapshot) throws(StorageError) in
                try snapshot.scan(letters, prefix: RawSpan(), from: RawSpan(), order: .ascending) {
                    (_, _) throws(StorageError) in
                    seen += 1
                    return .next
                }
            }
        }
        #expect(seen == n - 1)
    }

    @Test func aFailedCommitLeavesNothing() throws {
        let engine = try engine()
        let before = engine.contents()
        engine.failCommit(with: .diskFull)
        #expect(throws: StorageError.diskFull) { try engine.apply(Self.steps) }
        #expect(engine.contents() == before)
        try engine.apply(Self.steps)
    }

    @Test(arguments: [nil, 1, 2, 3, 4])
    func aConflictRunsTheClosureAgain(_ operation: Int?) throws {
        let engine = try engine()
        if let operation {
            engine.failOperation(operation, with: .conflict)
        } else {
            engine.failCommit(with: .conflict)
        }
        var runs = 0
        try engine.write { (transaction) throws(StorageError) in
            runs += 1
            for step in Self.steps { try transaction.apply(step) }
        }
        #expect(runs == 2)
        #expect(engine.contents() == ["letters": [[1]: [1], [2]: [2], [3]: [3]]])
    }

    @Test func disarmingForgetsThePlan() throws {
        let engine = try engine()
        engine.failOperation(1, with: Self.failure)
        engine.failCommit(with: Self.failure)
        engine.disarm()
        try engine.apply(Self.steps)
    }
}
