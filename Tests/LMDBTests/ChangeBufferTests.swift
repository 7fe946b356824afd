import Dispatch
import LMDB
import Storage
import Synchronization
import TestSupport
import Testing

extension EngineTests {
    /// A buffered table reads like any other, whatever has its place by now and whoever writes.
    @Suite struct Buffering {
        private static let first = Table(ordinal: 0, name: "first", isCached: true, isBuffered: true)
        private static let second = Table(ordinal: 1, name: "second", isBuffered: true, isSortedWhereMany: true)
        /// What the others should say: the same steps, put in their places at once.
        private static let plainFirst = Table(ordinal: 2, name: "plain_first")
        private static let plainSecond = Table(ordinal: 3, name: "plain_second")
        private static let tables = [first, second, plainFirst, plainSecond]
        private static let pairs = [(first, plainFirst), (second, plainSecond)]

        private static func store(_ entriesMax: Int = 64) throws -> Store {
            try Store(tables: tables) {
                $0.bufferedEntriesMax = entriesMax
                $0.cacheBytes = 4 << 20
            }
        }

        private static func environment(at path: String, _ entriesMax: Int = 64) throws(StorageError) -> Environment {
            var options = EnvironmentOptions()
            options.bufferedEntriesMax = entriesMax
            return try Environment(at: path, tables: tables, options: options)
        }

        private static func key(_ number: Int) -> [UInt8] {
            // Some are each other's beginnings.
            bytes(number % 7 == 0 ? "k\(number / 7)" : "k\(number / 7)x\(number % 7)")
        }

        private static func steps(_ random: inout SeededGenerator, keys: Int = 400) -> [Step] {
            (0..<Int.random(in: 1...25, using: &random)).map { _ in
                let key = key(Int.random(in: 0..<keys, using: &random))
                let length = Int.random(in: 0..<40, using: &random)
                let value = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: length)
                return Int.random(in: 0..<4, using: &random) == 0 ? .delete(key) : .put(key, value)
            }
        }

        /// The same steps in a buffered table and in the plain one beside it.
        private static func apply(
            _ random: inout SeededGenerator, to environment: Environment, failing: Bool = false
        ) throws(StorageError) {
            var steps: [[Step]] = []
            for _ in pairs { steps.append(Self.steps(&random)) }
            let expectsMany = Int.random(in: 0..<3, using: &random) == 0
            var foresight: Foresight?
            if Bool.random(using: &random) {
                foresight = try environment.foresee(expectedKeys(of: steps))
                // Between the look and the transaction anything may happen.
                for _ in 0..<Int.random(in: 0..<3, using: &random) {
                    if Bool.random(using: &random) { try environment.doDeferredWork() }
                    try apply(&random, to: environment)
                }
            }
            try environment.write { (transaction) throws(StorageError) in
                if expectsMany { transaction.expectMany() }
                if let foresight { transaction.expect(foresight) }
                for (index, pair) in pairs.enumerated() {
                    for step in steps[index] {
                        if let key = step.key,
                            try transaction.value(key, in: pair.0) != (try transaction.value(key, in: pair.1))
                        {
                            throw .corrupted("a key reads otherwise before it is written")
                        }
                        if case .delete(let key) = step {
                            let (a, b) = (
                                try transaction.delete(key.span.bytes, from: pair.0),
                                try transaction.delete(key.span.bytes, from: pair.1)
                            )
                            if a != b { throw .corrupted("a delete says \(a) instead of \(b)") }
                        } else {
                            try transaction.apply(step, in: pair.0)
                            try transaction.apply(step, in: pair.1)
                        }
                    }
                    if wrong(in: transaction, pair, &random) > 0 { throw .corrupted("a write reads otherwise") }
                }
                if failing { throw .conflict }
            }
        }

        private static func expectedKeys(of steps: [[Step]]) -> ExpectedKeys {
            var keys = ExpectedKeys()
            for (index, pair) in pairs.enumerated() {
                for key in steps[index].compactMap(\.key) { keys.append(key.span.bytes, in: pair.0) }
            }
            return keys
        }

