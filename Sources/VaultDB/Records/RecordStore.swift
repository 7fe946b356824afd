internal import Foundation
internal import Storage

// Records lie on their identity's timeline, whole and next to each other, so that a contact is one range. An entry by
// kind and id says where.

/// A place in a list of records, to go on from.
public struct RecordCursor: Equatable, Sendable, CustomStringConvertible {
    let time: Timestamp
    let record: RecordKey

    init(_ key: TimelineKey) {
        time = key.time
        record = key.record
    }

    /// Opaque text that `init(_:)` reads back: hexadecimal digits.
    public var description: String {
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: time.microseconds >> Int64(56 - $0 * 8)) }
        bytes += Array(record.kind.rawValue.utf8) + [0] + Array(record.id.utf8)
        return bytes.hex
    }

    /// - Throws: `invalidArgument` where the text is no cursor.
    public init(_ text: String) throws(VaultError) {
        let invalid = VaultError.invalid("that is no cursor", advice: "give the one that the page before ended with")
        guard text.utf8.count <= 1_024, let bytes = [UInt8](hex: text), bytes.count > 8 else { throw invalid }
        let span = bytes.span.bytes
        let microseconds = Int64(bigEndian: span.unsafeLoadUnaligned(as: Int64.self))
        guard let time = Timestamp(microseconds: microseconds),
            let record = try? RecordKey(span.extracting(droppingFirst: 8))
        else { throw invalid }
        self.time = time
        self.record = record
    }
}

/// A page of an identity's records.
public struct RecordPage: Equatable, Sendable {
    public internal(set) var records: [Record]
    /// Where the next page starts; nil at the end.
    public internal(set) var next: RecordCursor?
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func place(_ record: RecordKey, in organization: OrganizationNumber) throws(VaultError) -> RecordPlace? {
        // No longer id was ever put, and its key would not fit.
        guard record.id.utf8.count <= Limits.recordIDBytesMax else { return nil }
        guard let bytes = try value(Key.record(record, in: organization), in: Tables.records) else { return nil }
        return try RecordPlace(bytes)
    }

    borrowing func record(
        _ kind: RecordKind, _ id: String, in organization: OrganizationNumber
    ) throws(VaultError) -> Record? {
        let record = RecordKey(kind: kind, id: id)
        guard let place = try place(record, in: organization) else { return nil }
        let key = TimelineKey(identity: place.identity, time: place.time, record: record).key(in: organization)
        guard let bytes = try value(key, in: Tables.timeline) else {
            throw .corrupted("a record is not where its entry says")
        }
        return try Record(key: key.bytes, sealed: bytes)
    }

    /// Visits an identity's records as they are stored, in order of time.
    borrowing func visitTimeline(
        of identity: UUID, from cursor: RecordCursor? = nil, order: ScanOrder = .ascending,
        in organization: OrganizationNumber,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(VaultError) -> ScanStep
    ) throws(VaultError) {
        var start = Key()
        if let cursor {
            start = TimelineKey(identity: identity, time: cursor.time, record: cursor.record).key(in: organization)
        }
        try visit(
            Tables.timeline, prefix: Key.identity(identity, in: organization), from: start, order: order, body)
    }

    /// An identity's records of one kind, or of all.
    borrowing func records(
        of identity: UUID, kind: RecordKind? = nil, from cursor: RecordCursor? = nil, order: ScanOrder = .ascending,
        limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> RecordPage {
        var page = RecordPage(records: [], next: nil)
        guard limit > 0 else { return page }
        try visitTimeline(of: identity, from: cursor, order: order, in: organization) {
            (key, value) throws(VaultError) in
            if let kind, !key.isTimelineKey(of: kind) { return .next }
            if page.records.count == limit {
                page.next = RecordCursor(try TimelineKey(key))
                return .stop
            }
            page.records.append(try Record(key: key, sealed: value))
            return .next
        }
        return page
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Stores a record, in place of what it was.
    mutating func store(_ new: Record, replacing old: Record?, _ scope: inout WriteScope) throws(VaultError) {
        let key = TimelineKey(new).key(in: scope.organization)
        let value = new.encoded(under: key)
        let place = RecordPlace(new)
        if let old, RecordPlace(old) == place {
            if value.count < old.encoded(under: key).count {
                try shrink(key, to: value, in: Tables.timeline)
            } else {
                try put(key, value, in: Tables.timeline)
            }
        } else {
            if let old { try remove(TimelineKey(old).key(in: scope.organization), from: Tables.timeline) }
            try put(key, value, in: Tables.timeline)
            try put(Key.record(RecordKey(new), in: scope.organization), place.encoded, in: Tables.records)
        }
        if old == nil { scope.ledger.records += 1 }
    }

    /// Takes a record away for good.
    mutating func remove(_ record: Record, _ scope: inout WriteScope) throws(VaultError) {
        try remove(TimelineKey(record).key(in: scope.organization), from: Tables.timeline)
        try remove(Key.record(RecordKey(record), in: scope.organization), from: Tables.records)
        try scope.ledger.take(\.records)
    }
}
