import Dispatch
import Foundation
import Glibc
import LMDB
import Storage
import Synchronization
import TestSupport
import Testing

extension EngineTests {
    /// Readers have slots, and the slots of the dead are given to the living.
    @Suite struct Readers {
        @Test func aFullReaderTableIsAnErrorThatPasses() throws {
            let store = try Store { $0.readersMax = 2 }
            try store.environment.put("a", "1")
            let answer = try store.environment.read { (_) throws(StorageError) in
                try store.environment.read { (_) throws(StorageError) in
                    #expect(throws: StorageError.readersFull) { try store.environment.value("a") }
                    return 1
                }
            }
            #expect(answer == 1)
            #expect(try store.environment.value("a") == bytes("1"))
        }

        @Test func aReadInsideAWriteSeesTheLastCommit() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            try store.environment.write { (transaction) throws(StorageError) in
                try transaction.put(bytes("a"), bytes("2"))
                #expect(try store.environment.value("a") == bytes("1"))
            }
        }

        @Test func theSlotOfADeadReaderIsFreedByMaintain() throws {
            let store = try Store()
            let child = try reader(of: store.path, slots: 1)
            #expect(try store.environment.statistics().readers.contains { $0.process == Int(child.process) })
            child.kill()
            try store.environment.maintain()
            #expect(try store.environment.statistics().readers.allSatisfy { $0.process == Int(getpid()) })
        }

        @Test func theSlotsOfADeadReaderAreTakenWhenNoOtherIsLeft() throws {
            let store = try Store { $0.readersMax = 3 }
            let child = try reader(of: store.path, slots: 2)
            try store.environment.read { (_) throws(StorageError) in
                #expect(throws: StorageError.readersFull) { try store.environment.value("a") }
                child.kill()
                #expect(throws: Never.self) { try store.environment.value("a") }
            }
        }

