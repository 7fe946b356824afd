import Glibc

/// One of the process's two output streams, and what may be drawn on it.
struct Terminal {
    static let output = Terminal(STDOUT_FILENO)
    static let errors = Terminal(STDERR_FILENO)

    private let descriptor: Int32
    /// Whether a person looks at it.
    let isTerminal: Bool
    /// Whether it understands escape sequences.
    private let isCapable: Bool

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        isCapable = isTerminal && Environment["TERM"] != "dumb"
    }

    /// Whether lines may be drawn over.
    var isRedrawable: Bool { isCapable }

    /// Whether text may be coloured; see https://no-color.org.
    var hasColour: Bool { isCapable && Environment["NO_COLOR"] == nil }

    /// Columns, or nil where nobody looks.
    var width: Int? {
        guard isTerminal else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes at once, without a buffer. For short lines; what cannot be written is lost.
    func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            // Safe: `write` reads at most the buffer's length, within the closure that lends its memory.
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }
}

/// Environment variables; one that is empty counts as not set.
enum Environment {
    static subscript(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

/// How a piece of text stands out on a terminal.
enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case good = "32"
    case bad = "31"
    case notable = "33"

    func applied(to text: String) -> String {
        guard self != .plain, Terminal.output.hasColour else { return text }
        return "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
    }
}
