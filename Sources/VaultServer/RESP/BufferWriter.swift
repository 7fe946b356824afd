internal import Foundation
internal import VaultDB

/// Writes the parts of one reply into room that was made for all of it, so that room is asked for once and not for
/// each part.
struct BufferWriter {
    // Valid while `ReplyWriter.compose` runs, which lends the pen and keeps none. Every part checks its room.
    private let room: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    @inline(__always)
    mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func put(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { put($0) }
    }

    @inline(__always)
    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room.count - count, "a reply has more bytes than it said")
        guard let start = room.baseAddress, let source = bytes.baseAddress else { return }
        (start + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// In decimal digits; not below 0.
    @inline(__always)
    mutating func put(_ number: Int) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var (rest, first) = (UInt(number), 20)
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        put(digits.span.extracting(first..<20))
    }

    /// As the 36 characters of its text.
    @inline(__always)
    mutating func put(_ id: UUID) {
        let (high, low) = (id.high, id.low)
        word(Self.hex(UInt32(truncatingIfNeeded: high >> 32)))
        let second = Self.hex(UInt32(truncatingIfNeeded: high))
        dash()
        half(UInt32(truncatingIfNeeded: second >> 32))
        dash()
        half(UInt32(truncatingIfNeeded: second))
        let third = Self.hex(UInt32(truncatingIfNeeded: low >> 32))
        dash()
        half(UInt32(truncatingIfNeeded: third >> 32))
        dash()
        half(UInt32(truncatingIfNeeded: third))
        word(Self.hex(UInt32(truncatingIfNeeded: low)))
    }

    @inline(__always)
    private mutating func word(_ digits: UInt64) { withUnsafeBytes(of: digits.bigEndian) { put($0) } }

    @inline(__always)
    private mutating func half(_ digits: UInt32) { withUnsafeBytes(of: digits.bigEndian) { put($0) } }

    @inline(__always)
    private mutating func dash() { withUnsafeBytes(of: UInt8(ascii: "-")) { put($0) } }

    /// Eight hexadecimal digits of a word, the first in the highest byte.
    @inline(__always)
    private static func hex(_ word: UInt32) -> UInt64 {
        // Each half-byte into a byte of its own, then all eight to digits at once.
        var spread = UInt64(word)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return spread + 0x3030_3030_3030_3030 + letters * 39
    }
}
