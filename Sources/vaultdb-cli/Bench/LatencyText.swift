import Foundation

/// Nanoseconds with three digits and a unit.
enum LatencyText {
    static func of(_ nanoseconds: UInt64) -> String {
        let value = Double(nanoseconds)
        switch nanoseconds {
        case ..<1_000: return "\(nanoseconds) ns"
        case ..<999_500: return text(value / 1e3) + (Environment.isUTF8 ? " µs" : " us")
        case ..<999_500_000: return text(value / 1e6) + " ms"
        default: return text(value / 1e9) + " s"
        }
    }

    private static func text(_ value: Double) -> String {
        String(format: value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value)
    }
}
