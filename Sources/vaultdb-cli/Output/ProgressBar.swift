import Dispatch
import Glibc

/// A line on stderr that tells how far long work is, where a person looks; nothing otherwise.
struct ProgressBar {
    private static let redrawNanoseconds: UInt64 = 100_000_000
    private static let barColumns = 20

    private let title: String
    private let started = Clock.nanoseconds
    private var drawn: UInt64 = 0
    private var isVisible = false

    init(_ title: String) { self.title = DisplayText.oneLine(title) }

    /// - Parameters:
    ///   - count: things done, such as rows.
    ///   - share: of the whole work, where that is known.
    mutating func update(_ count: Int, of things: String, share: Double?) {
        guard Terminal.errors.isRedrawable else { return }
        let now = Clock.nanoseconds
        guard now - drawn >= Self.redrawNanoseconds else { return }
        drawn = now
        isVisible = true
        let seconds = Double(now - started) / 1e9
        let rate = seconds > 0 ? Int(Double(count) / seconds) : 0
        var parts = [title]
        if let share { parts.append(bar(share)) }
        parts.append("\(count.grouped) \(things)")
        parts.append("\(rate.grouped) \(things)/s")
        if let share, share > 0.01 { parts.append("\(Self.time(seconds / share - seconds)) left") }
        let line = DisplayText.cut(parts.joined(separator: "  "), to: (Terminal.errors.width ?? 80) - 1)
        Terminal.errors.write("\r\u{1B}[K\(line)")
    }

    /// Takes the line away; to be called at the end, and before anything else is written to stderr.
    mutating func erase() {
        guard isVisible else { return }
        isVisible = false
        Terminal.errors.write("\r\u{1B}[K")
    }

    private func bar(_ share: Double) -> String {
        let share = min(max(share, 0), 1)
        let full = Int(share * Double(Self.barColumns))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: Self.barColumns - full)
        return "\(bar) \(Int(share * 100))%"
    }

    /// Minutes and seconds.
    private static func time(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 359_999).rounded(.up))
        let rest = whole % 60
        return "\(whole / 60):\(rest < 10 ? "0" : "")\(rest)"
    }
}

/// Time that never goes backwards.
enum Clock {
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
