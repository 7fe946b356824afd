internal import Foundation
internal import Storage

/// The end of a record's keys: its kind, a zero byte, its id.
struct RecordKey: Hashable {
    let kind: RecordKind
    let id: String
}

extension RecordKey {
    init(_ record: Record) { self.init(kind: record.kind, id: record.id) }

    init(_ bytes: RawSpan) throws(VaultError) {
        var end = 0
        while end < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != 0 { end += 1 }
        guard end < bytes.byteCount, let kind = RecordKind(stored: bytes.extracting(0..<end)) else {
            throw .corrupted("a record's key has no kind")
        }
        let rest = bytes.extracting(droppingFirst: end + 1)
        // Bounded, so that whatever key is built of it fits.
        guard (1...Limits.recordIDBytesMax).contains(rest.byteCount),
            let id = rest.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
        else { throw .corrupted("a record's key has no usable id") }
        self.kind = kind
        self.id = id
    }
}

/// Where a record lies on its identity's timeline. In order of time, then of kind and id.
struct TimelineKey: Hashable {
    let identity: UUID
    let time: Timestamp
    let record: RecordKey

    var kind: RecordKind { record.kind }
    var id: String { record.id }

    static let headBytes = 4 + 16 + 8

    init(_ record: Record) {
        identity = record.identity
        time = record.createdAt
        self.record = RecordKey(record)
    }

    init(identity: UUID, time: Timestamp, record: RecordKey) {
        self.identity = identity
        self.time = time
        self.record = record
    }

    init(_ key: RawSpan) throws(VaultError) {
        guard key.byteCount > Self.headBytes else { throw .corrupted("a key of the timeline is cut short") }
        identity = key.id(at: 4)
        time = try Timestamp(stored: Int64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 20, as: Int64.self)))
        record = try RecordKey(key.extracting(droppingFirst: Self.headBytes))
    }

    func key(in organization: OrganizationNumber) -> Key {
        var key = Key.identity(identity, in: organization)
        key.append(time)
        key.append(record)
        return key
    }
}

extension Key {
    static func record(_ record: RecordKey, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(record)
        return key
    }

    /// The kind ends with a zero byte, which no kind contains.
    mutating func append(_ record: RecordKey) {
        append(record.kind.rawValue)
        append(UInt8(0))
        append(record.id)
    }
}

extension RawSpan {
    /// Whether a key of the timeline is of a record of this kind, told without a copy.
    func isTimelineKey(of kind: RecordKind) -> Bool {
        let end = TimelineKey.headBytes + kind.rawValue.utf8.count
        return byteCount > end && unsafeLoad(fromByteOffset: end, as: UInt8.self) == 0
            && extracting(TimelineKey.headBytes..<end).holds(kind.rawValue)
    }
}
