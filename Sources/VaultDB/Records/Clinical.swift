internal import Foundation
internal import Storage

// Clinical over marketing: the email and phone that a patient gave are its identity's primaries, and the first patient
// of an identity converts its open leads.

extension WriteTransaction where Self: ~Copyable {
    /// Converts the open leads of an identity whose first patient has come. Those that a merge moved to it will be open
    /// again without that patient.
    /// - Returns: their ids.
    mutating func convertLeads(of identity: inout Identity, _ scope: inout WriteScope) throws(VaultError) -> [String] {
        let leads = try openLeads(of: identity.id, in: scope.organization)
        guard !leads.isEmpty else { return [] }
        for lead in leads { try convert(lead.record, of: &identity, &scope) }
        try changeJournals(of: identity.id, &scope) { journal in
            let moved = Set(journal.records)
            for lead in leads where moved.contains(lead.record) {
                journal.converted.append(.init(record: lead.record, updatedAt: lead.updatedAt))
            }
        }
        return leads.map(\.record.id)
    }

    mutating func convert(
        _ key: RecordKey, of identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        guard let lead = try record(key.kind, key.id, in: scope.organization) else {
            throw .corrupted("a record of the timeline is not there")
        }
        var converted = lead
        converted.isConverted = true
        converted.updatedAt = scope.now
        try store(converted, replacing: lead, &scope)
        try note(.leadConverted, record: .init(lead), on: &identity, &scope)
    }

    /// Opens the converted leads of an identity that has no patient any more.
    /// - Parameter time: when each counts as updated.
    mutating func reopenLeads(
        of identity: UUID, _ scope: inout WriteScope, at time: (Record) -> Timestamp
    ) throws(VaultError) {
        var converted: [Record] = []
        try visitTimeline(of: identity, in: scope.organization) { (key, value) throws(VaultError) in
            guard key.isTimelineKey(of: .lead) else { return .next }
            let lead = try Record(key: key, sealed: value)
            if lead.isConverted { converted.append(lead) }
            return .next
        }
        for lead in converted {
            var open = lead
            open.isConverted = false
            open.updatedAt = time(lead)
            try store(open, replacing: lead, &scope)
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Which of some identifiers an identity's patients gave, and whether it has any patient.
    /// - Parameter besides: a patient that does not count.
    borrowing func clinical(
        _ identifiers: [Identifier], of identity: UUID, besides: RecordKey? = nil, _ reading: RecordReading,
        in organization: OrganizationNumber
    ) throws(VaultError) -> (given: [Identifier], hasPatient: Bool) {
        var (given, hasPatient): ([Identifier], Bool) = ([], false)
        try visitTimeline(of: identity, in: organization) { (key, value) throws(VaultError) in
            guard key.isTimelineKey(of: .patient) else { return .next }
            let patient = try Record(key: key, sealed: value)
            if RecordKey(patient) == besides { return .next }
            hasPatient = true
            let contacts = reading.contacts(of: patient)
            given += identifiers.filter { contacts.mentions($0) && !given.contains($0) }
            return .next
        }
        return (given, hasPatient)
    }

    /// Leads that the first patient converts, and when they last changed.
    borrowing func openLeads(
        of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [(record: RecordKey, updatedAt: Timestamp)] {
        var leads: [(record: RecordKey, updatedAt: Timestamp)] = []
        try visitTimeline(of: identity, in: organization) { (key, value) throws(VaultError) in
            guard key.isTimelineKey(of: .lead) else { return .next }
            let lead = try Record(key: key, sealed: value)
            if lead.isOpenLead { leads.append((RecordKey(lead), lead.updatedAt)) }
            return .next
        }
        return leads
    }

    /// Notes anew which of an identity's identifiers its patients gave, and lets them stand for their kinds.
    borrowing func refreshClinical(
        _ identity: inout Identity, _ reading: RecordReading, preferring preferred: [Identifier] = [],
        in organization: OrganizationNumber
    ) throws(VaultError) {
        let held = identity.identifiers.map(\.identifier)
        let found = try clinical(held, of: identity.id, reading, in: organization)
        identity.isPatient = found.hasPatient
        identity.markClinical(held) { found.given.contains($0) }
        identity.choosePrimaries(preferring: preferred)
    }
}

extension Identity {
    /// Says of some of its identifiers whether a patient gave them.
    mutating func markClinical(_ some: [Identifier], _ isGiven: (Identifier) -> Bool) {
        for index in identifiers.indices where some.contains(identifiers[index].identifier) {
            identifiers[index].isClinical = isGiven(identifiers[index].identifier)
        }
    }
}
