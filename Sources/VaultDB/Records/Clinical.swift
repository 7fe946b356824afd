internal import Foundation
internal import Storage

// Clinical over marketing: the email and phone that a patient gave are its identity's primaries, and the first patient
// of an identity converts its open leads.

extension WriteTransaction where Self: ~Copyable {
    /// Converts the open leads of an identity whose first patient has come.
    /// - Returns: their ids.
    mutating func convertLeads(of identity: inout Identity, _ scope: inout WriteScope) throws(VaultError) -> [String] {
        let leads = try openLeads(of: identity.id, in: scope.organization)
        for lead in leads { try convert(lead, of: &identity, &scope) }
        return leads.map(\.id)
    }

    mutating func convert(
        _ lead: Record, of identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        var converted = lead
        converted.isConverted = true
        converted.updatedAt = scope.now
        try store(converted, replacing: lead, &scope)
        try note(.leadConverted, record: .init(lead), on: &identity, &scope)
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func patients(of identity: UUID, in organization: OrganizationNumber) throws(VaultError) -> [Record] {
        try records(of: identity, kind: .patient, limit: .max, in: organization).records
    }

    /// Leads that the first patient converts.
    borrowing func openLeads(of identity: UUID, in organization: OrganizationNumber) throws(VaultError) -> [Record] {
        try records(of: identity, kind: .lead, limit: .max, in: organization).records.filter(\.isOpenLead)
    }
}

extension Identity {
    /// Notes which of its identifiers its patients gave, and lets them stand for their kinds. To be called whenever its
    /// patients change, or its identifiers while it has any.
    mutating func settleClinical(
        _ patients: [Record], _ reading: RecordReading, preferring preferred: [Identifier] = []
    ) {
        isPatient = !patients.isEmpty
        for index in identifiers.indices {
            let identifier = identifiers[index].identifier
            identifiers[index].isClinical = patients.contains { reading.mentions($0, identifier) }
        }
        choosePrimaries(preferring: preferred)
    }
}
