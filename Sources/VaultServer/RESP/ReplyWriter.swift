internal import Foundation
internal import NIOCore
internal import VaultDB

/// The two versions of the protocol: RESP3 has maps, nulls and booleans of their own, RESP2 writes them as flat arrays,
/// null bulk strings and integers.
enum ProtocolVersion: Int, Sendable { case resp2 = 2, resp3 = 3 }

/// Writes replies straight into the bytes that are sent.
struct ReplyWriter {
    private(set) var buffer: ByteBuffer
    var version: ProtocolVersion

    init(_ buffer: ByteBuffer, _ version: ProtocolVersion) {
        self.buffer = buffer
        self.version = version
    }

    /// Begins anew. Where nobody else holds the bytes any more, their memory is written to again.
    mutating func clear() {
        if buffer.capacity > Self.keptBytesMax { buffer = ByteBuffer() } else { buffer.clear() }
    }

    private static let keptBytesMax = 64 << 10

    /// Writes into other bytes from now on, and gives back its own.
    mutating func exchange(_ other: inout ByteBuffer) { swap(&buffer, &other) }

    /// Adds what another writer has written.
    mutating func append(_ other: ReplyWriter) { buffer.writeImmutableBuffer(other.buffer) }

    var isEmpty: Bool { buffer.readableBytes == 0 }
    var byteCount: Int { buffer.readableBytes }

    // MARK: Scalars

    mutating func simple(_ text: StaticString) {
        buffer.writeStaticString("+")
        buffer.writeStaticString(text)
        end()
    }

    /// A word without line breaks.
    mutating func status(_ word: String) {
        buffer.writeStaticString("+")
        buffer.writeString(word)
        end()
    }

    /// Text that has been written out already, with its mark and end.
    @inline(__always)
    mutating func raw(_ text: StaticString) { buffer.writeStaticString(text) }

    mutating func error(_ error: ReplyError) {
        buffer.writeStaticString("-")
        buffer.writeString(error.code.rawValue)
        buffer.writeStaticString(" ")
        // A line break would end the reply early.
        buffer.writeString(String(error.sentence.map { $0.isNewline ? " " : $0 }))
        end()
    }

    mutating func integer(_ value: Int) {
        buffer.writeStaticString(":")
        decimal(value)
        end()
    }

    mutating func null() {
        if version == .resp3 { raw("_\r\n") } else { raw("$-1\r\n") }
    }

    mutating func boolean(_ value: Bool) {
        switch (version, value) {
        case (.resp3, true): raw("#t\r\n")
        case (.resp3, false): raw("#f\r\n")
        case (.resp2, true): raw(":1\r\n")
        case (.resp2, false): raw(":0\r\n")
        }
    }

    mutating func bulk(_ text: String) {
        length("$", text.utf8.count)
        buffer.writeString(text)
        end()
    }

    @inline(__always)
    mutating func bulk(_ bytes: Span<UInt8>) {
        length("$", bytes.count)
        buffer.writeBytes(bytes.bytes)
        end()
    }

    /// Text for people, which RESP3 clients show as it is.
    mutating func verbatim(_ text: String) {
        guard version == .resp3 else { return bulk(text) }
        length("=", text.utf8.count + 4)
        buffer.writeStaticString("txt:")
        buffer.writeString(text)
        end()
    }

    /// The id as the 36 characters of its text, without making that text.
    @inline(__always)
    mutating func id(_ id: UUID) {
        compose(bytesMax: 48) { pen in
            pen.put("$36\r\n")
            pen.put(id)
            pen.put("\r\n")
        }
    }

    /// Writes a reply whose greatest length is known in one piece.
    @inline(__always)
    mutating func compose(bytesMax: Int, _ write: (inout BufferWriter) -> Void) {
        _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { room in
            var pen = BufferWriter(room)
            write(&pen)
            return pen.count
        }
    }

    private static let lineEnd: UInt16 = 0x0D0A

    // MARK: Aggregates

    mutating func array(_ count: Int) { length("*", count) }

    /// `count` pairs of key and value are to follow.
    mutating func map(_ count: Int) {
        if version == .resp3 { length("%", count) } else { length("*", count * 2) }
    }

    /// Elements without an order.
    mutating func set(_ count: Int) { length(version == .resp3 ? "~" : "*", count) }

    // MARK: Parts

    @inline(__always)
    private mutating func length(_ mark: StaticString, _ count: Int) {
        buffer.writeStaticString(mark)
        decimal(count)
        end()
    }

    @inline(__always)
    private mutating func end() { buffer.writeInteger(Self.lineEnd) }

    @inline(__always)
    private mutating func decimal(_ value: Int) {
        if value >= 0, value < 10 {
            buffer.writeInteger(UInt8(ascii: "0") + UInt8(value))
        } else if value >= 10, value < 100 {
            let (tens, ones) = value.quotientAndRemainder(dividingBy: 10)
            buffer.writeMultipleIntegers(UInt8(ascii: "0") + UInt8(tens), UInt8(ascii: "0") + UInt8(ones))
        } else {
            buffer.writeString(String(value))
        }
    }
}
