import Foundation
import Glibc
import LMDB
import Storage
import TestSupport
import Testing

extension EngineTests {
    /// What a compacted file holds: everything that is there, and nothing that was.
    @Suite struct Compaction {
        enum Way: CaseIterable { case inPlace, copy }

        /// No living key or value contains it, and every deleted one is made of it.
        private static let mark = "gone"

        private static func deleted(_ number: Int, bytes count: Int) -> [UInt8] {
            Array(bytes(String(repeating: "\(mark)\(number) ", count: count / 6 + 1)).prefix(count))
        }

        /// Sizes on both sides of what fits into a page, and of what fills several.
        private static let sizes = [0, 7, 30, 200, 900, 1500, 2100, 4000, 4090, 9000, 30_000]

        @Test(arguments: Way.allCases, [UInt64(1), 2])
        func noByteOfADeletedEntryIsInTheFile(_ way: Way, _ seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let store = try Store()
            try fill(store.environment, &random)
            let before = try dump(of: store.environment, tables: tables)
            var path = store.path
            if way == .copy {
                path = store.directory.file("copy")
                try store.environment.copy(to: path, compacting: true)
            }
            store.environment.close()
            try #require(try isMarked(store.path), "nothing to get rid of, seed \(seed)")
            if way == .inPlace { _ = try Environment.compact(at: path, tables: tables) }
            #expect(try !isMarked(path), "seed \(seed)")
            let again = try Environment(at: path, tables: tables)
            #expect(try dump(of: again, tables: tables) == before, "seed \(seed)")
            again.close()
        }

        /// Entries in random order, of which every fifth is deleted, made shorter, made longer, or moved
        /// out of its page by others, in several commits.
        private func fill(_ environment: Environment, _ random: inout SeededGenerator) throws {
            var keys = (0..<1500).map { _ in
                random.bytes(count: 4...40, of: UInt8(ascii: "p")...UInt8(ascii: "z"))
            }
            keys = Array(Set(keys.map { String(decoding: $0, as: UTF8.self) }).sorted()).map { bytes($0) }
            keys.shuffle(using: &random)
            for table in tables {
                for start in stride(from: 0, to: keys.count, by: 200) {
                    var steps: [Step] = []
                    for number in start..<min(start + 200, keys.count) {
                        let size = Self.sizes.randomElement(using: &random) ?? 0
                        let living = [UInt8](repeating: UInt8(ascii: "a"), count: size)
                        guard number % 5 == 0 else {
                            steps.append(.put(keys[number], living))
                            continue
                        }
                        let gone = Self.deleted(number, bytes: max(size, 30))
                        steps.append(.put(keys[number], gone))
                        steps.append(.put(Array(bytes("\(Self.mark) ") + keys[number]), gone))
                    }
                    try environment.apply(steps, in: table)
                }
                for start in stride(from: 0, to: keys.count, by: 200) {
                    var steps: [Step] = []
                    for number in stride(from: start, to: min(start + 200, keys.count), by: 5) {
                        let size = Self.sizes.randomElement(using: &random) ?? 0
                        steps.append(.delete(Array(bytes("\(Self.mark) ") + keys[number])))
                        let living = [UInt8](repeating: UInt8(ascii: "b"), count: size)
                        steps.append(Bool.random(using: &random) ? .delete(keys[number]) : .put(keys[number], living))
                    }
                    try environment.apply(steps, in: table)
                }
            }
        }

        /// Whether the mark is in the file, wherever in it.
        private func isMarked(_ path: String) throws -> Bool {
            try Data(contentsOf: URL(filePath: path)).range(of: Data(bytes(Self.mark))) != nil
        }

