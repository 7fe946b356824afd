import Dispatch
import Storage
import Synchronization
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// What the cache says is what the snapshot has, whoever writes meanwhile.
    @Suite struct Caching {
        private static let small = Table(ordinal: 0, name: "small", isCached: true)
        private static let large = Table(ordinal: 1, name: "large", isCached: true)
        private static let plain = Table(ordinal: 2, name: "plain")
        private static let tables = [small, large, plain]

        private static func store(bytes: Int = 4 << 20) throws -> Store {
            try Store(tables: tables) { $0.cacheBytes = bytes }
        }

        private static func key(_ number: Int) -> [UInt8] { bytes("key \(number + 1_000_000)") }

        private static func compare(
            _ numbers: some Sequence<Int>, in environment: Environment
        ) throws(StorageError) -> Int {
            try environment.read { (snapshot) throws(StorageError) in
                var wrong = 0
                for table in tables {
                    for number in numbers {
                        let cached = try snapshot.cachedValue(key(number), in: table)
                        if cached != (try snapshot.value(key(number), in: table)) { wrong += 1 }
                    }
                }
                return wrong
            }
        }

        @Test func whatIsAskedForAgainComesFromMemory() throws {
            let store = try Self.store()
            try store.environment.apply((0..<100).map { .put(Self.key($0), bytes("\($0)")) }, in: Self.small)
            for _ in 0..<20 {
                for number in 0..<100 {
                    let value = try store.environment.read { (snapshot) throws(StorageError) in
                        try snapshot.cachedValue(Self.key(number), in: Self.small)
                    }
                    #expect(value == bytes("\(number)"))
                }
            }
            let statistics = store.environment.cacheStatistics
            #expect(statistics.missed >= 100)
            #expect(statistics.missed < 200)
            #expect(statistics.bytes > 0 && statistics.bytes <= 4 << 20)
        }

        @Test func aCommitTakesOutWhatItChanged() throws {
            let store = try Self.store()
            for table in Self.tables {
                try store.environment.apply((0..<50).map { .put(Self.key($0), bytes("old \($0)")) }, in: table)
            }
            #expect(try Self.compare(0..<60, in: store.environment) == 0)
            for table in Self.tables {
                let puts = (0..<10).map { Step.put(Self.key($0), bytes("new \($0)")) }
                let deletes = (10..<20).map { Step.delete(Self.key($0)) }
                let more = (50..<55).map { Step.put(Self.key($0), bytes("more")) }
                try store.environment.apply(puts + deletes + more, in: table)
            }
            #expect(try Self.compare(0..<60, in: store.environment) == 0)
            let emptied = store.environment.cacheStatistics.emptied
            try store.environment.apply([.put(Self.key(1), bytes("newest"))], in: Self.small)
            #expect(try Self.compare(0..<60, in: store.environment) == 0)
            #expect(store.environment.cacheStatistics.emptied == emptied)
        }

        @Test func aWriteThatIsGivenUpLeavesNothing() throws {
            let store = try Self.store()
            try store.environment.apply([.put(Self.key(1), bytes("kept"))], in: Self.small)
            #expect(try Self.compare(0..<5, in: store.environment) == 0)
            #expect(throws: StorageError.conflict) {
                try store.environment.apply([.put(Self.key(1), bytes("lost")), .fail(.conflict)], in: Self.small)
            }
            try store.environment.write { (_) throws(StorageError) in }
            #expect(try Self.compare(0..<5, in: store.environment) == 0)
            try store.environment.apply([.put(Self.key(1), bytes("new"))], in: Self.small)
            #expect(try Self.compare(0..<5, in: store.environment) == 0)
        }

        @Test func anOlderSnapshotKeepsItsState() throws {
            let store = try Self.store()
            try store.environment.apply([.put(Self.key(1), bytes("old"))], in: Self.small)
            let held = try store.environment.hold()
            #expect(try held.snapshot.cachedValue(Self.key(1), in: Self.small) == bytes("old"))
            try store.environment.apply([.put(Self.key(1), bytes("new"))], in: Self.small)
            #expect(try Self.compare(1..<2, in: store.environment) == 0)
            #expect(try held.snapshot.cachedValue(Self.key(1), in: Self.small) == bytes("old"))
            #expect(try Self.compare(1..<2, in: store.environment) == 0)
        }

        @Test func whatDoesNotFitIsReadFromTheFile() throws {
            let store = try Self.store()
            let long = [UInt8](repeating: 7, count: 300)
            let key = [UInt8](repeating: 1, count: 200)
            let steps = [Step.put(Self.key(1), long), .put(key, bytes("x")), .put([9], [])]
            try store.environment.apply(steps, in: Self.small)
            for _ in 0..<3 {
                try store.environment.read { (snapshot) throws(StorageError) in
                    #expect(try snapshot.cachedValue(Self.key(1), in: Self.small) == long)
                    #expect(try snapshot.cachedValue(key, in: Self.small) == bytes("x"))
                    #expect(try snapshot.cachedValue([9], in: Self.small) == [])
                    #expect(try snapshot.cachedValue([8], in: Self.small) == nil)
                }
            }
        }

        @Test func itGrowsToItsBoundAndNoFurther() throws {
            let store = try Self.store(bytes: 8 << 20)
            let first = store.environment.cacheStatistics.bytes
            try store.environment.apply((0..<40_000).map { .put(Self.key($0), bytes("\($0)")) }, in: Self.large)
            for _ in 0..<5 { #expect(try Self.compare(0..<40_000, in: store.environment) == 0) }
            let statistics = store.environment.cacheStatistics
            #expect(statistics.bytes > first)
            #expect(statistics.bytesMax <= 8 << 20 && statistics.bytes <= statistics.bytesMax)
        }

        @Test func theNewestTakeThePlaceOfTheOldest() throws {
            let store = try Self.store(bytes: 64 << 10)
            try store.environment.apply((0..<10_000).map { .put(Self.key($0), bytes("\($0)")) }, in: Self.small)
            for _ in 0..<5 { #expect(try Self.compare(0..<10_000, in: store.environment) == 0) }
            let statistics = store.environment.cacheStatistics
            #expect(statistics.bytes == statistics.bytesMax)
            #expect(statistics.bytesMax <= 64 << 10 && statistics.bytesMax > 60 << 10)
            // Who is asked for again and again is there at last.
            for _ in 0..<80 { _ = try Self.compare(0..<10, in: store.environment) }
            let missed = store.environment.cacheStatistics.missed
            #expect(try Self.compare(0..<10, in: store.environment) == 0)
            #expect(store.environment.cacheStatistics.missed < missed + 4)
        }

        /// Where there is not room for all, short entries are kept before long ones, whatever is asked for by turns.
        @Test func shortEntriesComeBeforeLongOnes() throws {
            let store = try Self.store(bytes: 256 << 10)
            let long = [UInt8](repeating: 1, count: 150)
            try store.environment.apply((0..<4_000).map { .put(Self.key($0), bytes("\($0)")) }, in: Self.small)
            try store.environment.apply((0..<4_000).map { .put(Self.key($0), long) }, in: Self.large)
            func misses(_ tables: [Table]) throws -> Int {
                let before = store.environment.cacheStatistics.missed
                for number in 0..<4_000 {
                    for table in tables {
                        _ = try store.environment.read { (snapshot) throws(StorageError) in
                            try snapshot.cachedValue(Self.key(number), in: table)
                        }
                    }
                }
                return store.environment.cacheStatistics.missed - before
            }
            for _ in 0..<30 { _ = try misses([Self.small, Self.large]) }
            #expect(try misses([Self.small]) < 1_600)
            #expect(try misses([Self.large]) > 2_800)
            #expect(try Self.compare(0..<4_000, in: store.environment) == 0)
        }

        @Test func nothingComesBackWhenLapsAreCountedAnew() throws {
            let cache = try #require(EntryCache(bytes: 64 << 10, tables: [Self.small]))
            let (key, value) = (Self.key(1), bytes("old"))
            cache.didCommit(1, after: 0, nil)
            cache.take(key.span.bytes, value.span.bytes, of: Self.small, at: 1)
            var entry = CachedEntry()
            #expect(cache.copy(key.span.bytes, of: Self.small, at: 1, to: &entry))
            var found = 0
            // Each forgets everything, by going two laps on; there are a million.
            for commit in 2...525_000 {
                cache.didCommit(commit, after: 0, nil)
                if cache.copy(key.span.bytes, of: Self.small, at: commit, to: &entry) { found += 1 }
                let other = Self.key(commit)
                cache.take(other.span.bytes, value.span.bytes, of: Self.small, at: commit)
            }
            #expect(found == 0)
        }

        @Test func withoutMemoryThereIsNone() throws {
            for bytes in [0, 1000] {
                let store = try Self.store(bytes: bytes)
                try store.environment.apply([.put(Self.key(1), [1])], in: Self.small)
                #expect(try Self.compare(0..<3, in: store.environment) == 0)
                #expect(store.environment.cacheStatistics == CacheStatistics())
            }
        }

        @Test func anotherProcessCommitIsSeenAtOnce() throws {
            let store = try Self.store()
            let path = store.path
            try store.environment.apply((0..<100).map { .put(Self.key($0), [0]) }, in: Self.small)
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: Self.tables)
                for round in UInt8(1)...20 {
                    try link.await()
                    try environment.apply((0..<100).map { .put(Self.key($0), [round]) }, in: Self.small)
                    link.signal()
                }
                environment.close()
            }
            for round in UInt8(1)...20 {
                #expect(try Self.compare(0..<100, in: store.environment) == 0)
                child.signal()
                try child.awaitSignal()
                let value = try store.environment.read { (snapshot) throws(StorageError) in
                    try snapshot.cachedValue(Self.key(Int(round)), in: Self.small)
                }
                #expect(value == [round])
                // Two of this process behind one of the other.
                try store.environment.apply([.put(Self.key(1), [round, 1])], in: Self.small)
                #expect(try Self.compare(0..<100, in: store.environment) == 0)
                try store.environment.apply([.delete(Self.key(2))], in: Self.small)
                #expect(try Self.compare(0..<100, in: store.environment) == 0)
            }
            #expect(child.end() == .exited(0))
        }

        /// Readers compare what the cache says with what the pages of the same snapshot say, while this process and another
        /// one write and the cache grows or its ring goes round.
        @Test(arguments: [64 << 10, 4 << 20])
        func readersAgreeWithTheirSnapshotsWhileTwoProcessesWrite(_ bytes: Int) throws {
            let store = try Self.store(bytes: bytes)
            let path = store.path
            let child = try ChildProcess { link in
                try link.await()
                let environment = try Environment(at: path, tables: Self.tables)
                var random = SeededGenerator(seed: 5)
                for _ in 0..<60 {
                    try environment.apply(Self.steps(&random), in: Self.small)
                    try environment.apply(Self.steps(&random), in: Self.large)
                }
                environment.close()
            }
            let ended = Atomic(false)
            let wrong = Atomic(0)
            let asked = Atomic(0)
            child.signal()
            onThreads(4) { index in
                var random = SeededGenerator(seed: UInt64(index))
                if index == 0 {
                    for _ in 0..<400 {
                        try? store.environment.apply(Self.steps(&random), in: Self.small)
                        try? store.environment.apply(Self.steps(&random), in: Self.large)
                    }
                    ended.store(true, ordering: .releasing)
                    return
                }
                while !ended.load(ordering: .acquiring) {
                    let numbers = (0..<20).map { _ in Int.random(in: 0..<3000, using: &random) }
                    wrong.add((try? Self.compare(numbers, in: store.environment)) ?? 1, ordering: .relaxed)
                    asked.add(40, ordering: .relaxed)
                }
            }
            #expect(child.end() == .exited(0))
            #expect(wrong.load(ordering: .relaxed) == 0)
            #expect(try Self.compare(0..<3000, in: store.environment) == 0)
            #expect(asked.load(ordering: .relaxed) > 0)
        }

        private static func steps(_ random: inout SeededGenerator) -> [Step] {
            (0..<30).map { _ -> Step in
                let key = key(Int.random(in: 0..<3000, using: &random))
                let length = Int.random(in: 0...40, using: &random)
                let value = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: length)
                return Int.random(in: 0..<5, using: &random) == 0 ? .delete(key) : .put(key, value)
            }
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    fileprivate func cachedValue(_ key: [UInt8], in table: Table) throws(StorageError) -> [UInt8]? {
        try withValue(of: key.span.bytes, in: table) { (value) throws(StorageError) in
            value.withUnsafeBytes { Array($0) }
        }
    }
}
