import Foundation
import Synchronization

/// A measurement: threads that connect, warm up, and then all work until the end.
struct BenchRun<Target: BenchTarget> {
    private static var redrawMicroseconds: UInt32 { 50_000 }
    /// Between the moment everybody is ready and the first request, so that nobody is late.
    private static var headStartNanoseconds: UInt64 { 2_000_000 }

    let target: Target
    let plan: BenchPlan
    let people: [BenchPerson]
    let newcomers: NewPeople

    /// Works, and shows how far it is.
    /// - Returns: what came of it, and for how many seconds it was measured.
    func result() throws -> (tally: BenchTally, seconds: Double) {
        let count = target.workers(for: plan)
        let gate = BenchGate(count)
        let parts = Mutex<[Result<BenchTally, any Error>]>([])
        for worker in 0..<count {
            let thread = Thread {
                let part = Result { try work(worker, of: count, gate) }
                if case .failure = part { gate.giveUp() }
                parts.withLock { $0.append(part) }
                gate.ended.signal()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        let phases = gate.open { makePhases(from: Clock.nanoseconds + Self.headStartNanoseconds) }
        show(phases, until: { parts.withLock(\.count) == count })
        for _ in 0..<count { gate.ended.wait() }
        var tally = BenchTally()
        for part in parts.withLock(\.self) { tally.add(try part.get()) }
        guard let start = phases?.measured.start else { return (tally, 0) }
        return (tally, seconds(from: start, lastAnswer: tally.ended))
    }

    /// For how long was measured, once all are done: as planned, unless a signal came before or an answer later.
    private func seconds(from start: UInt64, lastAnswer: UInt64) -> Double {
        let planned = plan.seconds ?? 0
        let asked = Interruption.isWished ? min(planned, Self.seconds(from: start, to: Clock.nanoseconds)) : planned
        return max(asked, Self.seconds(from: start, to: lastAnswer))
    }

    private static func seconds(from start: UInt64, to end: UInt64) -> Double {
        end > start ? Double(end - start) / 1e9 : 0
    }

    private func makePhases(from start: UInt64) -> BenchPhases {
        let warmUp = BenchPhase(.seconds(plan.warmUpSeconds), from: start)
        return BenchPhases(warmUp: warmUp, measured: BenchPhase(plan.length, from: warmUp.end))
    }

    private func work(_ number: Int, of count: Int, _ gate: BenchGate) throws -> BenchTally {
        let mine = stride(from: number, to: plan.connections, by: count).map { connection in
            (connection, BenchChoice(plan, people, newcomers, connection: connection))
        }
        var worker = try target.worker(plan, mine)
        guard let phases = gate.pass() else { return BenchTally() }
        if plan.warmUpSeconds > 0 { _ = try worker.work(phases.warmUp) }
        BenchPause.wait(until: phases.measured.start, in: phases.measured)
        return try worker.work(phases.measured)
    }

    private func show(_ phases: BenchPhases?, until isDone: () -> Bool) {
        guard let phases, Terminal.errors.isRedrawable else { return }
        var bar = ProgressBar(plan.mix.rawValue)
        while !isDone() {
            usleep(Self.redrawMicroseconds)
            let now = Clock.nanoseconds
            guard now >= phases.measured.start else { continue }
            bar.update(phases.measured.done, of: "operations", share: min(phases.measured.share(at: now), 1))
        }
        bar.erase()
    }
}

struct BenchPhases: Sendable {
    let warmUp: BenchPhase
    let measured: BenchPhase
}

/// Where threads wait for each other before they begin.
final class BenchGate: Sendable {
    private let count: Int
    private let ready = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)
    private let phases = Mutex<BenchPhases?>(nil)
    private let isGivenUp = Atomic<Bool>(false)
    /// Signalled by each thread at its end.
    let ended = DispatchSemaphore(value: 0)

    init(_ count: Int) { self.count = count }

    /// Lets all through once all are there.
    /// - Returns: nil where one could not come: then nobody works.
    func open(_ make: () -> BenchPhases) -> BenchPhases? {
        for _ in 0..<count { ready.wait() }
        let made = isGivenUp.load(ordering: .acquiring) ? nil : make()
        phases.withLock { $0 = made }
        for _ in 0..<count { opened.signal() }
        return made
    }

    /// Says that this thread is ready, and waits for the others.
    func pass() -> BenchPhases? {
        ready.signal()
        opened.wait()
        return phases.withLock(\.self)
    }

    /// Says that this thread will not come, or has failed: then the others have nothing to work for.
    func giveUp() {
        isGivenUp.store(true, ordering: .releasing)
        ready.signal()
        phases.withLock { phases in
            phases?.warmUp.cancel()
            phases?.measured.cancel()
        }
    }
}
