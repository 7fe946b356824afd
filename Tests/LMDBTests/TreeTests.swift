import Glibc
import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// Our own search in LMDB's pages finds what LMDB has, by itself and together with others.
    @Suite struct Trees {
        private static let short = Table(ordinal: 0, name: "short", isCached: true, isBuffered: true)
        private static let long = Table(ordinal: 1, name: "long")
        private static let empty = Table(ordinal: 2, name: "empty", isCached: true)
        private static let tables = [short, long, empty]

        private static func store(
            cacheBytes: Int = 0, bufferedEntriesMax: Int = 500, mapBytes: Int = 1 << 30
        ) throws -> Store {
            try Store(tables: tables) {
                $0.cacheBytes = cacheBytes
                $0.bufferedEntriesMax = bufferedEntriesMax
                $0.mapBytes = mapBytes
            }
        }

        /// Keys of all lengths that share long beginnings, and values from none to several pages.
        private static func fill(
            _ environment: Environment, _ random: inout SeededGenerator, count: Int
        ) throws(StorageError) {
            var steps: (short: [Step], long: [Step]) = ([], [])
            for _ in 0..<count {
                let key = random.bytes(count: 1...24, of: 97...99)
                steps.short.append(.put(key, random.bytes(count: 0...40)))
                let beginning = [UInt8](repeating: 120, count: Int.random(in: 0...480, using: &random))
                let size = Int.random(in: 0..<20, using: &random) == 0 ? 20_000 : 200
                let value = [UInt8](repeating: key[0], count: Int.random(in: 0...size, using: &random))
                steps.long.append(.put(beginning + key, value))
                if Int.random(in: 0..<8, using: &random) == 0 { steps.short.append(.delete(key)) }
            }
            try environment.apply(steps.short, in: short)
            try environment.apply(steps.long, in: long)
        }

        /// Near the keys that are there: the same, longer, shorter, another.
        private static func questions(_ key: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
            var other = key
            other[Int.random(in: 0..<key.count, using: &random)] &+= UInt8.random(in: 1...255, using: &random)
            return [key, key + [0], Array(key.dropLast()), other].filter { (1...511).contains($0.count) }
        }

        /// The same snapshot, scanned by LMDB's cursors.
        private static func byLMDB(_ snapshot: borrowing Snapshot) -> Snapshot {
            let handle = snapshot.handle
            return Snapshot(
                handle: TransactionHandle(
                    pointer: handle.pointer, commit: handle.commit, tables: handle.tables,
                    tableCount: handle.tableCount, place: nil, trees: nil, cache: nil, buffer: handle.buffer,
                    view: handle.view, main: handle.main))
        }

        /// How often a snapshot finds, or scans, otherwise than LMDB does.
        private static func wrong(in held: inout HeldSnapshot, _ random: inout SeededGenerator) throws -> Int {
            var wrong = 0
            for table in tables {
                let entries = try Self.byLMDB(held.snapshot).entries(table)
                let scanned = try held.snapshot.entries(table)
                if scanned.map(\.key) != entries.map(\.key) || scanned.map(\.value) != entries.map(\.value) {
                    wrong += 1
                }
                let expected = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
                let keys = (0..<100).compactMap { _ in entries.randomElement(using: &random)?.key } + [bytes("a")]
                for key in keys.flatMap({ questions($0, &random) }) {
                    if try held.snapshot.value(key, in: table) != expected[key] { wrong += 1 }
                }
                for _ in 0..<10 { wrong += try wrongTogether(in: &held, table, keys, expected, &random) }
            }
            return wrong
        }

        private static func expectedBytes(in held: borrowing HeldSnapshot, at place: Int) -> [UInt8]? {
            guard let value = held.expectedValue(at: place) else { return nil }
            return value.withUnsafeBytes(Array.init)
        }

        /// As many as there is room for and more, asked for in another order, some twice and some unexpected.
        private static func wrongTogether(
            in held: inout HeldSnapshot, _ table: Table, _ keys: [[UInt8]], _ expected: [[UInt8]: [UInt8]],
            _ random: inout SeededGenerator
        ) throws -> Int {
            held.expectNothing()
            let asked = (0..<Int.random(in: 1...40, using: &random)).flatMap { _ in
                questions(keys.randomElement(using: &random) ?? [1], &random)
            }
            for (number, key) in asked.enumerated() {
                held.expect(key.span.bytes, in: table, tag: number)
                if Int.random(in: 0..<6, using: &random) == 0 { held.lookAhead() }
            }
            held.lookAhead()
            var wrong = 0
            for place in 0..<held.expectedCount {
                let key = asked.filter { $0.count <= 64 }[place]
                if let value = Self.expectedBytes(in: held, at: place), value != expected[key] { wrong += 1 }
            }
            for key in asked.shuffled(using: &random) + asked.prefix(3) {
                let value = try held.withValue(of: key.span.bytes, in: table) { (value) throws(StorageError) in
                    value.withUnsafeBytes(Array.init)
                }
                if value != expected[key] { wrong += 1 }
            }
            return wrong
        }

        @Test(arguments: [0, 4 << 20], [UInt64(1), 2])
        func findsWhatIsThere(_ cacheBytes: Int, _ seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let store = try Self.store(cacheBytes: cacheBytes, mapBytes: 1 << 20)
            // The map grows and moves meanwhile.
            for count in [0, 1, 5, 50, 500, 3_000] {
                try Self.fill(store.environment, &random, count: count)
                for _ in 0..<3 {
                    var held = try store.environment.hold()
                    try #require(Self.wrong(in: &held, &random) == 0, "\(count) entries, seed \(seed)")
                }
            }
            #expect(try store.environment.statistics().mapBytes > 1 << 20)
        }

        @Test func snapshotsKeepTheirTrees() throws {
            var random = SeededGenerator(seed: 5)
            let store = try Self.store(cacheBytes: 4 << 20)
            try Self.fill(store.environment, &random, count: 500)
            for _ in 0..<20 {
                var held = try store.environment.hold()
                let before = try held.snapshot.entries(Self.short)
                try Self.fill(store.environment, &random, count: 20)
                try #require(Self.wrong(in: &held, &random) == 0)
                #expect(try held.snapshot.entries(Self.short) == before)
            }
        }

        @Test func keysThatWereExpectedAreFound() throws {
            let store = try Self.store()
            try store.environment.apply((0..<400).map { .put(bytes("key \($0)"), bytes("\($0)")) }, in: Self.long)
            var held = try store.environment.hold()
            for number in 0..<HeldSnapshot.expectedMax + 5 {
                held.expect(bytes("key \(number)").span.bytes, in: Self.long, tag: number)
            }
            held.lookAhead()
            #expect(held.expectedCount == HeldSnapshot.expectedMax)
            for place in 0..<held.expectedCount {
                #expect(held.expectedTag(at: place) == place)
                #expect(Self.expectedBytes(in: held, at: place) == bytes("\(place)"))
            }
        }

        /// By our own code what the transaction has not changed, and by LMDB the rest.
        @Test func whoWritesScansWhatIsThere() throws {
            var random = SeededGenerator(seed: 6)
            let store = try Self.store()
            try Self.fill(store.environment, &random, count: 800)
            let (short, long) = try store.environment.read { (snapshot) throws(StorageError) in
                (try snapshot.entries(Self.short), try snapshot.entries(Self.long))
            }
            let last = Entry(key: bytes("zz"), value: bytes("1"))
            try store.environment.write { (transaction) throws(StorageError) in
                for (isInShort, isInLong) in [(false, false), (true, false), (true, true)] {
                    let foundInShort = try transaction.entries(Self.short)
                    let foundInLong = try transaction.entries(Self.long)
                    #expect(foundInShort == short + (isInShort ? [last] : []))
                    #expect(foundInLong == long + (isInLong ? [last] : []))
                    try transaction.put(last.key, last.value, in: isInShort ? Self.long : Self.short)
                }
            }
        }

        /// Damage that comes while a store is open, as where the list of free pages names one that is in use.
        private static func withDamage(
            _ store: Store, at place: Int, _ damage: [UInt8], _ body: () throws -> Void
        ) throws {
            let descriptor = open(store.path, O_RDWR)
            defer { close(descriptor) }
            var before = [UInt8](repeating: 0, count: damage.count)
            try #require(pread(descriptor, &before, before.count, off_t(place)) == before.count)
            try #require(pwrite(descriptor, damage, damage.count, off_t(place)) == damage.count)
            defer { #expect(pwrite(descriptor, before, before.count, off_t(place)) == before.count) }
            try body()
        }

        /// A store whose last commit nobody has looked at yet, by those who have looked at the one before.
        private static func storeWithNewCommit() throws -> (store: Store, last: MetaPage) {
            let store = try Self.store()
            for number in 0..<4 {
                _ = try store.environment.read { (snapshot) throws(StorageError) in
                    try snapshot.value(bytes("key"), in: Self.long)
                }
                try store.environment.apply([.put(bytes("key"), bytes("\(number)"))], in: Self.long)
            }
            return (store, try #require(MetaPage.newest(in: try readFile(store.path), pageBytes: 4096)))
        }

        private static func expectCorruption(_ environment: Environment) {
            expectThrows(corrupted) {
                _ = try environment.read { (snapshot) throws(StorageError) in
                    try snapshot.value(bytes("key"), in: Self.long)
                }
            }
            expectThrows(corrupted) { try environment.apply([.put(bytes("key"), bytes("new"))], in: Self.long) }
        }

        /// LMDB begins with it whatever it does, and believes what it says.
        @Test func aDamagedFirstPageOfTheNamesIsFoundWithEachCommit() throws {
            let (store, last) = try Self.storeWithNewCommit()
            let root = try #require(last.mainRoot)
            // The page's kind.
            try Self.withDamage(store, at: root * 4096 + 10, [4, 0]) { Self.expectCorruption(store.environment) }
            #expect(try store.environment.count(Self.long) == 1)
        }

        @Test(arguments: [1 << 36, UInt64.max] as [UInt64])
        func anImpossibleNumberOfPagesIsFoundWithEachCommit(_ number: UInt64) throws {
            let (store, last) = try Self.storeWithNewCommit()
            let damage = withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
            try Self.withDamage(store, at: (last.commit & 1) * 4096 + 136, damage) {
                Self.expectCorruption(store.environment)
                expectThrows(corrupted) { _ = try store.environment.statistics() }
            }
            #expect(try store.environment.count(Self.long) == 1)
        }

        @Test func nothingIsSortedInThroughADamagedPage() throws {
            let store = try Self.store()
            func put(_ numbers: Range<Int>) throws(StorageError) {
                try store.environment.apply(numbers.map { .put(bytes("key \($0)"), bytes("value")) }, in: Self.short)
            }
            try put(0..<400)
            try store.environment.sortInAll()
            try put(400..<420)
            let root = try store.environment.read { (snapshot) throws(StorageError) in
                try snapshot.handle.trees?.tree(of: Self.short, snapshot.handle)?.root
            }
            try Self.withDamage(store, at: try #require(root) * 4096 + 10, [4, 0]) {
                expectThrows(corrupted) { try store.environment.sortInAll() }
            }
            try store.environment.sortInAll()
            #expect(try store.environment.count(Self.short) == 420)
        }

        enum Damage: CaseIterable {
            /// One byte is another.
            case byte
            /// One page is as another of the same tree: a branch may name a page above it, and two branches the same one.
            case page
        }

        /// Whatever the pages say, a lookup or a scan answers or throws, ends, and touches nothing outside of the map.
        @Test(arguments: Damage.allCases)
        func damagedPagesAreNotFollowed(_ damage: Damage) throws {
            var random = SeededGenerator(seed: 9)
            let store = try Self.store(bufferedEntriesMax: 0)
            try Self.fill(store.environment, &random, count: 3_000)
            let descriptor = open(store.path, O_RDWR)
            defer { close(descriptor) }
            var failures = 0
            for round in 0..<300 {
                let table = round % 2 == 0 ? Self.long : Self.short
                var held = try store.environment.hold()
                let keys = try held.snapshot.entries(table, limit: 2_000).map(\.key)
                let pages = try (0..<2).map { _ in
                    try Self.page(of: keys.randomElement(using: &random) ?? [1], in: held.snapshot, table)
                }
                let place = off_t(pages[0]) * 4096
                var before = [UInt8](repeating: 0, count: 4096)
                #expect(pread(descriptor, &before, 4096, place) == 4096)
                var damaged = before
                switch damage {
                case .byte:
                    // Heads and the offsets of nodes more often than what follows.
                    let end = [16, 64, 4096].randomElement(using: &random) ?? 4096
                    damaged[Int.random(in: 8..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
                case .page: #expect(pread(descriptor, &damaged, 4096, off_t(pages[1]) * 4096) == 4096)
                }
                #expect(pwrite(descriptor, damaged, 4096, place) == 4096)
                failures += try Self.failures(ofLookups: &held, table, of: keys, &random)
                failures += try Self.failures(ofScans: held, table, from: keys.randomElement(using: &random) ?? [1])
                failures += try Self.failures(ofReadsByWriterOf: store.environment, table, of: keys, &random)
                #expect(pwrite(descriptor, before, 4096, place) == 4096)
            }
            #expect(failures > 0)
        }

        /// How many lookups find damage: of keys that are there, some at a time.
        private static func failures(
            ofLookups held: inout HeldSnapshot, _ table: Table, of keys: [[UInt8]], _ random: inout SeededGenerator
        ) throws(StorageError) -> Int {
            var failures = 0
            for _ in 0..<20 {
                held.expectNothing()
                let asked = (0..<8).map { _ in keys.randomElement(using: &random) ?? [1] }
                for key in asked { held.expect(key.span.bytes, in: table) }
                held.lookAhead()
                for key in asked {
                    do throws(StorageError) {
                        _ = try held.withValue(of: key.span.bytes, in: table) { (_) throws(StorageError) in }
                        _ = try held.snapshot.value(key, in: table)
                    } catch {
                        guard case .corrupted = error else { throw error }
                        failures += 1
                    }
                }
            }
            return failures
        }

        /// How many lookups of a transaction that writes find damage, in a table that it has not changed.
        private static func failures(
            ofReadsByWriterOf environment: Environment, _ table: Table, of keys: [[UInt8]],
            _ random: inout SeededGenerator
        ) throws -> Int {
            var failures = 0
            let asked = (0..<30).compactMap { _ in keys.randomElement(using: &random) }
            let other = table == long ? short : long
            #expect(throws: StorageError.conflict) {
                try environment.write { (transaction) throws(StorageError) in
                    for (number, key) in asked.enumerated() {
                        // LMDB then has the page that says where the tables begin somewhere else.
                        if number == 10 { try transaction.put(bytes("another"), bytes("1"), in: other) }
                        do throws(StorageError) {
                            _ = try transaction.get(key.span.bytes, from: table)
                            if number % 10 == 0 { _ = try transaction.entries(table, from: key, limit: 500) }
                        } catch {
                            guard case .corrupted = error else { throw error }
                            failures += 1
                        }
                    }
                    throw .conflict
                }
            }
            return failures
        }

        /// How many scans find damage: both ways, from a key and from the end.
        private static func failures(
            ofScans held: borrowing HeldSnapshot, _ table: Table, from key: [UInt8]
        ) throws(StorageError) -> Int {
            var failures = 0
            for (start, order) in [(key, ScanOrder.ascending), (key, .descending), ([], .ascending), ([], .descending)]
            {
                do throws(StorageError) {
                    try held.snapshot.scan(table, prefix: RawSpan(), from: start.span.bytes, order: order) {
                        (_, _) throws(StorageError) in .next
                    }
                } catch {
                    guard case .corrupted = error else { throw error }
                    failures += 1
                }
            }
            return failures
        }

        /// A page on the way to a key: one in three times a branch.
        private static func page(
            of key: [UInt8], in snapshot: borrowing Snapshot, _ table: Table
        ) throws(StorageError) -> Int {
            guard let tree = try snapshot.handle.trees?.tree(of: table, snapshot.handle) else { return 2 }
            let leaf = try key.span.withUnsafeBytes { bytes throws(StorageError) in try tree.leaf(for: bytes) }
            guard let leaf, key[0] % 3 != 0 else { return tree.root }
            return (leaf.start - tree.start) / Tree.pageBytes
        }
    }
}
