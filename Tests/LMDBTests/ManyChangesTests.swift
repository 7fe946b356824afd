import LMDB
import Storage
import TestSupport
import Testing

extension EngineTests {
    /// Puts of a transaction begin where the one before ended, in a tree that grows, shrinks and is put in order meanwhile.
    @Suite struct ManyChanges {
        /// Keys and values so long that a few thousand of them make a tree of three levels.
        private static func change(_ engine: some StorageEngine, _ seed: UInt64) throws(StorageError) {
            try engine.write { (transaction) throws(StorageError) in
                var random = SeededGenerator(seed: seed)
                // Mostly additions, then as many deletions, so that pages are split and merged.
                for share in [1, 4, 7, 2] {
                    for _ in 0..<2_500 {
                        let table = Bool.random(using: &random) ? letters : numbers
                        let number = UInt16.random(in: 0..<4_000, using: &random)
                        let key =
                            [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
                            + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 150)
                        if Int.random(in: 0..<10, using: &random) < share {
                            _ = try transaction.delete(key.span.bytes, from: table)
                        } else {
                            try transaction.put(key, random.bytes(count: 0...600), in: table)
                        }
                    }
                }
            }
        }

        @Test(arguments: 0..<3 as Range<UInt64>)
        func oneTransactionLeavesWhatTheModelHas(_ seed: UInt64) throws {
            let store = try Store { $0.mapBytes = 64 << 20 }
            let memory = MemoryEngine()
            for number in 0..<3 as Range<UInt64> {
                try Self.change(store.environment, seed << 8 + number)
                try Self.change(memory, seed << 8 + number)
                let expected = try dump(of: memory, tables: tables)
                try #require(dump(of: store.environment, tables: tables) == expected)
            }
            let depth = try store.environment.read { (snapshot) throws(StorageError) in
                try snapshot.statistics(of: letters).depth
            }
            #expect(depth >= 3)
        }
    }
}
