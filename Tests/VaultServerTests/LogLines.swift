// LogLines keeps what is written to a log under test.

import Logging
import Synchronization

final class LogLines: TextOutputStream, Sendable {
    private let text = Mutex("")

    var logger: Logger { Logger(label: "test") { StreamLogHandler(label: $0, stream: self) } }

    func write(_ line: String) { text.withLock { $0 += line } }

    /// Those since the last call.
    func take() -> [String] {
        text.withLock { text in
            defer { text = "" }
            return text.split(separator: "\n").map { String($0) }
        }
    }
}
