internal import Crypto
internal import Foundation

/// The form of an event that the chain hashes, byte by byte in docs/FORMAT.md ("audit"). Entries have it in fewer
/// bytes; see `AuditEntry`.
enum EventFormat {
    static let version: UInt8 = 1
    static let otherFlag: UInt8 = 0x01
    static let recordFlag: UInt8 = 0x02
    static let mergeFlag: UInt8 = 0x04
    /// The event belongs to the story of the other identity as well.
    static let sharedFlag: UInt8 = 0x08

    /// The link of the chain: a hash over an event's key and its form.
    static func hash(key: RawSpan, value: RawSpan) -> EventHash {
        var hash = SHA256()
        key.withUnsafeBytes { hash.update(bufferPointer: $0) }
        value.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().withUnsafeBytes { EventHash(words: $0.loadUnaligned(as: SIMD4.self)) }
    }
}

/// SHA-256 of an event, its bytes in the order of memory; zeros before the first event.
struct EventHash: Equatable, Sendable {
    static let bytes = MemoryLayout<EventHash>.size
    fileprivate(set) var words = SIMD4<UInt64>()

    init() {}

    fileprivate init(words: SIMD4<UInt64>) { self.words = words }

    /// - Parameter bytes: 32 of them, or fewer with zeros behind them.
    init(_ bytes: some Sequence<UInt8>) {
        withUnsafeMutableBytes(of: &words) { words in
            for (index, byte) in zip(words.indices, bytes) { words[index] = byte }
        }
    }

    var array: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }
}

extension ByteWriter {
    mutating func hash(_ value: EventHash) { append(value.words) }
}

extension ByteReader {
    @_lifetime(self: copy self)
    mutating func hash() throws(VaultError) -> EventHash {
        EventHash(words: try span(EventHash.bytes).unsafeLoadUnaligned(as: SIMD4.self))
    }
}

extension Event {
    /// What the event after it keeps of it.
    func hash(in organization: OrganizationNumber) -> EventHash {
        let value = encoded()
        return EventFormat.hash(key: Key.event(sequence, in: organization).bytes, value: value.bytes)
    }

    func encoded() -> ByteWriter {
        var writer = ByteWriter(format: EventFormat.version)
        writer.hash(previous)
        writer.byte(action.rawValue)
        writer.byte(flags)
        writer.byte(kindsMask)
        writer.time(time)
        writer.id(identity ?? .nobody)
        writer.varint(previousOfIdentity)
        if let other { writer.id(other) }
        if previousOfOther > 0 { writer.varint(previousOfOther) }
        if let merge { writer.id(merge) }
        if let record {
            writer.text(record.kind)
            writer.text(record.id)
        }
        writer.text(source)
        writer.text(actor)
        return writer
    }

    var flags: UInt8 {
        (other == nil ? 0 : EventFormat.otherFlag) | (record == nil ? 0 : EventFormat.recordFlag)
            | (merge == nil ? 0 : EventFormat.mergeFlag) | (previousOfOther == 0 ? 0 : EventFormat.sharedFlag)
    }
}
