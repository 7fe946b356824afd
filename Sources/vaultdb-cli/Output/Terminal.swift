import Glibc

/// One of the process's two output streams, and what may be drawn on it.
struct Terminal {
    static let output = Terminal(STDOUT_FILENO)
    static let errors = Terminal(STDERR_FILENO)

    private let descriptor: Int32
    /// Whether a person looks at it.
    let isTerminal: Bool
    /// Whether it understands escape sequences, so that lines may be drawn over.
    let isRedrawable: Bool

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        isRedrawable = isTerminal && Environment["TERM"] != "dumb"
    }

    /// Whether text may be coloured; see https://no-color.org.
    var hasColour: Bool { isRedrawable && Environment["NO_COLOR"] == nil }

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

    /// Waits for a time, or until a signal comes.
    /// - Returns: false at once where nobody reads any more.
    func waitWhileRead(milliseconds: Int) -> Bool {
        var look = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&look, 1, Int32(clamping: milliseconds)) <= 0
    }

    /// Writes a short line at once, on which nothing depends.
    func write(_ text: String) { write(Array(text.utf8)) }
}

/// Environment variables; one that is empty counts as not set.
enum Environment {
    static subscript(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

extension Environment {
    /// Whether the locale says that text is UTF-8; without one it is ASCII.
    static var isUTF8: Bool {
        let locale = Self["LC_ALL"] ?? Self["LC_CTYPE"] ?? Self["LANG"] ?? "C"
        let name = locale.lowercased()
        return name.contains("utf-8") || name.contains("utf8")
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
    /// Backgrounds of badges.
    case blue = "97;44"
    case green = "30;42"
    case magenta = "97;45"
    case inverse = "7"

    func applied(to text: String) -> String {
        guard self != .plain, Terminal.output.hasColour else { return text }
        return "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
    }
}
