internal import Logging
internal import Synchronization

/// A line of the log that clients can bring about as often as they like: written a few times a second, and then once more
/// with how many there were besides.
final class FrequentNotice: Sendable {
    static let linesPerSecondMax = 10

    private let message: String
    private let logger: Logger
    /// Since `tellRest` was called last.
    private let count = Atomic<Int>(0)

    init(_ message: String, _ logger: Logger) {
        self.message = message
        self.logger = logger
    }

    func note(_ metadata: @autoclosure () -> Logger.Metadata) {
        guard count.add(1, ordering: .relaxed).newValue <= Self.linesPerSecondMax else { return }
        logger.notice("\(message)", metadata: metadata())
    }

    /// To be called once a second.
    func tellRest() {
        let more = count.exchange(0, ordering: .relaxed) - Self.linesPerSecondMax
        if more > 0 { logger.notice("\(message)", metadata: ["more": "\(more)"]) }
    }
}
