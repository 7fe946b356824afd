public import Foundation
internal import Glibc
internal import Synchronization

/// Makes version 7 UUIDs (RFC 9562): 48 bits of milliseconds, then 12 bits that count within one, then random bits.
/// Ids from one generator ascend strictly, so new identities fall at the end of their table.
package final class UUIDv7Generator: Sendable {
    private struct State: Sendable {
        var milliseconds: UInt64 = 0
        var counter: UInt64 = 0
        /// Random words that are left. The system is asked for many at once: it would be the dearest part of an id.
        var random: [UInt64] = []

        mutating func word() -> UInt64 {
            if let word = random.popLast() { return word }
            random = [UInt64](repeating: 0, count: UUIDv7Generator.wordsPerCall)
            // The bytes are the array's own, and the system writes all of them or says that it has not.
            let code = random.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
            guard code == 0, let word = random.popLast() else {
                random = []
                return .random(in: .min ... .max)
            }
            return word
        }
    }

    private static let counterMax: UInt64 = 0xFFF
    /// As many as `getentropy` gives at once.
    private static let wordsPerCall = 32
    private let state = Mutex(State())

    package init() {}

    package func next(at time: Timestamp) -> UUID {
        state.withLock { state in
            let milliseconds = UInt64(max(time.microseconds, 0)) / 1000
            if milliseconds > state.milliseconds {
                state.milliseconds = milliseconds
                state.counter = state.word() & 0xFF
            } else if state.counter < Self.counterMax {
                state.counter += 1
            } else {
                state.milliseconds += 1
                state.counter = 0
            }
            let high = state.milliseconds << 16 | 0x7000 | state.counter
            let low = state.word() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
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

    /// From the 36 characters of its text, in either case; nil for anything else.
    package init?(text: String) {
        let bytes = text.utf8.span
        guard bytes.count == 36 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for index in bytes.indices {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard bytes[index] == UInt8(ascii: "-") else { return nil }
                continue
            }
            let (byte, letter) = (bytes[index], bytes[index] | 0x20)
            let digit: UInt8
            switch (byte, letter) {
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), _): digit = byte - UInt8(ascii: "0")
            case (_, UInt8(ascii: "a")...UInt8(ascii: "f")): digit = letter - UInt8(ascii: "a") + 10
            default: return nil
            }
            high = high << 4 | low >> 60
            low = low << 4 | UInt64(digit)
        }
        self.init(high: high, low: low)
    }

    /// Lower case, as the vault prints every id.
    public var text: String {
        let (high, low) = (high, low)
        return String(unsafeUninitializedCapacity: 36) { characters in
            var place = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    characters[place] = UInt8(ascii: "-")
                    place += 1
                }
                let byte = UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8))
                characters[place] = UInt8(hexDigit: byte >> 4)
                characters[place + 1] = UInt8(hexDigit: byte & 0x0F)
                place += 2
            }
            return place
        }
    }
}
