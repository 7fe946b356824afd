public import Foundation
internal import Storage

/// The whole person: records, contacts, names.
extension Organization {
    // MARK: Records

    /// Links a record to the identity that it names or that its own identifiers resolve to, in one transaction.
    /// Putting a record again replaces what it says; its identity and its time stay unless they are given.
    ///
    /// The first patient of an identity converts its open leads, and what a patient gave becomes primary.
    /// - Throws: `noUsableIdentifier` where nothing says whose it is, `refused` where it belongs to another identity
    ///   than the one that is named and `moves` is not set, `notFound` and `erased` for the one that is named.
    public func put(_ draft: RecordDraft) async throws(VaultError) -> PutAnswer {
        try await core.write(tenant, core.put(draft, tenant)) { core.tell($0, $1) }
    }

    /// The blocking twin.
    public func putBlocking(_ draft: RecordDraft) throws(VaultError) -> PutAnswer {
        try core.writeBlocking(tenant, core.put(draft, tenant)) { core.tell($0, $1) }
    }

    public func record(_ kind: RecordKind, _ id: String) throws(VaultError) -> Record? {
        try core.record(kind, id, tenant)
    }

    /// A page of an identity's records, of one kind or of all, in order of time.
    /// - Throws: `notFound` and `erased`.
    public func records(
        of id: UUID, kind: RecordKind? = nil, from cursor: RecordCursor? = nil,
        order: TimelineOrder = .oldestFirst, limit: Int = 100
    ) throws(VaultError) -> RecordPage {
        try Self.validate(limit: limit, max: Limits.recordsPerPageMax)
        return try core.found(id, tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.records(
                of: snapshot.living(id, in: number).identity.id, kind: kind, from: cursor, order: order.scan,
                limit: limit, in: number)
        }
    }

    /// Deletes a record: patients softly, so that they stay and are no longer active; all others for good.
    /// - Throws: `notFound`, and `refused` where a patient is to be deleted for good.
    @discardableResult
    public func delete(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion = .byKind
    ) async throws(VaultError) -> DeleteAnswer {
        try await core.write(tenant, core.delete(kind, id, deletion))
    }

    /// The blocking twin.
    @discardableResult
    public func deleteBlocking(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion = .byKind
    ) throws(VaultError) -> DeleteAnswer {
        try core.writeBlocking(tenant, core.delete(kind, id, deletion))
    }

    // MARK: Contacts

    /// A whole person: the identity, totals, and a page of the timeline, from one snapshot.
    /// - Throws: `notFound` and `erased`.
    public func contact(
        _ id: UUID, from cursor: RecordCursor? = nil, order: TimelineOrder = .oldestFirst, limit: Int = 100
    ) throws(VaultError) -> Contact {
        try Self.validate(limit: limit, max: Limits.recordsPerPageMax)
        return try core.contact(id, from: cursor, order: order, limit: limit, tenant)
    }

    /// Everything held about a person, as one JSON document; docs/EXPORT.md tells its fields.
    /// - Throws: `notFound` and `erased`.
    public func export(_ id: UUID) throws(VaultError) -> JSONValue {
        try core.found(id, tenant) { (snapshot, number) throws(VaultError) in
            try snapshot.export(id, of: self.id, at: .now(), in: number)
        }
    }

    // MARK: Bookings and forms

    /// A booking on the public site: a lead where it is free, a patient where it was paid; resolved and linked in one
    /// transaction.
    public func book(_ booking: Booking) async throws(VaultError) -> IntakeAnswer {
        try await core.write(tenant, core.take(booking.draft, tenant, as: .booking)) { core.tell($0, $1) }
    }

    /// The blocking twin.
    public func bookBlocking(_ booking: Booking) throws(VaultError) -> IntakeAnswer {
        try core.writeBlocking(tenant, core.take(booking.draft, tenant, as: .booking)) { core.tell($0, $1) }
    }

    /// A lead that somebody of the staff enters.
    public func addLead(_ lead: ManualLead) async throws(VaultError) -> IntakeAnswer {
        try await core.write(tenant, core.take(lead.draft, tenant, as: .lead)) { core.tell($0, $1) }
    }

    /// The blocking twin.
    public func addLeadBlocking(_ lead: ManualLead) throws(VaultError) -> IntakeAnswer {
        try core.writeBlocking(tenant, core.take(lead.draft, tenant, as: .lead)) { core.tell($0, $1) }
    }

    /// A public form: finds email, phone and name among its fields, resolves, and makes a lead.
    /// - Throws: `noUsableIdentifier` where no field holds a usable email or phone.
    public func submit(_ form: FormSubmission) async throws(VaultError) -> FormAnswer {
        let (draft, reading) = try core.read(form, tenant)
        let answer = try await core.write(tenant, core.take(draft, tenant, as: .form)) { core.tell($0, $1) }
        return FormAnswer(intake: answer, taken: reading.taken)
    }

    /// The blocking twin.
    public func submitBlocking(_ form: FormSubmission) throws(VaultError) -> FormAnswer {
        let (draft, reading) = try core.read(form, tenant)
        let answer = try core.writeBlocking(tenant, core.take(draft, tenant, as: .form)) { core.tell($0, $1) }
        return FormAnswer(intake: answer, taken: reading.taken)
    }

    static func validate(limit: Int, max: Int = Limits.scanEntriesMax) throws(VaultError) {
        guard (1...max).contains(limit) else { throw .invalid("a limit is between 1 and \(max)") }
    }
}
