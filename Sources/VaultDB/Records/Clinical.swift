internal import Foundation
internal import Storage

// Clinical over marketing: the email and phone that a patient gave are its identity's primaries, and the first patient
// of an identity converts its open leads.

extension WriteTransaction where Self: ~Copyable {
    /// What a record that was just stored means for its identity, which the caller stores.
    /// - Parameters:
    ///   - old: the same record before, where it belonged to this identity already.
    ///   - query: its identifiers, normalised.
    /// - Returns: the ids of the leads that are converted now.
    mutating func settleClinical(
        _ new: Record, replacing old: Record?, _ query: ResolveQuery?, _ identity: inout Identity,
        _ scope: inout WriteScope
    ) throws(VaultError) -> [String] {
        guard new.kind == .patient else { return [] }
        if let old { try withdrawClinical(old, from: &identity, &scope) }
        identity.markClinical(query?.identifiers ?? scope.identifiers(of: new))
        guard old == nil else { return [] }
        return try convertLeads(of: &identity, unlessPatientBeside: RecordKey(new), &scope)
    }

    /// Takes back that a patient gave its identifiers, unless another patient of the identity gave them too.
    mutating func withdrawClinical(
        _ patient: Record, from identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        let given = scope.identifiers(of: patient).filter { one in
            identity.identifiers.contains { $0.identifier == one && $0.isClinical }
        }
        guard !given.isEmpty else { return }
        var kept: [Identifier] = []
        try visitTimeline(of: identity.id, in: scope.organization) { (key, value) throws(VaultError) in
            guard key.isTimelineKey(of: .patient) else { return .next }
            let other = try Record(key: key, sealed: value)
            if RecordKey(other) != RecordKey(patient) { kept += scope.identifiers(of: other) }
            return .next
        }
        identity.markClinical(given.filter { !kept.contains($0) }, as: false)
    }

    /// Converts the open leads of an identity whose first patient has come.
    /// - Parameter patient: the one that has come; any other patient means that it is not the first.
    private mutating func convertLeads(
        of identity: inout Identity, unlessPatientBeside patient: RecordKey, _ scope: inout WriteScope
    ) throws(VaultError) -> [String] {
        let found = try clinicalRecords(of: identity.id, in: scope.organization)
        guard found.patients.allSatisfy({ $0 == patient }) else { return [] }
        for lead in found.openLeads { try convert(lead, of: &identity, &scope) }
        return found.openLeads.map(\.id)
    }

    /// Converts one lead.
    mutating func convert(
        _ lead: Record, of identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        var lead = lead
        lead.isConverted = true
        lead.updatedAt = scope.now
        let before = lead
        try store(lead, replacing: before, &scope)
        try note(.leadConverted, record: .init(lead), on: &identity, &scope)
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// An identity's patients by name, and its open leads.
    borrowing func clinicalRecords(
        of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> (patients: [RecordKey], openLeads: [Record]) {
        var patients: [RecordKey] = []
        var leads: [Record] = []
        try visitTimeline(of: identity, in: organization) { (key, value) throws(VaultError) in
            if key.isTimelineKey(of: .patient) {
                patients.append(try TimelineKey(key).record)
            } else if key.isTimelineKey(of: .lead) {
                let lead = try Record(key: key, sealed: value)
                if lead.isOpenLead { leads.append(lead) }
            }
            return .next
        }
        return (patients, leads)
    }
}

extension Identity {
    /// Notes which identifiers a patient gave, and lets them stand for their kinds.
    mutating func markClinical(_ given: [Identifier], as isClinical: Bool = true) {
        for index in identifiers.indices where identifiers[index].identifier.kind != .external {
            if given.contains(identifiers[index].identifier) { identifiers[index].isClinical = isClinical }
        }
        for kind in IdentifierKind.allCases { choosePrimary(kind) }
    }
}
