public import Foundation
internal import Synchronization

/// Makes version 7 UUIDs (RFC 9562): 48 bits of milliseconds, then 12 bits that count within one, then random bits.
/// Ids from one generator ascend strictly, so new identities fall at the end of their table.
package final class UUIDv7Generator: Sendable {
    private struct State: Sendable {
        var milliseconds: UInt64 = 0
        var counter: UInt64 = 0
        var random = SystemRandomNumberGenerator()
    }

    private static let counterMax: UInt64 = 0xFFF
    private let state = Mutex(State())

    package init() {}

    package func next(at time: Timestamp) -> UUID {
        state.withLock { state in
            let milliseconds = UInt64(max(time.microseconds, 0)) / 1000
            if milliseconds > state.milliseconds {
                state.milliseconds = milliseconds
                state.counter = state.random.next() & 0xFF
            } else if state.counter < Self.counterMax {
                state.counter += 1
            } else {
                state.milliseconds += 1
                state.counter = 0
            }
            let high = state.milliseconds << 16 | 0x7000 | state.counter
            let low = state.random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
            return UUID(high: high, low: low)
        }
    }
}

extension UUID {
    /// From its two big-endian halves.
    package init(high: UInt64, low: UInt64) {
        self.init(
            uuid: (
                UInt8(truncatingIfNeeded: high >> 56), UInt8(truncatingIfNeeded: high >> 48),
                UInt8(truncatingIfNeeded: high >> 40), UInt8(truncatingIfNeeded: high >> 32),
                UInt8(truncatingIfNeeded: high >> 24), UInt8(truncatingIfNeeded: high >> 16),
                UInt8(truncatingIfNeeded: high >> 8), UInt8(truncatingIfNeeded: high),
                UInt8(truncatingIfNeeded: low >> 56), UInt8(truncatingIfNeeded: low >> 48),
                UInt8(truncatingIfNeeded: low >> 40), UInt8(truncatingIfNeeded: low >> 32),
                UInt8(truncatingIfNeeded: low >> 24), UInt8(truncatingIfNeeded: low >> 16),
                UInt8(truncatingIfNeeded: low >> 8), UInt8(truncatingIfNeeded: low)
            ))
    }

    package var high: UInt64 {
        let b = uuid
        return UInt64(b.0) << 56 | UInt64(b.1) << 48 | UInt64(b.2) << 40 | UInt64(b.3) << 32
            | UInt64(b.4) << 24 | UInt64(b.5) << 16 | UInt64(b.6) << 8 | UInt64(b.7)
    }

    package var low: UInt64 {
        let b = uuid
        return UInt64(b.8) << 56 | UInt64(b.9) << 48 | UInt64(b.10) << 40 | UInt64(b.11) << 32
            | UInt64(b.12) << 24 | UInt64(b.13) << 16 | UInt64(b.14) << 8 | UInt64(b.15)
    }

    /// All bits zero (RFC 9562): stands for "nobody" in index entries.
    package static let nobody = UUID(high: 0, low: 0)

    /// Lower case, as the vault prints every id.
    public var text: String { uuidString.lowercased() }
}
