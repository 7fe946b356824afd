import LMDB
import Storage
import TestSupport
import Testing

extension EngineTests {
    /// What every engine promises to the code above the seam.
    @Suite struct Contract {
        @Test(arguments: EngineKind.allCases)
        func aValueIsFoundUnderItsKeyAlone(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "1")
            #expect(try engine.value("a") == bytes("1"))
            #expect(try engine.value("b") == nil)
            #expect(try engine.value("aa") == nil)
        }

        @Test(arguments: EngineKind.allCases)
        func tablesAreSeparate(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.apply([.put([1], [1])], in: letters)
            try engine.apply([.put([1], [2])], in: numbers)
            try engine.apply([.delete([1])], in: letters)
            #expect(try dump(of: engine, tables: tables) == ["numbers": [[1]: [2]]])
        }

        @Test(arguments: EngineKind.allCases)
        func aSecondPutReplacesTheFirst(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "first")
            try engine.put("a", "")
            #expect(try engine.value("a") == [])
            #expect(try engine.count() == 1)
        }

        @Test(arguments: EngineKind.allCases)
        func deleteSaysWhetherTheKeyWasThere(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "1")
            let answers = try engine.deleteTwice(bytes("a"))
            #expect(answers == [true, false])
            #expect(try engine.value("a") == nil)
        }

        @Test(arguments: EngineKind.allCases)
        func aWriteSeesItsOwnWrites(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            #expect(try engine.putAndLookBack() == [nil, bytes("1"), bytes("2"), nil])
        }

        @Test(arguments: EngineKind.allCases)
        func aWriteThatThrowsLeavesNothing(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "1")
            let before = try dump(of: engine, tables: tables)
            #expect(throws: StorageError.readOnly) {
                try engine.apply([.put(bytes("b"), [2]), .delete(bytes("a")), .fail(.readOnly)])
            }
            #expect(try dump(of: engine, tables: tables) == before)
        }

        @Test(arguments: EngineKind.allCases)
        func aSnapshotStaysAsItWas(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "1")
            #expect(
                try engine.readAround { () throws(StorageError) in try engine.put("a", "2") } == [
                    bytes("1"), bytes("1"),
                ])
            #expect(try engine.value("a") == bytes("2"))
        }

        @Test(arguments: EngineKind.allCases, [0, 512, 4096])
        func aKeyOfWrongLengthIsRefused(_ kind: EngineKind, _ length: Int) throws {
            let subject = try kind.make()
            let engine = subject.engine
            let key = [UInt8](repeating: 7, count: length)
            #expect(throws: StorageError.keyLength(length)) { try engine.apply([.put(key, [1])]) }
            #expect(try engine.count() == 0)
        }

        @Test(arguments: EngineKind.allCases)
        func anEmptyKeyIsRefusedEverywhere(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            #expect(throws: StorageError.keyLength(0)) { try engine.value("") }
            #expect(throws: StorageError.keyLength(0)) { try engine.apply([.delete([])]) }
        }

        @Test(arguments: EngineKind.allCases)
        func theLongestKeyAndALargeValueFit(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            let key = [UInt8](repeating: 0xFF, count: StorageLimits.keyBytesMax)
            let value = [UInt8](repeating: 3, count: 1 << 20)
            try engine.apply([.put(key, value)])
            #expect(try dump(of: engine, tables: tables) == ["letters": [key: value]])
        }

        @Test(arguments: EngineKind.allCases)
        func writersRunOneAfterTheOther(_ kind: EngineKind) async throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.apply([.put([0], [0])])
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<25 { try engine.increment([0]) } }
                }
                try await group.waitForAll()
            }
            #expect(try engine.read0() == [100])
        }
    }

    /// Scans visit what they should, in order.
    @Suite struct Scans {
        static let keys: [[UInt8]] = [
            [0], [0, 0], [1], [1, 0xFF], [1, 0xFF, 0xFF], [2], [2, 5], [2, 5, 1], [0xFE], [0xFF], [0xFF, 0],
            [0xFF, 0xFF], [0xFF, 0xFF, 0xFF],
        ]
        static let prefixes: [[UInt8]] = [
            [], [0], [1], [1, 0xFF], [2, 5], [3], [0xFF], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF],
        ]

        @Test(arguments: EngineKind.allCases, prefixes)
        func aPrefixIsARange(_ kind: EngineKind, _ prefix: [UInt8]) throws {
            let subject = try kind.make()
            let engine = subject.engine
            var random = SeededGenerator(seed: 1)
            try engine.apply(Self.keys.shuffled(using: &random).map { .put($0, $0) })
            let expected = Self.keys.filter { $0.starts(with: prefix) }
            #expect(try engine.keys(prefix: prefix) == expected)
            #expect(try engine.keys(prefix: prefix, order: .descending) == expected.reversed())
        }

        @Test(arguments: EngineKind.allCases, prefixes)
        func aStartIsInclusiveWhetherItExistsOrNot(_ kind: EngineKind, _ prefix: [UInt8]) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.apply(Self.keys.map { .put($0, []) })
            for tail: [UInt8] in [[0], [5], [0xFE, 1], [0xFF], [0xFF, 0xFF]] {
                let start = prefix + tail
                let inPrefix = Self.keys.filter { $0.starts(with: prefix) }
                let above = inPrefix.filter { !$0.lexicographicallyPrecedes(start) }
                let below = inPrefix.filter { !start.lexicographicallyPrecedes($0) }
                #expect(try engine.keys(prefix: prefix, from: start) == above)
                #expect(try engine.keys(prefix: prefix, from: start, order: .descending) == below.reversed())
            }
        }

        @Test(arguments: EngineKind.allCases)
        func anEmptyTableHasNothingToVisit(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            #expect(try engine.keys() == [])
            #expect(try engine.keys(prefix: [1], from: [1, 2], order: .descending) == [])
        }

        @Test(arguments: EngineKind.allCases)
        func theVisitorStopsTheScan(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.apply(Self.keys.map { .put($0, []) })
            #expect(try engine.keys(limit: 3) == Array(Self.keys.prefix(3)))
        }

        @Test(arguments: EngineKind.allCases)
        func anErrorOfTheVisitorComesOut(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.put("a", "1")
            #expect(throws: StorageError.readOnly) { try engine.scanThrowing(.readOnly) }
            #expect(try engine.value("a") == bytes("1"))
        }

        @Test(arguments: EngineKind.allCases)
        func aScanInAWriteSeesTheWrites(_ kind: EngineKind) throws {
            let subject = try kind.make()
            let engine = subject.engine
            try engine.apply([.put([1], []), .put([3], [])])
            #expect(try engine.keysWhileWriting([.put([2], []), .delete([1])]) == [[2], [3]])
        }
    }

    /// The engines agree on anything one can do to them.
    @Suite struct Agreement {
        @Test(arguments: [1, 2, 3, 4])
        func randomHistoriesEndAlike(_ seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let store = try Store()
            let memory = MemoryEngine()
            for _ in 0..<60 {
                let table = tables[Int.random(in: 0..<2, using: &random)]
                var steps: [Step] = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                    let key = random.bytes(
                        count: 1...4, of: UInt8.random(in: 0...1, using: &random) == 0 ? 0...3 : 253...255)
                    if Int.random(in: 0..<4, using: &random) == 0 { return .delete(key) }
                    return .put(key, random.bytes(count: 0...(Int.random(in: 0..<20, using: &random) == 0 ? 6000 : 40)))
                }
                if Int.random(in: 0..<5, using: &random) == 0 { steps.append(.fail(.conflictless)) }
                try? store.environment.apply(steps, in: table)
                try? memory.apply(steps, in: table)
                let prefix = random.bytes(count: 0...2, of: 0...3)
                let start = Bool.random(using: &random) ? prefix + random.bytes(count: 1...2) : []
                for order in [ScanOrder.ascending, .descending] {
                    let mine = try store.environment.keys(table, prefix: prefix, from: start, order: order)
                    let theirs = try memory.keys(table, prefix: prefix, from: start, order: order)
                    #expect(mine == theirs, "seed \(seed), prefix \(prefix), start \(start)")
                }
            }
            #expect(try dump(of: store.environment, tables: tables) == memory.contents(), "seed \(seed)")
            #expect(try store.environment.count() == memory.count())
        }
    }
}

