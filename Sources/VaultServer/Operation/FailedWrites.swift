internal import Logging
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// Writes that fail for what the operator has to mend, such as a full disk. Their clients are told of each; the log is told
/// within a second, and then now and again, of how many there were.
final class FailedWrites: Sendable {
    static let interval = TimeAmount.seconds(10)

    private struct Untold {
        var count = 0
        var last = ""
        /// When the log may be told again.
        var nextAt = NIODeadline.uptimeNanoseconds(0)
    }

    private let untold = Mutex(Untold())
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// Passes over an error that is its client's to mend.
    func note(_ error: any Error) {
        guard let error = error as? VaultError, Self.isOperators(error.code) else { return }
        untold.withLock { untold in
            untold.count += 1
            untold.last = error.description
        }
    }

    /// To be called once a second.
    func tell(at now: NIODeadline) {
        let (count, last) = untold.withLock { untold in
            guard untold.count > 0, now >= untold.nextAt else { return (0, "") }
            defer { untold = Untold(nextAt: now + Self.interval) }
            return (untold.count, untold.last)
        }
        guard count > 0 else { return }
        logger.warning("Writes fail", metadata: ["writes": "\(count)", "error": "\(last)"])
    }

    private static func isOperators(_ code: VaultError.Code) -> Bool {
        switch code {
        case .accessDenied, .corrupted, .diskFull, .mapFull, .system: true
        default: false
        }
    }
}
