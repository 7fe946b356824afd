// What the write queue promises: groups share a commit and nothing else, and every answer is delivered once.

import Dispatch
import Foundation
import Glibc
import Storage
import Synchronization
import TestSupport
import Testing

@testable import VaultDB

@Suite("Write queue") struct WriteQueueTests {
    private typealias Queue = WriteQueue<MemoryEngine>
    private static let failure = VaultError(.refused, "on purpose")

    /// Holds the writer inside a transaction of its own, so that what is handed in meanwhile becomes one group.
    private final class Blocker: Sendable {
        private let started = DispatchSemaphore(value: 0)
        private let ends = DispatchSemaphore(value: 0)
        private let pending: PendingWrite<MemoryEngine, Void>

        init(_ queue: Queue) {
            pending = queue.submit { [started, ends] _ throws(VaultError) in
                started.signal()
                ends.wait()
            }
            started.wait()
        }

        func end() throws {
            ends.signal()
            try pending.wait()
        }
    }

    private static func key(_ number: Int) -> [UInt8] { [1, UInt8(number >> 8), UInt8(number & 0xFF)] }

    private static func put(_ number: Int, _ transaction: inout MemoryEngine.Writer) throws(VaultError) {
        do throws(StorageError) {
            try transaction.put(key(number).span.bytes, [UInt8(number & 0xFF)].span.bytes, in: Tables.records)
        } catch {
            throw VaultError(storage: error)
        }
    }

    private func keys(_ engine: MemoryEngine) -> Set<[UInt8]> { Set(engine.contents()["records", default: [:]].keys) }

    @Test func `an idle writer sorts in what was gathered`() async throws {
        let directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.creates = true
        let vault = try Vault(at: directory.file("vault"), options: options)
        defer { vault.close() }
        let clinic = vault.organization(.clinic)
        for number in 0..<20 { _ = try clinic.resolveBlocking(ResolveRequest(email: "\(number)@example.com")) }
        let gathered = try vault.statistics()
        for _ in 0..<600 where try vault.statistics().entriesBuffered > 0 {
            try await Task.sleep(for: .milliseconds(50))
        }
        let settled = try vault.statistics()
        #expect(settled.entriesBuffered == 0)
        #expect(gathered.entriesBuffered > 0 || gathered.lastCommit < settled.lastCommit)
        #expect(settled.tables.first { $0.name == "by_email" }?.statistics.entries == 20)
        #expect(try vault.check().isClean)
    }

