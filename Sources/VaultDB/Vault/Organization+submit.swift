internal import Storage

/// Records for callers who neither wait nor block, as `submitPut`: each hears of its write on the writer's thread, once
/// it is committed.
extension Organization {
    /// As `delete`.
    package func submitDelete(
        _ kind: RecordKind, _ id: String, _ deletion: Deletion,
        _ deliver: @escaping @Sendable (Result<DeleteAnswer, VaultError>) -> Void
    ) throws(VaultError) {
        try core.submit(tenant, core.delete(kind, id, deletion), { _, _ in }, deliver)
    }

    /// As `book`.
    package func submitBooking(
        _ booking: Booking, _ deliver: @escaping @Sendable (Result<IntakeAnswer, VaultError>) -> Void
    ) throws(VaultError) {
        let operation = try core.take(booking.draft, tenant, as: .booking)
        core.submit(tenant, operation, { [core] in core.tell($0, $1) }, deliver)
    }

    /// As `addLead`.
    package func submitLead(
        _ lead: ManualLead, _ deliver: @escaping @Sendable (Result<IntakeAnswer, VaultError>) -> Void
    ) throws(VaultError) {
        try core.submit(tenant, core.take(lead.draft, tenant, as: .lead), { [core] in core.tell($0, $1) }, deliver)
    }

    /// As `submit`.
    package func submitForm(
        _ form: FormSubmission, _ deliver: @escaping @Sendable (Result<FormAnswer, VaultError>) -> Void
    ) throws(VaultError) {
        let (draft, reading) = try core.read(form, tenant)
        try core.submit(tenant, core.take(draft, tenant, as: .form), { [core] in core.tell($0, $1) }) { result in
            deliver(result.map { FormAnswer(intake: $0, taken: reading.taken) })
        }
    }
}
