/// What is asked: a vault in this process, or a server.
protocol BenchTarget: Sendable {
    associatedtype Worker: BenchWorker

    /// In words.
    var name: String { get }
    /// Threads that work for so many connections.
    func workers(for plan: BenchPlan) -> Int
    /// The work of one thread; made by that thread.
    /// - Parameter choices: one for each of its connections, with the connection's number.
    func worker(_ plan: BenchPlan, _ choices: [(connection: Int, choice: BenchChoice)]) throws -> Worker
}

protocol BenchWorker {
    /// Works until the phase is over.
    mutating func work(_ phase: BenchPhase) throws -> BenchTally
}
