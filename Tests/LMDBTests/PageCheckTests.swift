import Glibc
import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// Every page of a sound store has one place, and one that has two is found.
    @Suite struct PageChecks {
        private static let gathered = Table(ordinal: 0, name: "gathered", isBuffered: true)
        private static let plain = Table(ordinal: 1, name: "plain")
        private static let tables = [gathered, plain]

        private static func faults(_ environment: Environment) throws -> [PageFault] {
            try environment.pageFaults { () throws(StorageError) in }
        }

        private static func environment(_ path: String) throws -> Environment {
            var options = EnvironmentOptions()
            options.creates = true
            options.commitsBeforeLog = 0
            options.logBytesMax = 50_000
            options.bufferedEntriesMax = 200
            return try Environment(at: path, tables: tables, options: options)
        }

        /// Values from none to several pages, many of them replaced by shorter ones and by longer.
        private static func change(
            _ environment: Environment, _ random: inout SeededGenerator
        ) throws(StorageError) {
            var steps: (gathered: [Step], plain: [Step]) = ([], [])
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                let key = bytes("key \(Int.random(in: 0..<500, using: &random))")
                steps.gathered.append(.put(key, random.bytes(count: 0...40)))
                let size = Int.random(in: 0..<6, using: &random) == 0 ? 20_000 : 200
                let value = [UInt8](repeating: 1, count: Int.random(in: 0...size, using: &random))
                steps.plain.append(Bool.random(using: &random) ? .put(key, value) : .delete(key))
                // In the same commit.
                if Bool.random(using: &random) { steps.plain.append(.put(key, [1])) }
            }
            try environment.apply(steps.gathered, in: gathered)
            try environment.apply(steps.plain, in: plain)
        }

        @Test(arguments: [UInt64(1), 2])
        func aSoundStoreHasNoFaults(_ seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            for _ in 0..<4 {
                let environment = try Self.environment(path)
                #expect(try Self.faults(environment) == [])
                for round in 0..<60 {
                    if round % 5 == 0 {
                        // What a reader keeps is not used again.
                        let held = try environment.hold()
                        for _ in 0..<3 { try Self.change(environment, &random) }
                        _ = held.snapshot.commit
                    }
                    try Self.change(environment, &random)
                    if Bool.random(using: &random) { try environment.doDeferredWork() }
                    let faults = try Self.faults(environment)
                    try #require(faults == [], "round \(round), seed \(seed)")
                }
                environment.close()
            }
        }

        /// LMDB says a commit on a first page, and then in the lock file, by which others go. A writer may be ended in between.
        @Test func aCommitThatOnlyAFirstPageTellsOfIsInNobodysWay() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            let file = try readFile(store.path)
            let last = try #require(MetaPage.newest(in: file, pageBytes: 4096))
            let (place, next) = ((last.commit & 1) * 4096, last.commit + 1)
            let content = file[(place + 16)..<(place + 144)] + withUnsafeBytes(of: next.littleEndian) { [UInt8]($0) }
            let descriptor = open(store.path, O_WRONLY)
            defer { close(descriptor) }
            try StoreFile.write(Array(content), at: 4096 - place + 16, to: descriptor, during: "a test")
            #expect(try store.environment.statistics().lastCommit == next)
            let shown = try store.environment.read { (snapshot) throws(StorageError) in snapshot.commit }
            #expect(shown == last.commit)
            #expect(try Self.faults(store.environment) == [])
        }

        /// A closed store with several levels of pages, and the numbers on its list of free pages.
        private struct Scene {
            let directory: TemporaryDirectory
            let path: String
            let whole: [UInt8]
            let last: MetaPage
            /// Of the table with most entries.
            let root: Int
            /// Where the first number on the list lies.
            let place: Int
            let free: [Int]

            init() throws {
                directory = try TemporaryDirectory()
                path = directory.file("store")
                let environment = try PageChecks.environment(path)
                for number in 0..<5 {
                    let steps = (0..<300).map { Step.put(bytes("key \($0)"), bytes("\(number)")) }
                    try environment.apply(steps, in: PageChecks.plain)
                }
                let root = try environment.read { (snapshot) throws(StorageError) in
                    try snapshot.handle.trees?.tree(of: PageChecks.plain, snapshot.handle)?.root
                }
                self.root = try #require(root)
                environment.close()
                whole = try readFile(path)
                last = try #require(MetaPage.newest(in: whole, pageBytes: 4096))
                let freeRoot = try #require(last.freeRoot)
                let list = try #require(Self.firstList(whole, on: freeRoot))
                (place, free) = list
            }

            /// The first entry of the list that has more than one number, on the only page of its tree.
            private static func firstList(_ file: [UInt8], on leaf: Int) -> (place: Int, numbers: [Int])? {
                file.withUnsafeBytes { bytes in
                    guard let start = bytes.baseAddress else { return nil }
                    let page = Page(start: start + leaf * 4096)
                    for node in (0..<page.count).map(page.node) where page.isLeaf && !node.isBig {
                        let count = node.value.loadUnaligned(as: Int.self)
                        guard count > 1 else { continue }
                        let numbers = (1...count).map { node.value.loadUnaligned(fromByteOffset: 8 * $0, as: Int.self) }
                        return (node.value - start + 8, numbers)
                    }
                    return nil
                }
            }

            func faults(with number: Int, at place: Int) throws -> [PageFault] {
                let bytes = withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
                try overwrite(path, at: place, with: bytes)
                defer { try? writeFile(path, whole) }
                let environment = try PageChecks.environment(path)
                defer { environment.close() }
                return try PageChecks.faults(environment)
            }
        }

        @Test func aListOfFreePagesThatNamesOthersIsFound() throws {
            let scene = try Scene()
            let last = scene.last
            let inUse = [last.mainRoot, last.freeRoot, scene.root].compactMap(\.self)
            #expect(inUse.count == 3)
            for number in inUse + [scene.free[1], 0, 1, -1, last.lastPage + 1, .max] {
                let faults = try scene.faults(with: number, at: scene.place)
                #expect(faults.map(\.page) == [number] && faults.map(\.table) == ["free pages"], "\(faults)")
            }
            // A count beyond the entry.
            let faults = try scene.faults(with: 1_000, at: scene.place - 8)
            #expect(faults.map(\.table) == ["free pages"])
        }

        @Test func aPageThatIsUsedTwiceIsFound() throws {
            let scene = try Scene()
            // Where the first child of the branch is named, and the number of the second.
            let (place, second) = try scene.whole.withUnsafeBytes { bytes in
                let start = try #require(bytes.baseAddress)
                let page = Page(start: start + scene.root * 4096)
                try #require(page.isBranch && page.count > 1)
                return (page.node(0).start - start, page.node(1).child)
            }
            // Four bytes of the number, two more of it, and the length of the key, which is none.
            let faults = try scene.faults(with: second, at: place)
            #expect(faults.map(\.page) == [second] && faults.map(\.table) == ["plain"], "\(faults)")
        }
    }
}
