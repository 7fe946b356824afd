import LMDB
import Storage
import TestSupport
import Testing

extension EngineTests {
    /// Tables whose entries a transaction puts again and again: whatever an engine keeps back, nobody is to notice.
    @Suite struct Rewritten {
        private static let chain = Table(ordinal: 0, name: "chain", isRewritten: true)
        private static let other = Table(ordinal: 1, name: "other", isRewritten: true)
        private static let tables = [chain, other]

        /// Random steps of one transaction, and what it saw meanwhile.
        private static func change(
            _ engine: some StorageEngine, _ seed: UInt64
        ) throws(StorageError) -> [[UInt8]?] {
            try engine.write { (transaction) throws(StorageError) in
                var random = SeededGenerator(seed: seed)
                var seen: [[UInt8]?] = []
                for _ in 0..<Int.random(in: 0...12, using: &random) {
                    let table = tables[Int.random(in: 0...1, using: &random)]
                    let key = [UInt8.random(in: 1...5, using: &random)]
                    let value = random.bytes(count: 0...(Bool.random(using: &random) ? 20 : 3_000))
                    switch Int.random(in: 0..<7, using: &random) {
                    case 6:
                        try transaction.finishLastPut(in: table)
                        #expect(transaction.lastPut(in: table) == nil)
                        seen += try transaction.entries(table, limit: 100).map(\.value)
                    case 0: seen.append(try transaction.delete(key.span.bytes, from: table) ? key : nil)
                    case 1, 2:
                        let before = transaction.writeCount
                        guard transaction.lastPut(in: table) != nil else { continue }
                        try transaction.extendLastPut(in: table, by: value.span.bytes)
                        #expect(transaction.writeCount > before)
                    default: try transaction.put(key, value, in: table)
                    }
                    seen.append(try transaction.value(key, in: table))
                    seen.append(transaction.lastPut(in: table)?.key)
                    seen.append(transaction.lastPut(in: table)?.value)
                }
                if Int.random(in: 0..<6, using: &random) == 0 { throw .misuse("the test's") }
                return seen
            }
        }

        @Test(arguments: 0..<4 as Range<UInt64>)
        func everyEngineHasWhatWasPutLast(_ seed: UInt64) throws {
            // The map grows meanwhile, which runs a transaction again, and the log begins and is turned over.
            let store = try Store(tables: Self.tables) {
                $0.mapBytes = 64 << 10
                $0.commitsBeforeLog = 5
                $0.logBytesMax = 20_000
            }
            let memory = MemoryEngine()
            for number in 0..<300 {
                let seed = seed << 32 + UInt64(number)
                var seen: [[[UInt8]?]?] = []
                seen.append(try? Self.change(store.environment, seed))
                seen.append(try? Self.change(memory, seed))
                try #require(seen[0] == seen[1], "seed \(seed)")
                let expected = try dump(of: memory, tables: Self.tables)
                try #require(dump(of: store.environment, tables: Self.tables) == expected, "seed \(seed)")
            }
            let before = try dump(of: memory, tables: Self.tables)
            store.environment.close()
            let again = try Environment(at: store.path, tables: Self.tables)
            defer { again.close() }
            #expect(try dump(of: again, tables: Self.tables) == before)
        }

        @Test func whatIsKeptBackIsNotScanned() throws {
            let store = try Store(tables: Self.tables)
            #expect(throws: StorageError.self) {
                try store.environment.write { (transaction) throws(StorageError) in
                    try transaction.put([1], [1], in: Self.chain)
                    _ = try transaction.entries(Self.chain)
                }
            }
            #expect(try store.environment.count(Self.chain) == 0)
        }

        @Test func nothingIsExtendedThatWasNotPut() throws {
            let store = try Store(tables: Self.tables)
            try store.environment.write { (transaction) throws(StorageError) in
                try transaction.put([1], [1], in: Self.chain)
            }
            #expect(throws: StorageError.self) {
                try store.environment.write { (transaction) throws(StorageError) in
                    #expect(transaction.lastPut(in: Self.chain) == nil)
                    let more: [UInt8] = [2]
                    try transaction.extendLastPut(in: Self.chain, by: more.span.bytes)
                }
            }
        }
    }
}