    @Test func `a busy writer frees what dead readers hold as well`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine, careInterval: .milliseconds(1))
        defer { queue.close() }
        let blocker = Blocker(queue)
        let next = queue.submit { _ throws(VaultError) in engine.maintainedCount }
        usleep(5_000)
        try blocker.end()
        #expect(try next.wait() > 0)
    }

    @Test func `what waits together is committed together`() throws {
        let queue = try Queue(engine: MemoryEngine())
        defer { queue.close() }
        let blocker = Blocker(queue)
        let waiting = (0..<100).map { number in
            queue.submit { (transaction) throws(VaultError) in
                try Self.put(number, &transaction)
                return number
            }
        }
        try blocker.end()
        for (number, pending) in waiting.enumerated() { #expect(try pending.wait() == number) }
        #expect(queue.statistics.commits == 2 && queue.statistics.jobs == 101)
    }

    @Test func `all who wait for one commit are woken, whoever else shares it`() throws {
        let queue = try Queue(engine: MemoryEngine())
        defer { queue.close() }
        let blocker = Blocker(queue)
        let right = Atomic(0)
        let done = DispatchSemaphore(value: 0)
        var late: [PendingWrite<MemoryEngine, Int>] = []
        for number in 0..<200 {
            if number % 20 == 0 {
                late.append(
                    queue.submit { (transaction) throws(VaultError) in
                        try Self.put(1_000 + number, &transaction)
                        return number
                    })
            }
            Thread.detachNewThread {
                let answer = try? queue.writeBlocking { (transaction) throws(VaultError) in
                    try Self.put(number, &transaction)
                    return number
                }
                if answer == number { right.add(1, ordering: .relaxed) }
                done.signal()
            }
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while queue.statistics.pending < 210, ContinuousClock.now < deadline { usleep(100) }
        try blocker.end()
        for _ in 0..<200 { #expect(done.wait(timeout: .now() + 60) == .success) }
        #expect(right.load(ordering: .relaxed) == 200)
        for (index, pending) in late.enumerated() { #expect(try pending.wait() == index * 20) }
        #expect(queue.statistics.commits == 2)
    }

    @Test func `a job that fails after writing does not hurt the others of its group`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        defer { queue.close() }
        let runs = Mutex([Int](repeating: 0, count: 9))
        let blocker = Blocker(queue)
        let waiting = (0..<9).map { number in
            queue.submit { (transaction) throws(VaultError) in
                runs.withLock { $0[number] += 1 }
                if number == 1 { throw Self.failure }
                try Self.put(number, &transaction)
                if number == 4 || number == 7 { throw Self.failure }
                return number
            }
        }
        try blocker.end()
        for (number, pending) in waiting.enumerated() {
            if [1, 4, 7].contains(number) {
                #expect(throws: Self.failure) { try pending.wait() }
            } else {
                #expect(try pending.wait() == number)
            }
        }
        #expect(keys(engine) == Set([0, 2, 3, 5, 6, 8].map(Self.key)))
        #expect(runs.withLock { $0.allSatisfy { $0 <= 2 } }, "once in the group and once alone at most")
    }

    @Test func `a job that fails before writing leaves its group whole`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        defer { queue.close() }
        let blocker = Blocker(queue)
        let first = queue.submit { (transaction) throws(VaultError) in try Self.put(0, &transaction) }
        let failing = queue.submit { (_) throws(VaultError) -> Void in throw Self.failure }
        let last = queue.submit { (transaction) throws(VaultError) in try Self.put(1, &transaction) }
        try blocker.end()
        try first.wait()
        try last.wait()
        #expect(throws: Self.failure) { try failing.wait() }
        #expect(queue.statistics.commits == 2)
    }

    @Test func `a storage failure in a group is its own job's alone`() throws {
        for number in 1...3 {
            let engine = MemoryEngine()
            let queue = try Queue(engine: engine)
            defer { queue.close() }
            let blocker = Blocker(queue)
            let waiting = (0..<3).map { number in
                queue.submit { (transaction) throws(VaultError) in try Self.put(number, &transaction) }
            }
            engine.failOperation(number, with: .diskFull)
            try blocker.end()
            // The group is run again one by one, when the fault has passed.
            for pending in waiting { try pending.wait() }
            #expect(keys(engine) == Set((0..<3).map(Self.key)))
        }
    }

    @Test func `a commit that fails fails a job alone and runs a group again`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        defer { queue.close() }
        engine.failCommit(with: .diskFull)
        #expect(
            code { try queue.writeBlocking { (transaction) throws(VaultError) in try Self.put(9, &transaction) } }
                == .diskFull)
        #expect(keys(engine).isEmpty)
        let blocker = Blocker(queue)
        let waiting = (0..<3).map { number in
            queue.submit { (transaction) throws(VaultError) in try Self.put(number, &transaction) }
        }
        try blocker.end()
        for pending in waiting { try pending.wait() }
        #expect(keys(engine).count == 3)
    }

    @Test func `a write that would wait for itself is refused, and one that closes does not wait`() throws {
        let queue = try Queue(engine: MemoryEngine())
        let inner = try queue.writeBlocking { (_) throws(VaultError) in
            let inner = code { try queue.writeBlocking { (_) throws(VaultError) in } }
            queue.close()
            return inner
        }
        #expect(inner == .misuse)
        queue.close()
        #expect(code { try queue.writeBlocking { (_) throws(VaultError) in } } == .misuse)
    }

    @Test func `every answer is delivered exactly once`() async throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        let isRight = await withTaskGroup(of: (Int, Bool).self) { group in
            for number in 0..<500 {
                group.addTask {
                    do throws(VaultError) {
                        let answer = try await queue.write { (transaction) throws(VaultError) in
                            try Self.put(number, &transaction)
                            if number % 7 == 0 { throw Self.failure }
                            return number
                        }
                        return (number, answer == number)
                    } catch {
                        return (number, number % 7 == 0 && error == Self.failure)
                    }
                }
            }
            var isRight: [Int: Bool] = [:]
            for await (number, answer) in group { isRight[number] = answer }
            return isRight
        }
        // A continuation that is resumed twice ends the process, one that never is hangs here.
        #expect(isRight.count == 500 && !isRight.values.contains(false))
        queue.close()
        #expect(keys(engine) == Set((0..<500).filter { $0 % 7 != 0 }.map(Self.key)))
    }

    @Test func `closing does what is waiting and refuses what comes later`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        let blocker = Blocker(queue)
        let count = Limits.writesPerCommitMax + 100
        let waiting = (0..<count).map { number in
            queue.submit { (transaction) throws(VaultError) in try Self.put(number, &transaction) }
        }
        let closers = DispatchGroup()
        for _ in 0..<3 { DispatchQueue.global().async(group: closers) { queue.close() } }
        try blocker.end()
        closers.wait()
        #expect(keys(engine).count == count, "whoever has closed it finds it drained")
        for pending in waiting { try pending.wait() }
        #expect(code { try queue.writeBlocking { (_) throws(VaultError) in } } == .misuse)
        queue.close()
    }

    @Test func `what waits while the engine lets nobody write can be refused, and is never done`() throws {
        let engine = MemoryEngine()
        let (queue, other) = (try Queue(engine: engine), try Queue(engine: engine))
        let blocker = Blocker(other)
        let waiting = (0..<3).map { number in
            queue.submit { (transaction) throws(VaultError) in try Self.put(number, &transaction) }
        }
        #expect(!queue.close(within: 0))
        queue.refuseWaiting()
        for pending in waiting { #expect(code { try pending.wait() } == .busy) }
        #expect(code { try queue.writeBlocking { (_) throws(VaultError) in } } == .busy)
        #expect(queue.statistics.pending == 0)
        try blocker.end()
        #expect(queue.close(within: 60))
        other.close()
        #expect(keys(engine).isEmpty)
    }

    @Test func `what has begun is done when the rest is refused`() throws {
        let engine = MemoryEngine()
        let queue = try Queue(engine: engine)
        let blocker = Blocker(queue)
        let waiting = queue.submit { (transaction) throws(VaultError) in try Self.put(1, &transaction) }
        queue.refuseWaiting()
        #expect(code { try waiting.wait() } == .busy)
        try blocker.end()
        queue.close()
        #expect(keys(engine).isEmpty)
    }

    @Test func `how long a write waits is told, and whether it is for another writer`() throws {
        let engine = MemoryEngine()
        let (queue, other) = (try Queue(engine: engine), try Queue(engine: engine))
        #expect(queue.oldestWait == .zero)
        for isForOther in [true, false] {
            let blocker = Blocker(isForOther ? other : queue)
            let pending = queue.submit { (_) throws(VaultError) in }
            let deadline = ContinuousClock.now + .seconds(60)
            while queue.oldestWait == .zero, ContinuousClock.now < deadline { usleep(100) }
            #expect(queue.oldestWait > .zero && queue.oldestWait < .seconds(61))
            #expect((queue.oldestWaitForOthers > .zero) == isForOther)
            try blocker.end()
            try pending.wait()
            #expect(queue.oldestWait == .zero)
        }
        queue.close()
        other.close()
    }

    @Test func `more writes than may wait are refused as busy`() throws {
        let queue = try Queue(engine: MemoryEngine())
        defer { queue.close() }
        let blocker = Blocker(queue)
        let done = Atomic<Int>(0)
        let waiting = (0..<Limits.writesPendingMax).map { _ in
            queue.submit { (_) throws(VaultError) in _ = done.add(1, ordering: .relaxed) }
        }
        #expect(queue.statistics.pending == Limits.writesPendingMax)
        #expect(code { try queue.writeBlocking { (_) throws(VaultError) in } } == .busy)
        try blocker.end()
        for pending in waiting { try pending.wait() }
        #expect(done.load(ordering: .relaxed) == Limits.writesPendingMax)
        try queue.writeBlocking { (_) throws(VaultError) in }
    }

    @Test func `a vault's failing request does not hurt those that share its group`() async throws {
        let vault = try memoryVault()
        let codes = await withTaskGroup(of: VaultError.Code?.self) { group in
            for number in 0..<60 {
                group.addTask {
                    do throws(VaultError) {
                        // Every third brings only what is blocked, and fails inside the transaction.
                        let email = number % 3 == 0 ? "noreply@example.com" : "p\(number)@example.com"
                        _ = try await vault.putAsync(
                            RecordDraft(kind: .lead, id: "\(number)", email: email), in: .clinic)
                        return nil
                    } catch {
                        return error.code
                    }
                }
                if number == 0 { _ = try? vault.mark("noreply@example.com", as: .blocked) }
            }
            var codes: [VaultError.Code?] = []
            for await code in group { codes.append(code) }
            return codes
        }
        let refused = codes.count { $0 == .noUsableIdentifier }
        let kept = codes.count { $0 == nil }
        #expect(refused >= 19 && refused + kept == 60)
        #expect(try vault.check().isClean)
        #expect(try vault.ledger(in: .clinic).records == UInt64(kept))
    }
}