        /// How often a buffered table reads otherwise than the plain one.
        private static func wrong(
            in transaction: borrowing some ReadTransaction & ~Copyable, _ pair: (Table, Table),
            _ random: inout SeededGenerator
        ) -> Int {
            var wrong = 0
            do throws(StorageError) {
                for _ in 0..<20 {
                    let key = key(Int.random(in: 0..<400, using: &random))
                    let value = try transaction.value(key, in: pair.0)
                    if value != (try transaction.value(key, in: pair.1)) { wrong += 1 }
                    let cached = try transaction.withValue(of: key.span.bytes, in: pair.0) {
                        (value) throws(StorageError) in [UInt8](copying: value)
                    }
                    if cached != value { wrong += 1 }
                }
                for order in [ScanOrder.ascending, .descending] {
                    let prefix = Array(
                        key(Int.random(in: 0..<400, using: &random)).prefix(Int.random(in: 0...3, using: &random)))
                    var start = prefix
                    if Bool.random(using: &random) {
                        start = key(Int.random(in: 0..<400, using: &random))
                        if !start.starts(with: prefix) { start = [] }
                    }
                    let limit = Bool.random(using: &random) ? Int.max : Int.random(in: 1...30, using: &random)
                    let found = try transaction.entries(pair.0, prefix: prefix, from: start, order: order, limit: limit)
                    let expected = try transaction.entries(
                        pair.1, prefix: prefix, from: start, order: order, limit: limit)
                    if found != expected { wrong += 1 }
                }
            } catch { wrong += 1 }
            return wrong
        }

        private static func wrong(in environment: Environment, _ random: inout SeededGenerator) -> Int {
            let seed = random.next()
            let found = try? environment.read { (snapshot) throws(StorageError) in
                var random = SeededGenerator(seed: seed)
                return pairs.reduce(0) { $0 + wrong(in: snapshot, $1, &random) }
            }
            return found ?? 1
        }

