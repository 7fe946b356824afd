internal import Foundation
internal import Storage

extension ReadTransaction where Self: ~Copyable {
    /// Everything that is held about one person, from one snapshot.
    borrowing func export(
        _ id: UUID, of organizationID: UUID, at time: Timestamp, in organization: OrganizationNumber
    ) throws(VaultError) -> JSONValue {
        let identity = try living(id, in: organization).identity
        let journals = try merges(into: identity, deeply: true, in: organization)
        let absorbed = journals.map(\.from.id)
        var holdings = try self.holdings(by: identity, in: organization)
        var conflicts = try self.conflicts(of: identity.id, in: organization)
        var events = try history(of: identity, limit: .max, in: organization)
        for id in absorbed {
            guard let redirect = try self.identity(id, in: organization) else { continue }
            holdings += try formerHoldings(by: id, in: organization)
            conflicts += try self.conflicts(of: id, in: organization)
            events += try history(of: redirect, limit: .max, in: organization)
        }
        let contact = try contact(identity.id, from: nil, order: .oldestFirst, limit: .max, in: organization)
        return [
            "format": "vaultdb-export/1", "exported_at": JSONValue(time),
            "organization_id": .string(organizationID.text), "identity": identity.json,
            "identifiers": .array(identity.identifiers.map(\.json)),
            "absorbed": JSONValue(absorbed.map(\.text)),
            "merges": .array(journals.map(\.json)),
            "total_interactions": JSONValue(contact.totalInteractions),
            "first_contact": JSONValue(contact.firstContact), "last_activity": JSONValue(contact.lastActivity),
            "records": .array(contact.timeline.records.map(\.json)),
            "conflicts": .array(conflicts.distinct().map(\.json)),
            "holdings": .array(holdings.sorted { $0.from < $1.from }.map(\.json)),
            "events": .array(events.inOrder.map(\.json)),
        ]
    }
}

extension MergeJournal {
    /// With the merged identity as it was.
    fileprivate var json: JSONValue {
        summary.json.adding([
            "identity_before": from.json, "identifiers_before": .array(from.identifiers.map(\.json)),
        ])
    }
}

extension [Event] {
    /// By sequence, each once: an event of two identities is in the story of both.
    fileprivate var inOrder: [Event] {
        var last: UInt64 = 0
        return sorted { $0.sequence < $1.sequence }.filter { event in
            defer { last = event.sequence }
            return event.sequence != last
        }
    }
}
