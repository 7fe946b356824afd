import Foundation
import Glibc
import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// What was committed is there, whatever happens.
    @Suite struct Durability {
        @Test func aKilledWriterLeavesTheLastCommit() throws {
            let store = try Store()
            let path = store.path
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                try environment.put("a", "committed")
                try environment.write { (transaction) throws(StorageError) in
                    for number in 0..<5000 {
                        try transaction.put(bytes("\(number)"), [UInt8](repeating: 1, count: 900))
                    }
                    link.signal()
                    while true { pause() }
                }
            }
            try child.awaitSignal()
            #expect(child.kill() == .killed(SIGKILL))
            #expect(try dump(of: store.environment, tables: tables) == ["letters": [bytes("a"): bytes("committed")]])
            try store.environment.put("b", "2")
        }

        /// Killed at any moment of a stream of commits, the store has every one that was acknowledged.
        @Test(arguments: [1, 7, 40])
        func aKilledWriterLosesNoAcknowledgedCommit(_ acknowledged: Int) throws {
            let store = try Store()
            let path = store.path
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                for number in 0..<100_000 {
                    try environment.fill(number..<number + 1)
                    link.signal()
                }
            }
            for _ in 0..<acknowledged { try child.awaitSignal() }
            child.kill()
            #expect(try store.environment.count() >= acknowledged)
            store.environment.close()
            let again = try Environment(at: path, tables: tables)
            #expect(try again.keys().count >= acknowledged)
            again.close()
        }

        /// A commit that failed has freed its transaction already: the C library would abort on a second time.
        @Test func aFileSizeLimitIsAFullDisk() throws {
            let directory = try TemporaryDirectory()
            let child = try ChildProcess { _ in
                signal(SIGXFSZ, SIG_IGN)
                var options = EnvironmentOptions()
                options.creates = true
                let environment = try Environment(at: directory.file("store"), tables: tables, options: options)
                try environment.fill(0..<100)
                let before = try dump(of: environment, tables: tables)
                var limit = rlimit(rlim_cur: 1 << 20, rlim_max: rlim_t.max)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                for _ in 0..<3 {
                    do {
                        try environment.fill(1000..<4000)
                        throw Unexpected(what: "the write fitted")
                    } catch StorageError.diskFull {}
                    try expectInChild(try dump(of: environment, tables: tables) == before, "contents")
                }
                limit.rlim_cur = rlim_t.max
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                try environment.fill(1000..<4000)
                try expectInChild(try environment.count() == 3100, "count")
                environment.close()
            }
            #expect(child.end() == .exited(0))
        }

        @Test(.enabled(if: geteuid() == 0, "only root may mount"))
        func aFullDiskLosesNothing() throws {
            let directory = try TemporaryDirectory()
            try run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path)
            defer { try? run("umount", directory.path) }
            var options = EnvironmentOptions()
            options.creates = true
            let environment = try Environment(at: directory.file("store"), tables: tables, options: options)
            defer { environment.close() }
            try environment.fill(0..<100)
            let before = try dump(of: environment, tables: tables)
            #expect(throws: StorageError.diskFull) { try environment.fill(1000..<4000) }
            #expect(throws: StorageError.diskFull) {
                try environment.copy(to: directory.file("copy"), compacting: false)
            }
            #expect(try dump(of: environment, tables: tables) == before)
            #expect(access(directory.file("copy"), F_OK) != 0)
            environment.close()
            let again = try Environment(at: directory.file("store"), tables: tables)
            #expect(try dump(of: again, tables: tables) == before)
            again.close()
        }

        /// LMDB may leave the file without a last page that is free; a later opening must not take that for damage.
        @Test(arguments: [100, 5000, 100_000])
        func aFileIsWholeAfterEveryCommit(_ size: Int) throws {
            let store = try Store()
            try store.environment.apply([.put([1], [1])])
            for number in 0..<20 {
                // Pages that are made and freed in one transaction are never written.
                let steps: [Step] = (0...UInt8(number)).flatMap { key -> [Step] in
                    [.put([2, key], [UInt8](repeating: 7, count: size)), .delete([2, key])]
                }
                try store.environment.apply(steps)
                let statistics = try store.environment.statistics()
                #expect(statistics.fileBytes >= statistics.pagesUsed * statistics.pageBytes)
            }
        }

        /// What the engine would leave if it were killed between its commit and making the file whole.
        @Test func aFileThatLacksOnlyFreePagesIsOpenedAndMadeWhole() throws {
            let store = try Store()
            var tail = 0
            for number in 0..<30 where tail == 0 {
                let value = [UInt8](repeating: 7, count: 5000 * (number + 1))
                try store.environment.apply([.put([1], [1]), .put([2], value), .delete([2])])
                tail = try store.environment.freeTail()
            }
            try #require(tail > 0)
            let whole = try store.environment.statistics().fileBytes
            store.environment.close()
            try #require(truncate(store.path, whole - tail * 4096) == 0)
            let again = try Environment(at: store.path, tables: tables)
            #expect(try dump(of: again, tables: tables) == ["letters": [[1]: [1]]])
            #expect(try sizeOf(store.path) == whole)
            again.close()
        }

        private func run(_ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = arguments
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(arguments)")
        }
    }

    /// A copy is one moment of the store; compaction keeps what is in it.
    @Suite struct Copies {
        @Test(arguments: [false, true])
        func aCopyMadeWhileWritingIsConsistent(_ compacting: Bool) throws {
            let store = try Store()
            let path = store.path
            try store.environment.pair(0)
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                for number in 0..<100_000 {
                    try environment.pair(number)
                    if number == 20 { link.signal() }
                }
            }
            try child.awaitSignal()
            for number in 0..<5 {
                let target = store.directory.file("copy \(number)")
                try store.environment.copy(to: target, compacting: compacting)
                #expect(try modeOf(target) == 0o600)
                let copy = try Environment(at: target, tables: tables)
                let contents = try dump(of: copy, tables: tables)
                #expect(contents["letters"] == contents["numbers"])
                #expect(contents["letters"]?.isEmpty == false)
                copy.close()
            }
            child.kill()
        }

        @Test func aCopyOverwritesNothing() throws {
            let store = try Store()
            let target = store.directory.file("target")
            try writeFile(target, [1, 2, 3])
            expectThrows(exists) { try store.environment.copy(to: target, compacting: true) }
            expectThrows(exists) { try store.environment.copy(to: store.path, compacting: false) }
            #expect(try readFile(target) == [1, 2, 3])
        }

        @Test func aCopyReplacesNoLinkThatLeadsNowhere() throws {
            let store = try Store()
            let target = store.directory.file("target")
            try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: "nothing")
            for compacting in [false, true] {
                expectThrows(exists) { try store.environment.copy(to: target, compacting: compacting) }
            }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: target) == "nothing")
        }

        @Test func aFileThatCameMeanwhileStays() throws {
            let directory = try TemporaryDirectory()
            let target = directory.file("target")
            expectThrows(exists) {
                try NewFile.write(target) { (_, _) throws(StorageError) in
                    do { try writeFile(target, [1, 2, 3]) } catch { throw StorageError.misuse("\(error)") }
                }
            }
            #expect(try readFile(target) == [1, 2, 3])
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["target"])
        }

        @Test func aCopyThatFailsLeavesNoFile() throws {
            let store = try Store()
            let target = store.directory.file("no/such/directory")
            #expect(throws: StorageError.system(code: ENOENT, during: "making \(target)")) {
                try store.environment.copy(to: target, compacting: true)
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: store.directory.path).sorted()
            #expect(names == ["store", "store-lock"])
        }

        @Test func compactionShrinksTheFileAndKeepsItsContents() throws {
            let store = try Store()
            try store.environment.fill(0..<2000)
            try store.environment.apply((10..<2000).map { .delete(bytes("key \($0 + 1_000_000)")) })
            let before = try dump(of: store.environment, tables: tables)
            store.environment.close()
            let sizes = try Environment.compact(at: store.path, tables: tables)
            #expect(sizes.after < sizes.before / 4)
            #expect(try sizeOf(store.path) == sizes.after)
            #expect(try modeOf(store.path) == 0o600)
            let again = try Environment(at: store.path, tables: tables)
            #expect(try dump(of: again, tables: tables) == before)
            try again.put("more", "1")
            again.close()
            let names = try FileManager.default.contentsOfDirectory(atPath: store.directory.path).sorted()
            #expect(names == ["store", "store-lock"])
        }

        @Test func compactionFollowsASymlink() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            let link = store.directory.file("link")
            try #require(symlink(store.path, link) == 0)
            _ = try Environment.compact(at: link, tables: tables)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == store.path)
        }

        @Test func compactionNeedsTheStoreAlone() throws {
            let store = try Store()
            let path = store.path
            store.environment.close()
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                link.signal()
                try link.await()
                environment.close()
            }
            try child.awaitSignal()
            expectThrows(inUse) { _ = try Environment.compact(at: path, tables: tables) }
            child.signal()
            #expect(child.end() == .exited(0))
            _ = try Environment.compact(at: path, tables: tables)
        }

        @Test func compactionOfAnOpenStoreIsRefused() throws {
            let store = try Store()
            expectThrows(misuse) { _ = try Environment.compact(at: store.path, tables: tables) }
            try store.environment.put("a", "1")
        }

        /// LMDB numbers commits in the lock file, and a compacted file counts anew: a process that opened the new file
        /// beside a lock file in use read an empty store.
        @Test func storesOpenedDuringCompactionSeeEverything() throws {
            let store = try Store()
            for number in 0..<20 { try store.environment.fill(number * 10..<(number + 1) * 10) }
            store.environment.close()
            let path = store.path
            let child = try ChildProcess { link in
                link.signal()
                for _ in 0..<300 {
                    do {
                        let environment = try Environment(at: path, tables: tables)
                        defer { environment.close() }
                        try expectInChild(try environment.keys().count == 200, "entries")
                    } catch StorageError.inUse {}
                }
            }
            try child.awaitSignal()
            for _ in 0..<40 {
                do {
                    // Even commits are read from the page that a compacted file does not use.
                    let environment = try Environment(at: path, tables: tables)
                    try environment.fill(0..<1)
                    environment.close()
                    _ = try Environment.compact(at: path, tables: tables)
                } catch StorageError.inUse {}
            }
            #expect(child.end() == .exited(0))
        }
    }
}

extension Environment {
    /// How many pages at the end of the file are free.
    func freeTail() throws(StorageError) -> Int {
        let last = try statistics().pagesUsed - 1
        return try read { (snapshot) throws(StorageError) in
            var free: Set<Int> = []
            try snapshot.handle.forEachFreePage { free.insert($0) }
            return (0...last).first { !free.contains(last - $0) } ?? 0
        }
    }
}

extension StorageEngine {
    /// Writes the same entry to both tables at once.
    func pair(_ number: Int) throws(StorageError) {
        try write { (transaction) throws(StorageError) in
            for table in tables {
                try transaction.put(bytes("\(number)"), [UInt8](repeating: 1, count: 500), in: table)
            }
        }
    }
}
