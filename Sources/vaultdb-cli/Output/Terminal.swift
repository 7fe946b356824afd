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

    /// Writes at once, without a buffer.
    /// - Returns: false, with `errno` set, where it can't be written.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var written = 0
        while written < bytes.count {
            // Safe: `write` reads at most the buffer's length, within the closure that lends its memory.
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0 && errno != EINTR { return false }
            written += max(count, 0)
        }
        return true
    }

    /// The same for a short line, on which nothing depends.
    func write(_ text: String) { write(Array(text.utf8)) }
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
