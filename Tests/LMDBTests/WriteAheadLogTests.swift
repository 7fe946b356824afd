import Foundation
import Glibc
import Storage
import Synchronization
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// Commits that are logged survive whatever commits survive that are written back at once.
    @Suite struct WriteAhead {
        private static let gathered = Table(ordinal: 0, name: "gathered", isBuffered: true, isSortedWhereMany: true)
        static let plain = Table(ordinal: 1, name: "plain")
        private static let chain = Table(ordinal: 2, name: "chain", isRewritten: true)
        static let tables = [gathered, plain, chain]

        private static func options(logBytes: Int = 8 << 20) -> EnvironmentOptions {
            var options = EnvironmentOptions()
            options.creates = true
            options.commitsBeforeLog = 0
            options.logBytesMax = logBytes
            options.bufferedEntriesMax = 300
            return options
        }

        static func environment(_ path: String, logBytes: Int = 8 << 20) throws(StorageError) -> Environment {
            try Environment(at: path, tables: tables, options: options(logBytes: logBytes))
        }

        /// Random puts and deletes in both tables, the same for the same number.
        static func change(_ engine: some StorageEngine, _ number: Int) throws(StorageError) {
            try engine.write { (transaction) throws(StorageError) in
                var random = SeededGenerator(seed: UInt64(number + 1))
                if number % 7 == 3 { transaction.expectMany() }
                for _ in 0..<Int.random(in: 1...12, using: &random) {
                    let table = Bool.random(using: &random) ? gathered : plain
                    let key = bytes("key \(Int.random(in: 0..<700, using: &random))")
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        try transaction.delete(key.span.bytes, from: table)
                    } else {
                        let size = Int.random(in: 1...(Bool.random(using: &random) ? 60 : 900), using: &random)
                        try transaction.put(key, [UInt8](repeating: UInt8(number & 0xFF), count: size), in: table)
                    }
                }
                // One entry and then another, each put in several steps.
                for step in 0..<4 {
                    try transaction.put(bytes("chain \(number + step / 3)"), bytes("\(number) \(step)"), in: chain)
                }
                // So that every change is a commit, and ends with a byte that is no zero.
                try transaction.put(bytes("number"), bytes("\(number)"), in: plain)
            }
        }

        /// What a store has after so many changes.
        static func expected(_ count: Int) throws -> Dump {
            let engine = MemoryEngine()
            for number in 0..<count { try change(engine, number) }
            return try dump(of: engine, tables: tables)
        }

        /// How many changes a store says it has.
        private static func count(_ dump: Dump) throws -> Int {
            let text = String(decoding: try #require(dump["plain"]?[bytes("number")]), as: UTF8.self)
            return try #require(Int(text)) + 1
        }

        /// LMDB's file as a power cut leaves it: of what was written since the last flush any page may be there or not.
        private final class Disk: Sendable {
            private let path: String
            private let flushed: Mutex<[UInt8]>

            init(_ environment: Environment) throws {
                path = environment.path
                flushed = Mutex(try readFile(environment.path))
                environment.log?.flushFile = { [self] descriptor in
                    guard fdatasync(descriptor) == 0 else { return errno }
                    note()
                    return 0
                }
            }

            /// The file is flushed. What is written meanwhile may be there already.
            func note() {
                if let now = try? readFile(path) { flushed.withLock { $0 = now } }
            }

            func cut(_ random: inout SeededGenerator, to target: String) throws {
                let before = flushed.withLock(\.self)
                let now = try readFile(path)
                var left = before
                // Everything, nothing, or some of it.
                let share = [0, 1, 50, 99, 100].randomElement(using: &random) ?? 0
                for page in stride(from: 0, to: now.count, by: 4096)
                where Int.random(in: 0..<100, using: &random) < share {
                    let end = min(page + 4096, now.count)
                    if left.count < end { left += [UInt8](repeating: 0, count: end - left.count) }
                    left.replaceSubrange(page..<end, with: now[page..<end])
                }
                try writeFile(target, left)
                for name in LogFile.names where access(path + name, F_OK) == 0 {
                    try writeFile(target + name, try readFile(path + name))
                }
            }
        }

        @Test(arguments: 0..<6)
        func aPowerCutLosesNoCommit(_ seed: Int) throws {
            var random = SeededGenerator(seed: UInt64(seed))
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(
                directory.file("store"), logBytes: [3_000, 20_000, 200_000][seed % 3])
            defer { environment.close() }
            let disk = try Disk(environment)
            for number in 0..<400 {
                try Self.change(environment, number)
                if Int.random(in: 0..<30, using: &random) == 0 { try environment.doDeferredWork() }
                guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
                let target = directory.file("cut \(number)")
                try disk.cut(&random, to: target)
                let again = try Self.environment(target)
                #expect(try dump(of: again, tables: Self.tables) == Self.expected(number + 1), "\(seed), \(number)")
                try Self.change(again, number + 1)
                again.close()
                #expect(access(target + LogFile.names[0], F_OK) != 0)
                let whole = try Self.environment(target)
                #expect(try dump(of: whole, tables: Self.tables) == Self.expected(number + 2), "\(seed), \(number)")
                whole.close()
            }
        }

        /// What was not acknowledged is not there: half a record, or one of another time.
        @Test func aTornRecordIsNone() throws {
            var random = SeededGenerator(seed: 7)
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(directory.file("store"))
            defer { environment.close() }
            let disk = try Disk(environment)
            for number in 0..<49 { try Self.change(environment, number) }
            // LMDB begins with a commit when its record is on disk, so where that is torn the file has nothing of it.
            for damage in 0..<5 { try disk.cut(&random, to: directory.file("cut \(damage)")) }
            try Self.change(environment, 49)
            for damage in 0..<5 {
                let target = directory.file("cut \(damage)")
                var log = try readFile(environment.path + LogFile.names[0])
                let last = try #require(log.lastIndex { $0 != 0 })
                for _ in 0...damage { log[last - Int.random(in: 0..<20, using: &random)] ^= 0xFF }
                log[last] = 0
                try writeFile(target + LogFile.names[0], log)
                let again = try Self.environment(target)
                #expect(try dump(of: again, tables: Self.tables) == Self.expected(49))
                again.close()
            }
        }

        @Test func aKilledWriterLosesNoLoggedCommit() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            var done = 0
            for round in 0..<6 {
                let first = done
                let child = try ChildProcess { link in
                    let environment = try Self.environment(path, logBytes: round.isMultiple(of: 2) ? 5_000 : 1 << 20)
                    for number in first... {
                        try Self.change(environment, number)
                        link.signal()
                    }
                }
                for _ in 0..<(20 + 13 * round) { try child.awaitSignal() }
                child.kill()
                #expect(access(path + LogFile.names[0], F_OK) == 0)
                let environment = try Self.environment(path)
                let contents = try dump(of: environment, tables: Self.tables)
                done = try Self.count(contents)
                #expect(done >= first + 20 + 13 * round)
                #expect(try contents == Self.expected(done))
                environment.close()
            }
        }

        /// Recovery may be stopped at any time and is done again then.
        @Test func aKilledRecoveryLosesNothing() throws {
            var random = SeededGenerator(seed: 3)
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(directory.file("store"), logBytes: 1 << 20)
            defer { environment.close() }
            let disk = try Disk(environment)
            for number in 0..<1_500 { try Self.change(environment, number) }
            for round in 0..<8 {
                let target = directory.file("cut \(round)")
                try disk.cut(&random, to: target)
                for _ in 0..<3 {
                    let child = try ChildProcess { link in
                        link.signal()
                        _ = try Self.environment(target)
                    }
                    try child.awaitSignal()
                    usleep(UInt32.random(in: 0...60_000, using: &random))
                    child.kill()
                }
                let again = try Self.environment(target)
                #expect(try dump(of: again, tables: Self.tables) == Self.expected(1_500), "\(round)")
                again.close()
            }
        }

        /// Stopped between its last commit and the removal of both files, recovery has nothing more to do.
        @Test(arguments: [false, true])
        func aRecoveryThatIsDoneIsNotDoneAgain(_ isSecondGone: Bool) throws {
            var random = SeededGenerator(seed: 11)
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(directory.file("store"), logBytes: 20_000)
            defer { environment.close() }
            let disk = try Disk(environment)
            var tried = 0
            for number in 0..<300 {
                try Self.change(environment, number)
                guard number % 20 == 0 else { continue }
                let target = directory.file("cut \(number)")
                try disk.cut(&random, to: target)
                let second = target + LogFile.names[1]
                guard access(second, F_OK) == 0 else { continue }
                let logs = try LogFile.names.map { try readFile(target + $0) }
                try Self.environment(target).close()
                for (name, log) in zip(LogFile.names, logs) { try writeFile(target + name, log) }
                if isSecondGone { unlink(second) }
                try #require(try LogFile(at: target + LogFile.names[0])).markRecovered()
                let again = try Self.environment(target)
                #expect(try dump(of: again, tables: Self.tables) == Self.expected(number + 1), "\(number)")
                again.close()
                #expect(access(target + LogFile.names[0], F_OK) != 0 && access(second, F_OK) != 0)
                tried += 1
            }
            #expect(tried > 5)
        }

        /// Whoever writes beside a log writes back first what it has.
        @Test(arguments: [0, 1_000])
        func severalProcessesWrite(_ commitsBeforeLogOfOther: Int) throws {
            var random = SeededGenerator(seed: UInt64(commitsBeforeLogOfOther))
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            let environment = try Self.environment(path, logBytes: 5_000)
            defer { environment.close() }
            try Self.change(environment, 0)
            let child = try ChildProcess { link in
                var options = Self.options(logBytes: 5_000)
                options.commitsBeforeLog = commitsBeforeLogOfOther
                let other = try Environment(at: path, tables: Self.tables, options: options)
                while true {
                    try link.await()
                    let number = try other.read { (snapshot) throws(StorageError) in
                        try snapshot.value(bytes("number"), in: Self.plain)
                    }
                    let next = Int(String(decoding: number ?? [], as: UTF8.self)).map { $0 + 1 } ?? 0
                    for number in next..<next + 2 { try Self.change(other, number) }
                    link.signal()
                }
            }
            var number = 1
            for round in 0..<60 {
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    try Self.change(environment, number)
                    number += 1
                }
                child.signal()
                try child.awaitSignal()
                number += 2
                #expect(try dump(of: environment, tables: Self.tables) == Self.expected(number), "\(round)")
            }
            child.kill()
            try Self.change(environment, number)
            // All that is there is in the page cache, which is what a machine that goes on has.
            let target = directory.file("copy")
            for name in [""] + LogFile.names { try writeFile(target + name, try readFile(path + name)) }
            let again = try Self.environment(target)
            #expect(try dump(of: again, tables: Self.tables) == Self.expected(number + 1))
            again.close()
        }

        /// Each would write back the other's log at once.
        @Test func whoWritesByTurnsWithAnotherBeginsNoLog() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            var options = Self.options()
            options.commitsBeforeLog = 4
            let environment = try Environment(at: path, tables: Self.tables, options: options)
            defer { environment.close() }
            let child = try ChildProcess { [options] link in
                let other = try Environment(at: path, tables: Self.tables, options: options)
                for number in 100... {
                    try link.await()
                    try Self.change(other, number)
                    if other.logBytes > 0 { return }
                    link.signal()
                }
            }
            // One that had a log while it was alone makes no exception.
            for number in 0..<6 { try Self.change(environment, number) }
            #expect(environment.logBytes > 0)
            while environment.hasDeferredWork { try environment.doDeferredWork() }
            child.signal()
            try child.awaitSignal()
            for number in 6..<18 {
                try Self.change(environment, number)
                #expect(environment.logBytes == 0, "\(number)")
                child.signal()
                try child.awaitSignal()
            }
            child.kill()
            for number in 18..<24 { try Self.change(environment, number) }
            #expect(environment.logBytes > 0)
        }

        /// What is too much for a log is written back at once, with all before.
        @Test func longCommitsAndShortOnesFollowEachOther() throws {
            var random = SeededGenerator(seed: 11)
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(directory.file("store"))
            defer { environment.close() }
            let disk = try Disk(environment)
            for number in 0..<6 {
                try Self.change(environment, number)
                #expect(environment.hasDeferredWork)
                try environment.write { (transaction) throws(StorageError) in
                    for key in 0..<40 {
                        let value = [UInt8](repeating: 1, count: 32 << 10)
                        try transaction.put(bytes("long \(key)"), value, in: Self.plain)
                    }
                }
                // LMDB flushed that itself.
                disk.note()
                let target = directory.file("cut \(number)")
                try disk.cut(&random, to: target)
                let again = try Self.environment(target)
                #expect(try again.count(Self.plain) == environment.count(Self.plain))
                again.close()
            }
        }

        /// Changes a store until writing it back has failed, as a whole or in the part that is flushed first.
        /// - Returns: how many changes there are.
        private static func changeUntilFailure(_ environment: Environment, ofPart: Bool = false) throws -> Int {
            for number in 0..<50 { try change(environment, number) }
            if ofPart {
                environment.log?.flushPart = { _, _, _ in EIO }
            } else {
                environment.log?.flushFile = { _ in EIO }
            }
            var done = 50
            do throws(StorageError) {
                while done < 200 {
                    try change(environment, done)
                    done += 1
                }
                // The background flushes what is long.
                while true {
                    try environment.writeBackSome()
                    usleep(1_000)
                }
            } catch {}
            return done
        }

        /// In parts only what is flushed in the background, where a log is short.
        @Test(arguments: [(2_000, false), (2_000, true), (1 << 20, false)])
        func afterAFailedFlushNothingFollowsAndNothingIsLost(_ logBytes: Int, _ ofPart: Bool) throws {
            let directory = try TemporaryDirectory()
            let environment = try Self.environment(directory.file("store"), logBytes: logBytes)
            let done = try Self.changeUntilFailure(environment, ofPart: ofPart)
            // The disk may say that all is well again: it has said nothing of what it lost.
            environment.log?.flushFile = { _ in 0 }
            environment.log?.flushPart = { _, _, _ in 0 }
            #expect(throws: StorageError.self) { try Self.change(environment, done) }
            #expect(try dump(of: environment, tables: Self.tables) == Self.expected(done))
            environment.close()
            let again = try Self.environment(directory.file("store"))
            #expect(try dump(of: again, tables: Self.tables) == Self.expected(done))
            try Self.change(again, done)
            again.close()
        }

        /// A process that writes next, and first, has no other way to learn of it.
        @Test func aFailedFlushInTheBackgroundIsToldAtOnce() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            let environment = try Self.environment(path, logBytes: 2_000)
            defer { environment.close() }
            environment.log?.flushPart = { _, _, _ in EIO }
            var number = 0
            // Until commits go on in the second file.
            while access(path + LogFile.names[1], F_OK) != 0, number < 200 {
                try Self.change(environment, number)
                number += 1
            }
            let first = try #require(try LogFile(at: path + LogFile.names[0]))
            for _ in 0..<10_000 where !first.isFailed { usleep(1_000) }
            #expect(first.isFailed)
            #expect(throws: StorageError(code: EIO, during: "writing back \(path)")) {
                try Self.change(environment, number)
            }
        }

        /// Whoever ends another's log and can't say so on disk ends the writing of both.
        @Test func aLogThatCanNotBeEmptiedEndsTheWritingOfAllProcesses() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            let child = try ChildProcess { link in
                let environment = try Self.environment(path)
                for number in 0..<30 { try Self.change(environment, number) }
                link.signal()
                try link.await()
                var isRefused = false
                do throws(StorageError) { try Self.change(environment, 30) } catch { isRefused = true }
                try expectInChild(isRefused, "the write that came after")
            }
            try child.awaitSignal()
            let environment = try Self.environment(path)
            environment.log?.flushLog = { _ in EIO }
            #expect(throws: StorageError.self) { try Self.change(environment, 30) }
            #expect(try #require(try LogFile(at: path + LogFile.names[0])).isFailed)
            #expect(throws: StorageError.self) { try Self.change(environment, 30) }
            environment.close()
            // Nor does one write that comes then.
            let third = try Self.environment(path)
            #expect(throws: StorageError.self) { try Self.change(third, 30) }
            child.signal()
            #expect(child.end() == .exited(0))
            third.close()
            let again = try Self.environment(path)
            #expect(try dump(of: again, tables: Self.tables) == Self.expected(30))
            try Self.change(again, 30)
            again.close()
        }

        /// The same of its own.
        @Test(arguments: [0, 1])
        func aLogThatCanNotBeEmptiedIsNotLost(_ isRecovered: Int) throws {
            let directory = try TemporaryDirectory()
            let descriptor = open(directory.path, O_RDONLY)
            defer { close(descriptor) }
            let file = try LogFile(making: directory.file("log"), likeOwnerOf: descriptor)
            let header = LogFile.Header(
                epoch: 7, base: 3, firstPages: [UInt8](repeating: 1, count: 8_192), tables: ["plain"])
            try file.begin(header)
            file.flush = { _ in EIO }
            #expect(throws: StorageError.self) {
                if isRecovered == 1 { try file.markRecovered() } else { try file.invalidate() }
            }
            #expect(file.isFailed && file.epoch == 7)
            #expect(try file.header()?.base == 3)
        }

        /// The system may have told the one process alone that it has forgotten something.
        @Test func aFailedFlushEndsTheWritingOfAllProcesses() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("store")
            let child = try ChildProcess { link in
                let environment = try Self.environment(path, logBytes: 2_000)
                _ = try Self.changeUntilFailure(environment)
                link.signal()
                try link.await()
            }
            try child.awaitSignal()
            let environment = try Self.environment(path)
            let before = try dump(of: environment, tables: Self.tables)
            let done = try Self.count(before)
            #expect(throws: StorageError.self) { try Self.change(environment, done) }
            child.kill()
            #expect(throws: StorageError.self) { try Self.change(environment, done) }
            environment.close()
            let again = try Self.environment(path)
            #expect(try dump(of: again, tables: Self.tables) == before)
            try Self.change(again, done)
            again.close()
        }
    }
}
