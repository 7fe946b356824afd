internal import Foundation
internal import NIOCore
internal import VaultDB

/// Writes JSON straight into bytes, without a tree of it before. For the answers that are asked for most.
struct JSONWriter {
    private(set) var buffer: ByteBuffer
    /// Whether the next member or element needs a comma before it.
    private var needsComma = false

    /// - Parameter bytes: about how many there will be.
    init(bytes: Int) { buffer = ByteBufferAllocator().buffer(capacity: bytes) }

    // MARK: Structure

    mutating func object(_ write: (inout JSONWriter) -> Void) { enclosed("{", "}", write) }

    /// - Parameter write: writes its elements, each an object.
    mutating func array(_ write: (inout JSONWriter) -> Void) { enclosed("[", "]", write) }

    private mutating func enclosed(_ open: StaticString, _ close: StaticString, _ write: (inout JSONWriter) -> Void) {
        separate()
        buffer.writeStaticString(open)
        needsComma = false
        write(&self)
        buffer.writeStaticString(close)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.writeStaticString(",") }
    }

    /// A member's name; its value is to be written next. The name holds nothing that JSON escapes.
    mutating func name(_ name: StaticString) {
        let needsComma = needsComma
        compose(bytesMax: name.utf8CodeUnitCount + 4) { pen in
            pen.put(needsComma ? ",\"" : "\"")
            pen.put(name)
            pen.put("\":")
        }
        self.needsComma = false
    }

    /// Writes in one piece what is known not to be longer.
    private mutating func compose(bytesMax: Int, _ write: (inout BufferWriter) -> Void) {
        _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { room in
            var pen = BufferWriter(room)
            write(&pen)
            return pen.count
        }
    }

    // MARK: Members

    mutating func member(_ name: StaticString, _ text: String?) {
        self.name(name)
        defer { needsComma = true }
        guard let text else {
            buffer.writeStaticString("null")
            return
        }
        quoted(text)
    }

    mutating func member(_ name: StaticString, _ id: UUID) {
        self.name(name)
        defer { needsComma = true }
        compose(bytesMax: 38) { pen in
            pen.put("\"")
            pen.put(id)
            pen.put("\"")
        }
    }

    mutating func member(_ name: StaticString, _ number: Int) {
        self.name(name)
        defer { needsComma = true }
        buffer.writeString(String(number))
    }

    mutating func member(_ name: StaticString, _ time: Timestamp) {
        self.name(name)
        defer { needsComma = true }
        buffer.writeStaticString("\"")
        buffer.writeString(time.description)
        buffer.writeStaticString("\"")
    }

    private mutating func quoted(_ text: String) {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard isPlain else {
            buffer.writeString(JSONValue.string(text).text)
            return
        }
        buffer.writeStaticString("\"")
        buffer.writeString(text)
        buffer.writeStaticString("\"")
    }
}
