import ArgumentParser

/// What `vaultdb bench` measures, and for how long; everything within bounds.
struct BenchOptions: ParsableArguments {
    private static let connectionsMax = 1_000
    private static let threadsMax = 64
    private static let pipelineMax = 1_024
    private static let secondsMax = 86_400.0
    private static let operationsMax = 1_000_000_000
    private static let rateMax = 10_000_000.0
    private static let skewMax = 10.0
    static let peopleDefault = 100_000

    @Option(
        help: ArgumentHelp(
            "\(BenchMix.allCases.map(\.rawValue).joined(separator: ", ")) (find-email).", valueName: "name"),
        transform: Word.mix)
    var mix = BenchMix.findEmail

    @Option(help: ArgumentHelp("Who asks at a time (1; of a server 50).", valueName: "n"), transform: Word.count)
    var connections: Int?

    @Option(help: ArgumentHelp("Requests that a connection to a server has under way.", valueName: "n"))
    var pipeline = 1

    @Option(help: ArgumentHelp("Threads that drive the connections to a server (1).", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("How long to measure (10).", valueName: "seconds"))
    var duration: Double?

    @Option(help: ArgumentHelp("How many operations to measure instead.", valueName: "n"), transform: Word.count)
    var operations: Int?

    @Option(
        help: ArgumentHelp(
            "Begin so many operations a second, whatever becomes of them; latency counts from when each was to begin.",
            valueName: "n"))
    var rate: Double?

    @Option(help: ArgumentHelp("How long to work before measuring.", valueName: "seconds"))
    var warmUp = 1.0

    @Option(
        help: ArgumentHelp(
            "How unevenly people come: the exponent of Zipf's law (0, everybody alike; mixed: 0.99).",
            valueName: "exponent"))
    var skew: Double?

    @Option(
        help: ArgumentHelp("How many people to invent, or to pick from those there are (100000).", valueName: "n"),
        transform: Word.count)
    var people = Self.peopleDefault

    @Option(help: ArgumentHelp("What chance begins with.", valueName: "n"))
    var seed: UInt64 = 1

    @Flag(help: "Let a mix that creates people do so in --db or on the server.")
    var allowWrites = false

    @Option(
        help: ArgumentHelp(
            "Memory that the vault may take for people asked for lately, such as 512M (56M); 0 for none.",
            valueName: "size"),
        transform: Word.memory)
    var cache: Int?

    @Option(
        help: ArgumentHelp("Draw the latencies here (- for stdout), over an older drawing too.", valueName: "file"),
        completion: .file(extensions: ["svg"]))
    var svg: String?

    func validate() throws {
        try Self.require(connections ?? 1, "--connections", 1...Self.connectionsMax)
        try Self.require(pipeline, "--pipeline", 1...Self.pipelineMax)
        try Self.require(threads ?? 1, "--threads", 1...Self.threadsMax)
        try Self.require(duration ?? 1, "--duration", 0.001...Self.secondsMax)
        try Self.require(operations ?? 1, "--operations", 1...Self.operationsMax)
        try Self.require(rate ?? 1, "--rate", 0.001...Self.rateMax)
        try Self.require(warmUp, "--warm-up", 0...Self.secondsMax)
        try Self.require(skew ?? 0, "--skew", 0...Self.skewMax)
        try Self.require(people, "--people", 1...BenchSample.peopleMax)
        if duration != nil, operations != nil { throw ValidationError("Give one of --duration and --operations") }
    }

    private static func require<Value>(_ value: Value, _ name: String, _ range: ClosedRange<Value>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) goes from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// - Parameter connectionsDefault: where none are given.
    func plan(connectionsDefault: Int, allowsWrites: Bool) -> BenchPlan {
        BenchPlan(
            mix: mix, connections: connections ?? connectionsDefault, threads: threads ?? 1, pipeline: pipeline,
            length: operations.map { .operations($0) } ?? .seconds(duration ?? 10), rate: rate, warmUpSeconds: warmUp,
            skew: skew ?? mix.skew, seed: seed, allowsWrites: allowsWrites)
    }
}