extension StorageError {
    /// Any error that no engine throws by itself.
    static var conflictless: StorageError { .misuse("planned") }
}

extension StorageEngine {
    func keys(
        _ table: Table = letters, prefix: [UInt8] = [], from start: [UInt8] = [], order: ScanOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [[UInt8]] {
        try read { (snapshot) throws(StorageError) in
            try snapshot.entries(table, prefix: prefix, from: start, order: order, limit: limit).map(\.key)
        }
    }

    func keysWhileWriting(_ steps: [Step]) throws(StorageError) -> [[UInt8]] {
        try write { (transaction) throws(StorageError) in
            for step in steps { try transaction.apply(step) }
            return try transaction.entries().map(\.key)
        }
    }

    func deleteTwice(_ key: [UInt8]) throws(StorageError) -> [Bool] {
        try write { (transaction) throws(StorageError) in
            let first = try transaction.delete(key.span.bytes, from: letters)
            return [first, try transaction.delete(key.span.bytes, from: letters)]
        }
    }

    func putAndLookBack() throws(StorageError) -> [[UInt8]?] {
        try write { (transaction) throws(StorageError) in
            var seen = [try transaction.value(bytes("a"))]
            for value in ["1", "2"] {
                try transaction.put(bytes("a"), bytes(value))
                seen.append(try transaction.value(bytes("a")))
            }
            try transaction.delete(bytes("a").span.bytes, from: letters)
            return seen + [try transaction.value(bytes("a"))]
        }
    }

    /// The value of "a" before and after `body`, in one snapshot.
    func readAround(_ body: () throws(StorageError) -> Void) throws(StorageError) -> [[UInt8]?] {
        try read { (snapshot) throws(StorageError) in
            let before = try snapshot.value(bytes("a"))
            try body()
            return [before, try snapshot.value(bytes("a"))]
        }
    }

    func increment(_ key: [UInt8]) throws(StorageError) {
        try write { (transaction) throws(StorageError) in
            let value = try transaction.value(key) ?? [0]
            try transaction.put(key, [value[0] + 1])
        }
    }

    func read0() throws(StorageError) -> [UInt8]? {
        try read { (snapshot) throws(StorageError) in try snapshot.value([0]) }
    }

    func scanThrowing(_ error: StorageError) throws(StorageError) {
        try read { (snapshot) throws(StorageError) in
            try snapshot.scan(letters, prefix: RawSpan(), from: RawSpan(), order: .ascending) {
                (_, _) throws(StorageError) in throw error
            }
        }
    }
}
