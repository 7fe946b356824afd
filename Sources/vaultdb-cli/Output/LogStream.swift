import Dispatch
import Synchronization

/// Lines for stderr of a program that may not wait until somebody reads them. A thread of its own writes them, in the
/// order in which they came; those that there is no room for are left out, and how many is told in their place.
final class LogStream: TextOutputStream, Sendable {
    static let errors = LogStream()

    private static let bytesMax = 256 << 10
    private static let flushTimeMax = DispatchTimeInterval.seconds(1)

    private struct Waiting {
        var text = ""
        /// Behind the text.
        var leftOutCount = 0
        /// Whether the thread is at work, and takes what comes.
        var isTaken = false
    }

    private let waiting = Mutex(Waiting())
    private let thread = DispatchQueue(label: "vaultdb.log")

    private init() {}

    /// Takes a line, or several, without waiting for anybody.
    func write(_ line: String) {
        let isFirst = waiting.withLock { waiting in
            // Nothing comes between those that are left out.
            if waiting.leftOutCount > 0 || waiting.text.utf8.count + line.utf8.count > Self.bytesMax {
                waiting.leftOutCount += 1
            } else {
                waiting.text += line
            }
            defer { waiting.isTaken = true }
            return !waiting.isTaken
        }
        if isFirst { thread.async { self.passOn() } }
    }

    /// Waits until what has come is written, for a second at most.
    func flush() {
        let isDone = DispatchSemaphore(value: 0)
        thread.async { isDone.signal() }
        _ = isDone.wait(timeout: .now() + Self.flushTimeMax)
    }

    private func passOn() {
        while let text = next() { Terminal.errors.write(text) }
    }

    /// All that waits; nil where that is nothing.
    private func next() -> String? {
        waiting.withLock { waiting in
            var text = waiting.text
            if waiting.leftOutCount > 0 {
                text += "vaultdb: \(waiting.leftOutCount) lines are left out here, for nobody took what is on stderr\n"
            }
            waiting = Waiting(isTaken: !text.isEmpty)
            return text.isEmpty ? nil : text
        }
    }
}
