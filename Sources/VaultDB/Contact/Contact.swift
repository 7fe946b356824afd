public import Foundation
internal import Storage

/// A whole person: who it is, and everything that happened, in order of time. All of it from one snapshot.
public struct Contact: Equatable, Sendable {
    /// How many records of one kind there are.
    public struct Count: Equatable, Sendable {
        public let kind: RecordKind
        public internal(set) var count: Int
    }

    public let identity: Identity
    /// The id that was asked for, where a merge has made this the answer to it.
    public let redirectedFrom: UUID?
    /// Per kind, in the order in which the kinds first appear.
    public internal(set) var counts: [Count]
    /// The time of the first record; of the identity where there is none.
    public internal(set) var firstContact: Timestamp
    /// The time of the last record; of the identity's last change where there is none.
    public internal(set) var lastActivity: Timestamp
    /// A page of the records.
    public internal(set) var timeline: RecordPage

    /// How many records there are in all.
    public var totalInteractions: Int { counts.reduce(0) { $0 + $1.count } }

    public func count(of kind: RecordKind) -> Int { counts.first { $0.kind == kind }?.count ?? 0 }

    /// The records of one kind on this page.
    public func records(_ kind: RecordKind) -> [Record] { timeline.records.filter { $0.kind == kind } }
}

/// Which way a timeline is read.
public enum TimelineOrder: Sendable {
    case oldestFirst, newestFirst

    var scan: ScanOrder { self == .oldestFirst ? .ascending : .descending }
}

extension ReadTransaction where Self: ~Copyable {
    /// The contact view. Counts look at all keys of the timeline; only the records of the page are decoded.
    borrowing func contact(
        _ id: UUID, from cursor: RecordCursor?, order: TimelineOrder, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> Contact {
        let found = try living(id, in: organization)
        var contact = Contact(
            identity: found.identity, redirectedFrom: found.redirectedFrom, counts: [],
            firstContact: found.identity.createdAt, lastActivity: found.identity.updatedAt,
            timeline: RecordPage(records: [], next: nil))
        // From the beginning on, one walk both counts and collects.
        let collects = cursor == nil && order == .oldestFirst
        try visitTimeline(of: found.identity.id, in: organization) { (key, value) throws(VaultError) in
            try contact.count(key)
            guard collects else { return .next }
            if contact.timeline.records.count < limit {
                contact.timeline.records.append(try Record(key: key, sealed: value))
            } else if contact.timeline.next == nil {
                contact.timeline.next = RecordCursor(try TimelineKey(key))
            }
            return .next
        }
        if !collects {
            contact.timeline = try records(
                of: found.identity.id, from: cursor, order: order.scan, limit: limit, in: organization)
        }
        return contact
    }
}

extension Contact {
    /// Takes a key of the timeline into account. They come in order of time.
    fileprivate mutating func count(_ key: RawSpan) throws(VaultError) {
        guard key.byteCount > TimelineKey.headBytes else { throw .corrupted("a key of the timeline is cut short") }
        let time = try Timestamp(
            stored: Int64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 20, as: Int64.self)))
        if counts.isEmpty { firstContact = time }
        lastActivity = time
        if let known = counts.firstIndex(where: { key.isTimelineKey(of: $0.kind) }) {
            counts[known].count += 1
        } else {
            counts.append(Count(kind: try TimelineKey(key).kind, count: 1))
        }
    }
}
