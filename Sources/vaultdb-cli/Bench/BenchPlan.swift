/// What to measure, and for how long.
struct BenchPlan: Sendable {
    enum Length: Sendable {
        case seconds(Double)
        case operations(Int)
    }

    var mix: BenchMix
    /// Who asks at the same time: threads of this process, or connections to a server.
    var connections: Int
    /// Threads that drive a server's connections.
    var threads: Int
    /// Requests that a connection has under way at most.
    var pipeline: Int
    var length: Length
    /// Operations a second that are to begin, whatever becomes of those before: an open loop. Nil for a closed one, in
    /// which each waits for the one before it.
    var rate: Double?
    var warmUpSeconds: Double
    /// The exponent of Zipf's law for who comes.
    var skew: Double
    var seed: UInt64
    /// Whether people may be created, and resolves may be more than dry runs.
    var allowsWrites: Bool

    /// For how long operations are to begin; nil where that depends on their answers.
    var seconds: Double? {
        switch length {
        case .seconds(let seconds): seconds
        case .operations(let count): rate.map { Double(count) / $0 }
        }
    }
}
