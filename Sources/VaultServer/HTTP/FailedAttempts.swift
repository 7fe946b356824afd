internal import NIOCore
internal import Synchronization

/// Counts tokens that were shown in vain, by address, so that guessing is slow.
final class FailedAttempts: Sendable {
    private struct Window {
        var count = 0
        let end: NIODeadline
    }

    /// Addresses that are remembered; beyond it the oldest windows are let go.
    private static let addressesMax = 10_000

    private let perMinuteMax: Int
    private let windows = Mutex<[String: Window]>([:])

    init(perMinuteMax: Int) { self.perMinuteMax = perMinuteMax }

    /// Seconds until this address may try again; nil where it may now.
    func secondsToWait(_ address: String, at now: NIODeadline = .now()) -> Int? {
        windows.withLock { windows in
            guard let window = windows[address], window.count >= perMinuteMax, window.end > now else { return nil }
            return Int((window.end - now).nanoseconds / 1_000_000_000) + 1
        }
    }

    func note(_ address: String, at now: NIODeadline = .now()) {
        windows.withLock { windows in
            if let known = windows[address], known.end <= now { windows[address] = nil }
            if windows[address] == nil, windows.count >= Self.addressesMax { Self.makeRoom(&windows, now) }
            windows[address, default: Window(end: now + .minutes(1))].count += 1
        }
    }

    private static func makeRoom(_ windows: inout [String: Window], _ now: NIODeadline) {
        windows = windows.filter { $0.value.end > now }
        guard windows.count >= addressesMax, let oldest = windows.min(by: { $0.value.end < $1.value.end }) else {
            return
        }
        windows[oldest.key] = nil
    }
}
