public import Foundation
internal import Storage

/// A page of the audit trail, or of the part of it that tells of one identity.
public struct EventPage: Equatable, Sendable {
    public internal(set) var events: [Event]
    /// The sequence number of the event that the next page begins with; nil at the end.
    public internal(set) var next: UInt64?
}

extension Organization {
    /// A page of the trail, oldest first.
    /// - Parameters:
    ///   - sequence: of the event that it begins with.
    ///   - limit: 1 to `Limits.scanEntriesMax`.
    public func eventPage(from sequence: UInt64 = 1, limit: Int = 100) throws(VaultError) -> EventPage {
        try Self.validate(limit: limit)
        return try core.read(tenant) { (snapshot, number) throws(VaultError) -> EventPage in
            var page = EventPage(events: try snapshot.events(from: sequence, limit: limit, in: number))
            if let last = page.events.last?.sequence, try snapshot.ledger(of: number).sequence > last {
                page.next = last + 1
            }
            return page
        } ?? EventPage(events: [])
    }

    /// A page of the events of one identity, newest first; empty where the identity is not known.
    /// - Parameters:
    ///   - sequence: of the event that it begins with, one of theirs; nil for the last.
    ///   - limit: 1 to `Limits.scanEntriesMax`.
    /// - Throws: `invalidArgument` where that is none of theirs.
    public func historyPage(
        of id: UUID, from sequence: UInt64? = nil, limit: Int = 100
    ) throws(VaultError) -> EventPage {
        try Self.validate(limit: limit)
        return try core.read(tenant) { (snapshot, number) throws(VaultError) -> EventPage in
            guard let identity = try snapshot.identity(id, in: number) else { return EventPage(events: []) }
            if let sequence, try !snapshot.hasEvent(sequence, of: id, in: number) {
                throw .invalid(
                    "event \(sequence) is none of that identity's", advice: "go on from where the page before ended")
            }
            let first = sequence ?? identity.lastSequence
            var page = EventPage(events: try snapshot.history(of: id, upTo: first, limit: limit, in: number))
            if let last = page.events.last, last.previous(of: id) > 0 { page.next = last.previous(of: id) }
            return page
        } ?? EventPage(events: [])
    }
}