        @Test func tablesThatNobodyAskedForAreKept() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            var options = EnvironmentOptions()
            options.creates = true
            let all = tables + [Table(ordinal: 2, name: "añadida"), Table(ordinal: 3, name: "empty")]
            let wide = try Environment(at: path, tables: all, options: options)
            for table in all.dropLast() { try wide.apply([.put(bytes(table.name), bytes("1"))], in: table) }
            let before = try dump(of: wide, tables: all)
            wide.close()
            _ = try Environment.compact(at: path, tables: tables)
            options.creates = false
            options.access = .readOnly
            let again = try Environment(at: path, tables: all, options: options)
            #expect(try dump(of: again, tables: all) == before)
            again.close()
            // A store that is in use knows only its own tables, and leaves none out silently.
            let narrow = try Environment(at: path, tables: tables)
            #expect { try narrow.copy(to: directory.file("copy"), compacting: true) } throws: { error in
                guard case .unknownFormat = error as? StorageError else { return false }
                return true
            }
            try narrow.copy(to: directory.file("copy"), compacting: false)
            narrow.close()
        }

        /// More than one commit's worth, in values of many pages.
        @Test func aLargeStoreIsCompactedInSeveralCommits() throws {
            let store = try Store()
            let value = [UInt8](repeating: 7, count: 24 << 20)
            for number in UInt8(0)..<5 { try store.environment.apply([.put([number], value)]) }
            try store.environment.fill(0..<100)
            try store.environment.apply([.delete([0]), .put([1], bytes("short"))])
            let before = try dump(of: store.environment, tables: tables)
            store.environment.close()
            let sizes = try Environment.compact(at: store.path, tables: tables)
            #expect(sizes.after < 3 * value.count + (1 << 20))
            let again = try Environment(at: store.path, tables: tables)
            #expect(try dump(of: again, tables: tables) == before)
            #expect(try again.statistics().fileBytes >= again.statistics().pagesUsed * 4096)
            again.close()
        }

        @Test func whatACrashLeftIsTakenAwayAndNothingIsAdded() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            try writeFile(store.path + ".compact", bytes("what a crash left"))
            _ = try Environment.compact(at: store.path, tables: tables)
            _ = try Environment.compact(at: store.path, tables: tables)
            let names = try FileManager.default.contentsOfDirectory(atPath: store.directory.path).sorted()
            #expect(names == ["store", "store-lock"])
            #expect(try modeOf(store.path) == 0o600)
            let again = try Environment(at: store.path, tables: tables)
            #expect(try again.value("a") == bytes("1"))
            again.close()
        }

        /// A copy of everybody, which nobody would look for.
        @Test func whoOpensToWriteTakesAwayWhatACrashLeft() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            let rest = store.path + ".compact"
            try writeFile(rest, bytes("what a crash left"))
            var options = EnvironmentOptions()
            options.access = .readOnly
            try Environment(at: store.path, tables: tables, options: options).close()
            #expect(access(rest, F_OK) == 0)
            try Environment(at: store.path, tables: tables).close()
            #expect(access(rest, F_OK) != 0)
        }

        @Test(.enabled(if: geteuid() == 0, "only root may give files away"))
        func theOwnerStays() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            try #require(chown(store.path, 65534, 65534) == 0)
            _ = try Environment.compact(at: store.path, tables: tables)
            var status = stat()
            #expect(stat(store.path, &status) == 0 && status.st_uid == 65534 && status.st_gid == 65534)
        }

        @Test(arguments: [60 << 10, 300 << 10])
        func whereThereIsNoRoomTheStoreStaysAsItWas(_ room: Int) throws {
            let store = try Store()
            try store.environment.fill(0..<1000)
            let before = try dump(of: store.environment, tables: tables)
            store.environment.close()
            let file = try readFile(store.path)
            let path = store.path
            // The limit holds for the process, so a child takes it.
            let child = try ChildProcess { _ in
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: rlim_t(room), rlim_max: rlim_t(room))
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                do {
                    _ = try Environment.compact(at: path, tables: tables)
                    try expectInChild(false, "no error")
                } catch StorageError.diskFull {}
            }
            #expect(child.end() == .exited(0))
            #expect(try readFile(store.path) == file)
            let names = try FileManager.default.contentsOfDirectory(atPath: store.directory.path).sorted()
            #expect(names == ["store", "store-lock"])
            let again = try Environment(at: store.path, tables: tables)
            #expect(try dump(of: again, tables: tables) == before)
            again.close()
        }
    }
}
