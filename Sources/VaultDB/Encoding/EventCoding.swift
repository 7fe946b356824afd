internal import Crypto
internal import Foundation

/// The event, byte by byte in docs/FORMAT.md ("audit").
enum EventFormat {
    static let version: UInt8 = 1
    static let hashBytes = 32
    static let otherFlag: UInt8 = 0x01
    static let recordFlag: UInt8 = 0x02
    static let mergeFlag: UInt8 = 0x04
    /// The event belongs to the story of the other identity as well.
    static let sharedFlag: UInt8 = 0x08

    /// The link of the chain: a hash over the event's key and value as they are stored.
    static func hash(key: RawSpan, value: RawSpan) -> [UInt8] {
        var hash = SHA256()
        key.withUnsafeBytes { hash.update(bufferPointer: $0) }
        value.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }
}

extension Event {
    func encoded() -> [UInt8] {
        var writer = ByteWriter(format: EventFormat.version)
        writer.blob(previousHash)
        writer.byte(action.rawValue)
        writer.byte(flags)
        writer.byte(kinds.reduce(0) { $0 | 1 << $1.rawValue })
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
        return writer.bytes
    }

    private var flags: UInt8 {
        (other == nil ? 0 : EventFormat.otherFlag) | (record == nil ? 0 : EventFormat.recordFlag)
            | (merge == nil ? 0 : EventFormat.mergeFlag) | (previousOfOther == 0 ? 0 : EventFormat.sharedFlag)
    }

    init(sequence: UInt64, _ bytes: RawSpan) throws(VaultError) {
        var reader = try ByteReader(bytes, format: EventFormat.version)
        let previousHash = try reader.blob(EventFormat.hashBytes)
        guard let action = Action(rawValue: try reader.byte()) else {
            throw .corrupted("an event of the audit trail is of an unknown kind")
        }
        let flags = try reader.byte()
        let mask = try reader.byte()
        let time = try reader.time()
        let identity = try reader.id()
        let previous = try reader.varint()
        let other = flags & EventFormat.otherFlag == 0 ? nil : try reader.id()
        let previousOfOther = flags & EventFormat.sharedFlag == 0 ? 0 : try reader.varint()
        let merge = flags & EventFormat.mergeFlag == 0 ? nil : try reader.id()
        var record: RecordReference?
        if flags & EventFormat.recordFlag != 0 {
            record = RecordReference(kind: try reader.text(), id: try reader.text())
        }
        self.init(
            action, at: time, identity: identity == .nobody ? nil : identity, other: other, merge: merge,
            kinds: IdentifierKind.allCases.filter { mask & 1 << $0.rawValue != 0 }, record: record,
            source: try reader.optionalText(), actor: try reader.optionalText())
        self.sequence = sequence
        self.previousOfIdentity = previous
        self.previousOfOther = previousOfOther
        self.previousHash = previousHash
    }
}
