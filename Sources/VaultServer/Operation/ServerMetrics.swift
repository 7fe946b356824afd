internal import Synchronization

/// What one event loop counts of one command.
final class CommandCounters: Sendable {
    let latency = LatencyHistogram()
    private let errors = Atomic<Int>(0)

    /// To be called by the loop it belongs to.
    @inline(__always)
    func note(nanoseconds: UInt64, isError: Bool) {
        latency.add(nanoseconds: nanoseconds)
        if isError { noteError() }
    }

    /// Counts an error of a command that was counted and timed before.
    func noteError() { errors.add(1, ordering: .relaxed) }

    var errorCount: Int { errors.load(ordering: .relaxed) }
}

/// What one event loop counts. Loops share nothing, so that counting costs no wait.
final class LoopMetrics: Sendable {
    let commands: [CommandCounters]
    let bytesRead = Atomic<Int>(0)
    let bytesWritten = Atomic<Int>(0)
    let batches = Atomic<Int>(0)
    let matched = Atomic<Int>(0)
    let conflicts = Atomic<Int>(0)

    init(commandCount: Int) { commands = (0..<commandCount).map { _ in CommandCounters() } }

    /// For a counter that only the loop itself moves.
    @inline(__always)
    static func add(_ amount: Int, to counter: borrowing Atomic<Int>) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

/// The counters of all loops.
final class ServerMetrics: Sendable {
    private let loops = Mutex<[LoopMetrics]>([])
    /// Answers that said busy, over HTTP as well.
    let busyCount = Atomic<Int>(0)
    let protocolFaultCount = Atomic<Int>(0)
    let outputOverrunCount = Atomic<Int>(0)
    let failedLoginCount = Atomic<Int>(0)

    func addLoop(commandCount: Int) -> LoopMetrics {
        let loop = LoopMetrics(commandCount: commandCount)
        loops.withLock { $0.append(loop) }
        return loop
    }

    /// Counts an answer that says busy.
    func note(_ answered: ReplyError) {
        if answered.code == .busy { busyCount.add(1, ordering: .relaxed) }
    }

    /// The same over HTTP.
    func note(_ answered: Problem) {
        if answered.isBusy { busyCount.add(1, ordering: .relaxed) }
    }

    private var all: [LoopMetrics] { loops.withLock(\.self) }

    func sum(_ counter: (LoopMetrics) -> Int) -> Int { all.reduce(0) { $0 + counter($1) } }

    struct CommandSummary: Sendable {
        var latency = LatencyHistogram.Summary()
        var errors = 0
    }

    /// Of the command at this place of the table.
    func summary(of command: Int) -> CommandSummary {
        all.reduce(into: CommandSummary()) { summary, loop in
            summary.latency.add(loop.commands[command].latency)
            summary.errors += loop.commands[command].errorCount
        }
    }
}
