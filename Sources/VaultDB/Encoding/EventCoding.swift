internal import Crypto
internal import Foundation

/// The event, byte by byte in docs/FORMAT.md ("audit").
enum EventFormat {
    static let version: UInt8 = 1
    static let hashBytes = 32
    static let otherFlag: UInt8 = 0x01
    static let recordFlag: UInt8 = 0x02

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
        writer.byte((other == nil ? 0 : EventFormat.otherFlag) | (record == nil ? 0 : EventFormat.recordFlag))
        writer.byte(kinds.reduce(0) { $0 | 1 << $1.rawValue })
        writer.time(time)
        writer.id(identity ?? .nobody)
        writer.varint(previousOfIdentity)
        if let other { writer.id(other) }
        if let record {
            writer.text(record.kind)
            writer.text(record.id)
        }
        writer.text(source)
        writer.text(actor)
        return writer.bytes
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
        var record: RecordReference?
        if flags & EventFormat.recordFlag != 0 {
            record = RecordReference(kind: try reader.text(), id: try reader.text())
        }
        self.init(
            action, at: time, identity: identity == .nobody ? nil : identity, other: other,
            kinds: IdentifierKind.allCases.filter { mask & 1 << $0.rawValue != 0 }, record: record,
            source: try reader.optionalText(), actor: try reader.optionalText())
        self.sequence = sequence
        self.previousOfIdentity = previous
        self.previousHash = previousHash
    }
}