        @Test func moreCanReadAtATimeThanRestAfterwards() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            func read(_ depth: Int) throws(StorageError) {
                try store.environment.read { (snapshot) throws(StorageError) in
                    if depth > 0 { return try read(depth - 1) }
                    #expect(try snapshot.value(bytes("a")) == bytes("1"))
                    #expect(try store.environment.statistics().readers.count >= 200)
                }
            }
            for _ in 0..<3 { try read(200) }
            let resting = try store.environment.statistics().readers.count
            #expect(resting > 1 && resting <= 64)
            #expect(try store.environment.value("a") == bytes("1"))
        }

        @Test func manyThreadsReadWhileTheMapGrows() throws {
            let gathered = Table(ordinal: 0, name: "gathered", isBuffered: true)
            let filling = Table(ordinal: 1, name: "filling")
            let store = try Store(tables: [gathered, filling]) {
                $0.mapBytes = 1 << 20
                $0.mapBytesMax = 256 << 20
                $0.bufferedEntriesMax = 100
            }
            let environment = store.environment
            let threads = 16
            let isOver = Atomic(false)
            let reads = Atomic(0)
            let wrong = Atomic(0)
            let ended = DispatchSemaphore(value: 0)
            @Sendable func number() throws(StorageError) -> Int? {
                try environment.read { (snapshot) throws(StorageError) in
                    try snapshot.value(bytes("a"), in: gathered).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
                }
            }
            func write(_ number: Int) throws {
                var keys = ExpectedKeys()
                keys.append(bytes("a").span.bytes, in: gathered)
                let foresight = try environment.foresee(keys)
                try environment.write { (transaction) throws(StorageError) in
                    let large = [UInt8](repeating: 7, count: 200_000)
                    try transaction.put(bytes("\(number)").span.bytes, large.span.bytes, in: filling)
                    transaction.expect(foresight)
                    let before = try transaction.value(bytes("a"), in: gathered)
                    if number > 0, before != bytes("\(number - 1)") { throw .corrupted("a write reads otherwise") }
                    try transaction.put(bytes("a").span.bytes, bytes("\(number)").span.bytes, in: gathered)
                }
            }
            try write(0)
            for _ in 0..<threads {
                Thread.detachNewThread {
                    var last = 0
                    while !isOver.load(ordering: .relaxed) {
                        let now = (try? number()).flatMap { $0 } ?? -1
                        if now < last { wrong.add(1, ordering: .relaxed) }
                        last = now
                        reads.add(1, ordering: .relaxed)
                    }
                    ended.signal()
                }
            }
            do {
                defer { isOver.store(true, ordering: .relaxed) }
                for number in 1...300 { try write(number) }
            }
            for _ in 0..<threads { #expect(ended.wait(timeout: .now() + 60) == .success) }
            let (wrongCount, readCount) = (wrong.load(ordering: .relaxed), reads.load(ordering: .relaxed))
            #expect(wrongCount == 0 && readCount > 1_000)
            #expect(try number() == 300)
            #expect(try environment.statistics().mapBytes >= 60_000_000)
        }

        @Test func theOldestReaderIsReported() throws {
            let store = try Store()
            try store.environment.read { (_) throws(StorageError) in
                for number in 0..<5 { try store.environment.put("a", "\(number)") }
                #expect(try store.environment.statistics().oldestReaderLag == 5)
            }
            #expect(try store.environment.statistics().oldestReaderLag == 0)
        }

        @Test func closingWaitsForRunningReaders() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            let environment = store.environment
            let reads = Atomic(0)
            let isRefused = Atomic(false)
            let ended = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                defer { ended.signal() }
                do {
                    while try environment.value("a") == bytes("1") { reads.add(1, ordering: .relaxed) }
                } catch {
                    isRefused.store(misuse(error), ordering: .relaxed)
                }
            }
            let deadline = ContinuousClock.now + .seconds(60)
            while reads.load(ordering: .relaxed) < 1000, ContinuousClock.now < deadline { sched_yield() }
            environment.close()
            #expect(ended.wait(timeout: .now() + 60) == .success)
            let (readCount, isMisuse) = (reads.load(ordering: .relaxed), isRefused.load(ordering: .relaxed))
            #expect(readCount >= 1000 && isMisuse)
        }

        /// A process that reads `slots` times at once until it is killed.
        private func reader(of path: String, slots: Int) throws -> ChildProcess {
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                func hold(_ slots: Int) throws(StorageError) {
                    if slots == 0 {
                        link.signal()
                        while true { pause() }
                    }
                    try environment.read { (_) throws(StorageError) in try hold(slots - 1) }
                }
                try hold(slots)
            }
            try child.awaitSignal()
            return child
        }
    }

    /// A child of a fork keeps its hands off what its parent opened.
    @Suite struct Forks {
        @Test func aChildIsRefusedAndTheParentGoesOn() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            let environment = store.environment
            let child = try ChildProcess { _ in
                func refused(_ body: () throws(StorageError) -> Void) throws {
                    do throws(StorageError) {
                        try body()
                    } catch {
                        return try expectInChild(misuse(error), "\(error)")
                    }
                    throw Unexpected(what: "allowed")
                }
                try refused { () throws(StorageError) in _ = try environment.value("a") }
                try refused { () throws(StorageError) in try environment.put("a", "2") }
                try refused { () throws(StorageError) in try environment.maintain() }
                environment.close()
            }
            #expect(child.end() == .exited(0))
            try store.environment.put("b", "2")
            #expect(try store.environment.value("a") == bytes("1"))
        }

        @Test func aChildOpensTheFileForItself() throws {
            let store = try Store()
            let path = store.path
            let child = try ChildProcess { _ in
                let environment = try Environment(at: path, tables: tables)
                try environment.put("child", "1")
                environment.close()
            }
            #expect(child.end() == .exited(0))
            #expect(try store.environment.value("child") == bytes("1"))
        }

        @Test func twoProcessesWriteInTurn() throws {
            let store = try Store()
            let path = store.path
            let child = try ChildProcess { _ in
                let environment = try Environment(at: path, tables: tables)
                for _ in 0..<100 { try environment.increment([0]) }
                environment.close()
            }
            for _ in 0..<100 { try store.environment.increment([0]) }
            #expect(child.end() == .exited(0))
            #expect(try store.environment.read0() == [200])
        }
    }

    /// The map grows while others look at it, and its end is an error that harms nothing.
    @Suite struct Map {
        @Test func itGrowsUnderReaders() throws {
            let store = try Store { $0.mapBytes = 1 << 20 }
            try store.environment.put("a", "1")
            let done = Atomic(false)
            let failures = Mutex<[any Error]>([])
            onThreads(3) { index in
                do {
                    if index == 0 {
                        defer { done.store(true, ordering: .releasing) }
                        for batch in 0..<20 { try store.environment.fill(batch * 1000..<(batch + 1) * 1000) }
                    }
                    while !done.load(ordering: .acquiring) {
                        guard try store.environment.value("a") == bytes("1") else { throw Unexpected(what: "value") }
                        _ = try store.environment.keys(limit: 50)
                    }
                } catch {
                    failures.withLock { $0.append(error) }
                }
            }
            #expect(failures.withLock { $0.isEmpty }, "\(failures.withLock { $0 })")
            #expect(try store.environment.count() == 20_001)
            #expect(try store.environment.statistics().mapBytes > 16 << 20)
        }

        @Test func theClosureRunsAgainAfterTheGrowth() throws {
            let store = try Store { $0.mapBytes = 1 << 20 }
            var runs = 0
            try store.environment.write { (transaction) throws(StorageError) in
                runs += 1
                for number in 0..<3000 { try transaction.put(bytes("\(number)"), [UInt8](repeating: 1, count: 900)) }
            }
            #expect(runs > 1)
            #expect(try store.environment.count() == 3000)
        }

        @Test func aClosureThatHidesAFullMapStillCommitsEverything() throws {
            let store = try Store { $0.mapBytes = 1 << 20 }
            try store.environment.write { (transaction) throws(StorageError) in
                for number in 0..<3000 { try? transaction.put(bytes("\(number)"), [UInt8](repeating: 1, count: 900)) }
            }
            #expect(try store.environment.count() == 3000)
        }

        @Test func aFullMapLosesNothing() throws {
            let store = try Store {
                $0.mapBytes = 1 << 20
                $0.mapBytesMax = 1 << 20
            }
            try store.environment.fill(0..<200)
            let before = try dump(of: store.environment, tables: tables)
            for _ in 0..<3 {
                #expect(throws: StorageError.mapFull) { try store.environment.fill(1000..<3000) }
                #expect(try dump(of: store.environment, tables: tables) == before)
            }
            try store.environment.apply([.delete(bytes("key 1000000"))])
            #expect(try store.environment.count() == 199)
        }

        /// Such as one that was stopped.
        @Test func aProcessThatKeepsAFullMapFromUseIsNamed() throws {
            let store = try Store {
                $0.mapBytes = 2 << 20
                $0.mapBytesMax = 2 << 20
            }
            try store.environment.fill(0..<200)
            let path = store.path
            let child = try ChildProcess { link in
                let environment = try Environment(at: path, tables: tables)
                let held = try environment.hold()
                link.signal()
                try link.await()
                _ = held.snapshot.commit
            }
            try child.awaitSignal()
            #expect(throws: StorageError.mapHeld(process: Int(child.process))) {
                for _ in 0..<100 { try store.environment.fill(0..<200) }
            }
            child.signal()
            #expect(child.end() == .exited(0))
            try store.environment.fill(0..<200)
            #expect(try store.environment.count() == 200)
        }

        @Test func growthByAnotherProcessIsTakenOver() throws {
            let store = try Store { $0.mapBytes = 1 << 20 }
            try store.environment.put("a", "1")
            let path = store.path
            let child = try ChildProcess { _ in
                let environment = try Environment(at: path, tables: tables)
                try environment.fill(0..<8000)
                environment.close()
            }
            #expect(child.end() == .exited(0))
            #expect(try store.environment.count() == 8001)
            try store.environment.put("a", "2")
            #expect(try store.environment.value("a") == bytes("2"))
        }

        @Test func growthByAnotherProcessIsTakenOverByAWriter() throws {
            let store = try Store { $0.mapBytes = 1 << 20 }
            let path = store.path
            let child = try ChildProcess { _ in
                let environment = try Environment(at: path, tables: tables)
                try environment.fill(0..<8000)
                environment.close()
            }
            #expect(child.end() == .exited(0))
            try store.environment.put("a", "2")
            #expect(try store.environment.count() == 8001)
        }
    }
}
