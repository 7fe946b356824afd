internal import Foundation
internal import Storage

/// A booking on the public site.
public struct Booking: Sendable {
    public var firstName: String?
    public var lastName: String?
    public var email: String?
    public var phone: String?
    public var source: String?
    /// A paid booking makes a patient, a free one a lead.
    public var isPaid: Bool
    /// The record's id; a new one is given where nil.
    public var id: String?
    /// A JSON object as text.
    public var attributes: String?
    /// A repeated key gives the first answer again and writes nothing.
    public var idempotencyKey: String?

    public init(
        firstName: String? = nil, lastName: String? = nil, email: String? = nil, phone: String? = nil,
        source: String? = nil, isPaid: Bool, id: String? = nil, attributes: String? = nil,
        idempotencyKey: String? = nil
    ) {
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.phone = phone
        self.source = source
        self.isPaid = isPaid
        self.id = id
        self.attributes = attributes
        self.idempotencyKey = idempotencyKey
    }

    var draft: RecordDraft {
        var draft = RecordDraft(
            kind: isPaid ? .patient : .lead, id: id, firstName: firstName, lastName: lastName, email: email,
            phone: phone, source: source ?? "public_booking", status: isPaid ? nil : Record.new,
            attributes: attributes)
        draft.idempotencyKey = idempotencyKey
        return draft
    }
}

/// A lead that somebody of the staff enters.
public struct ManualLead: Sendable {
    public var firstName: String?
    public var lastName: String?
    public var email: String?
    public var phone: String?
    public var source: String?
    public var status: String?
    /// A JSON object as text.
    public var attributes: String?
    /// A repeated key gives the first answer again and writes nothing.
    public var idempotencyKey: String?

    public init(
        firstName: String? = nil, lastName: String? = nil, email: String? = nil, phone: String? = nil,
        source: String? = nil, status: String? = nil, attributes: String? = nil, idempotencyKey: String? = nil
    ) {
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.phone = phone
        self.source = source
        self.status = status
        self.attributes = attributes
        self.idempotencyKey = idempotencyKey
    }

    var draft: RecordDraft {
        var draft = RecordDraft(
            kind: .lead, firstName: firstName, lastName: lastName, email: email, phone: phone,
            source: source ?? "manual", status: status ?? Record.new, attributes: attributes)
        draft.idempotencyKey = idempotencyKey
        return draft
    }
}

/// A public form as it was sent.
public struct FormSubmission: Sendable {
    /// In their order, as the form names them.
    public var fields: [FormField]
    public var source: String?
    /// A repeated key gives the first answer again and writes nothing.
    public var idempotencyKey: String?

    public init(fields: [FormField], source: String? = nil, idempotencyKey: String? = nil) {
        self.fields = fields
        self.source = source
        self.idempotencyKey = idempotencyKey
    }
}

extension FormSubmission {
    /// The lead that it makes. A whole name goes where a first name stands; splitting it would guess.
    fileprivate func draft(_ form: Form) -> RecordDraft {
        var draft = RecordDraft(
            kind: .lead, firstName: form.firstName ?? form.name?.name(before: form.lastName),
            lastName: form.lastName, email: form.email, phone: form.phone, source: source ?? "public_form",
            status: Record.new, attributes: form.attributes)
        draft.unusable = form.unusable
        draft.idempotencyKey = idempotencyKey
        return draft
    }
}

extension Record {
    /// The status of a lead that was just made.
    static let new = "NEW"
}

/// What a booking, a form or an entry by hand came to.
public struct IntakeAnswer: Equatable, Sendable {
    public let put: PutAnswer
    /// Whether the identity has a patient, by this call or before.
    public let isPatient: Bool
}

/// What a public form came to.
public struct FormAnswer: Equatable, Sendable {
    public let intake: IntakeAnswer
    /// Which field was taken for what.
    public let taken: [Form.Taken]
}

extension Core {
    func tell(_ answer: IntakeAnswer, _ isTold: Bool) { tell(answer.put, isTold) }

    /// What a form says, and the lead it makes.
    func read(_ submission: FormSubmission, _ tenant: Tenant) throws(VaultError) -> (RecordDraft, Form) {
        let form = try FormReader(normalizer, region: region(of: tenant)).read(submission.fields)
        return (submission.draft(form), form)
    }

    /// Puts a record, and looks whether its identity has a patient, in one transaction.
    func take(
        _ draft: RecordDraft, _ tenant: Tenant, as call: StoredAnswer.Put.Call
    ) throws(VaultError) -> Operation<IntakeAnswer> {
        let put = try put(draft, tenant, as: call)
        return { (transaction, scope) throws(VaultError) in
            let answer = try put(&transaction, &scope)
            // A repeated key may answer with an id that was merged since.
            let identity = try transaction.living(answer.identity, in: scope.organization).identity
            return IntakeAnswer(put: answer, isPatient: identity.isPatient)
        }
    }
}