        @Test(arguments: UInt64(1)...4)
        func itReadsLikeAnyOtherTable(_ seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let store = try Self.store([0, 20, 64, 500][Int(seed) % 4])
            for round in 0..<400 {
                if round % 5 == 4 {
                    #expect(throws: StorageError.conflict) {
                        try Self.apply(&random, to: store.environment, failing: true)
                    }
                } else {
                    try Self.apply(&random, to: store.environment)
                }
                if Int.random(in: 0..<10, using: &random) == 0 { try store.environment.doDeferredWork() }
                try #require(Self.wrong(in: store.environment, &random) == 0, "round \(round), seed \(seed)")
            }
        }

        @Test func snapshotsKeepTheirMoment() throws {
            var random = SeededGenerator(seed: 3)
            let store = try Self.store(30)
            for _ in 0..<30 {
                try Self.apply(&random, to: store.environment)
                let held = try store.environment.hold()
                let before = try held.snapshot.entries(Self.first)
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    try Self.apply(&random, to: store.environment)
                    if Bool.random(using: &random) { try store.environment.doDeferredWork() }
                }
                #expect(try held.snapshot.entries(Self.first) == before)
                #expect(Self.pairs.reduce(0) { $0 + Self.wrong(in: held.snapshot, $1, &random) } == 0)
            }
        }

        @Test func whatWasGatheredIsThereAfterACrash() throws {
            let store = try Self.store(100)
            let path = store.path
            store.environment.close()
            for seed in UInt64(1)...6 {
                let child = try ChildProcess { link in
                    let environment = try Self.environment(at: path, 100)
                    var random = SeededGenerator(seed: seed)
                    for _ in 0..<10 { try Self.apply(&random, to: environment) }
                    link.signal()
                    try link.await()
                }
                try child.awaitSignal()
                child.kill()
                let again = try Self.environment(at: path, 100)
                var random = SeededGenerator(seed: seed)
                #expect(Self.wrong(in: again, &random) == 0)
                #expect(again.hasDeferredWork)
                try Self.apply(&random, to: again)
                #expect(Self.wrong(in: again, &random) == 0)
                again.close()
            }
        }

        @Test func closingAndSettlingPutAllInPlace() throws {
            var random = SeededGenerator(seed: 8)
            let store = try Self.store(1000)
            for _ in 0..<20 { try Self.apply(&random, to: store.environment) }
            let expected = try store.environment.read { (snapshot) throws(StorageError) in
                try snapshot.entries(Self.plainFirst)
            }
            #expect(store.environment.hasDeferredWork)
            store.environment.close()
            let again = try Self.environment(at: store.path)
            try again.read { (snapshot) throws(StorageError) in
                #expect(try snapshot.entries(Self.first) == expected)
                #expect(try snapshot.statistics(of: Self.first).entries == expected.count)
            }
            #expect(!again.hasDeferredWork)
            again.close()
        }

        @Test(arguments: [true, false])
        func copiesHaveWhatIsGathered(compacting: Bool) throws {
            var random = SeededGenerator(seed: 9)
            let store = try Self.store(1000)
            for _ in 0..<20 { try Self.apply(&random, to: store.environment) }
            let target = store.directory.file("copy")
            try store.environment.copy(to: target, compacting: compacting)
            let copy = try Self.environment(at: target)
            #expect(Self.wrong(in: copy, &random) == 0)
            for _ in 0..<20 {
                try Self.apply(&random, to: copy)
                #expect(Self.wrong(in: copy, &random) == 0)
            }
            copy.close()
        }

        @Test func manyAreGatheredAndWhatComesSortedIsNot() throws {
            let store = try Self.store(100)
            let steps = (0..<250).map { Step.put(Self.key($0), [UInt8($0)]) }
            func inPlace(_ table: Table) throws -> Int {
                try store.environment.read { (snapshot) throws(StorageError) in
                    try snapshot.statistics(of: table).entries
                }
            }
            // A log of many holds three times as many, and then goes on in the other.
            for round in 0..<2 {
                try store.environment.write { (transaction) throws(StorageError) in
                    transaction.expectMany()
                    for table in [Self.first, Self.second] {
                        for step in steps.dropFirst(round * 125).prefix(125) { try transaction.apply(step, in: table) }
                    }
                }
            }
            #expect(try inPlace(Self.first) == 0)
            #expect(try inPlace(Self.second) == 250)
            #expect(try store.environment.statistics().entriesBuffered == 250)
            let before = try store.environment.read { (snapshot) throws(StorageError) in
                try snapshot.entries(Self.first)
            }
            #expect(before.count == 250)
            // Beyond that it is full, and is sorted in with what follows.
            func add(_ numbers: Range<Int>) throws {
                try store.environment.write { (transaction) throws(StorageError) in
                    transaction.expectMany()
                    for number in numbers { try transaction.put(Self.key(number), [1], in: Self.first) }
                }
            }
            try add(1_000..<1_060)
            #expect(try inPlace(Self.first) == 0)
            try add(1_060..<1_100)
            #expect(try inPlace(Self.first) == 80)
            while store.environment.hasDeferredWork { try store.environment.doDeferredWork() }
            #expect(try inPlace(Self.first) == 350)
            try store.environment.read { (snapshot) throws(StorageError) in
                #expect(try snapshot.entries(Self.first).filter(before.contains) == before)
            }
        }

        @Test func largeEntriesAndLargeWritesGoToTheirPlaces() throws {
            let store = try Self.store(100)
            let large = [UInt8](repeating: 1, count: 3_000)
            let steps: [Step] = [.put(Self.key(1), [1]), .put(Self.key(2), large)]
            for table in [Self.first, Self.plainFirst] { try store.environment.apply(steps, in: table) }
            for table in [Self.first, Self.plainFirst] {
                try store.environment.apply([.put(Self.key(1), large), .put(Self.key(2), [2])], in: table)
                try store.environment.apply((0..<80_000).map { .put(Self.key($0), [UInt8($0 & 255)]) }, in: table)
                try store.environment.apply([.delete(Self.key(3)), .put(Self.key(4), large)], in: table)
            }
            try store.environment.read { (snapshot) throws(StorageError) in
                #expect(try snapshot.entries(Self.first) == snapshot.entries(Self.plainFirst))
            }
        }

        /// Readers of one process, while two write and both sort in what either has gathered.
        @Test func twoProcessesAgree() throws {
            let store = try Self.store(40)
            let path = store.path
            let child = try ChildProcess { link in
                try link.await()
                let environment = try Self.environment(at: path, 60)
                var random = SeededGenerator(seed: 5)
                for round in 0..<120 {
                    try Self.apply(&random, to: environment)
                    if Self.wrong(in: environment, &random) > 0 { throw StorageError.corrupted("round \(round)") }
                    if round % 50 == 49 { try environment.doDeferredWork() }
                }
                environment.close()
            }
            let ended = Atomic(false)
            let wrong = Atomic(0)
            let failed = Atomic(0)
            child.signal()
            onThreads(3) { index in
                var random = SeededGenerator(seed: UInt64(index))
                if index == 0 {
                    for round in 0..<200 {
                        do {
                            try Self.apply(&random, to: store.environment)
                            if round % 70 == 69 { try store.environment.doDeferredWork() }
                        } catch { failed.add(1, ordering: .relaxed) }
                    }
                    ended.store(true, ordering: .releasing)
                    return
                }
                while !ended.load(ordering: .acquiring) {
                    wrong.add(Self.wrong(in: store.environment, &random), ordering: .relaxed)
                }
            }
            #expect(child.end() == .exited(0))
            #expect(wrong.load(ordering: .relaxed) == 0)
            #expect(failed.load(ordering: .relaxed) == 0)
            var random = SeededGenerator(seed: 77)
            for _ in 0..<20 { #expect(Self.wrong(in: store.environment, &random) == 0) }
        }
    }
}
