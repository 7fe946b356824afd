internal import Crypto
internal import Foundation

/// The form of an event that the chain hashes, byte by byte in docs/FORMAT.md ("audit"). Entries have it in fewer
/// bytes; see `AuditEntry`.
enum EventFormat {
    static let version: UInt8 = 1
    static let hashBytes = 32
    static let otherFlag: UInt8 = 0x01
    static let recordFlag: UInt8 = 0x02
    static let mergeFlag: UInt8 = 0x04
    /// The event belongs to the story of the other identity as well.
    static let sharedFlag: UInt8 = 0x08

    /// The link of the chain: a hash over an event's key and its form.
    static func hash(key: RawSpan, value: RawSpan) -> [UInt8] {
        var hash = SHA256()
        key.withUnsafeBytes { hash.update(bufferPointer: $0) }
        value.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().withUnsafeBytes { Array($0) }
    }
}

extension Event {
    /// What the event after it keeps of it.
    func hash(in organization: OrganizationNumber) -> [UInt8] {
        EventFormat.hash(key: Key.event(sequence, in: organization).bytes, value: encoded().span.bytes)
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(format: EventFormat.version)
        writer.blob(previousHash)
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
        return writer.finished()
    }

    var kindsMask: UInt8 { kinds.reduce(0) { $0 | 1 << $1.rawValue } }

    var flags: UInt8 {
        (other == nil ? 0 : EventFormat.otherFlag) | (record == nil ? 0 : EventFormat.recordFlag)
            | (merge == nil ? 0 : EventFormat.mergeFlag) | (previousOfOther == 0 ? 0 : EventFormat.sharedFlag)
    }
}
