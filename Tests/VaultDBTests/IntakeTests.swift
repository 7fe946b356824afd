// What bookings, entries by hand and public forms promise: one transaction, one answer per key.

import Foundation
import Testing

@testable import VaultDB

@Suite("Bookings and forms") struct IntakeTests {
    @Test func `a free booking is a lead and a paid one a patient, who converts it`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        let free = try await people.book(Booking(firstName: "Ana", email: "ana@example.com", isPaid: false))
        #expect(free.put.kind == .lead && !free.isPatient && free.put.resolution?.outcome == .created)
        #expect(try clinic.record(.lead, free.put.id).status == "NEW")
        let paid = try await people.book(Booking(lastName: "García", email: "Ana@Example.com", isPaid: true))
        #expect(paid.put.kind == .patient && paid.isPatient && paid.put.identity == free.put.identity)
        #expect(paid.put.converted == [free.put.id])
        #expect(try clinic.record(.lead, free.put.id).status == "CONVERTED")
        #expect(try clinic.isClean())
    }

    @Test func `a booking that identifies nobody leaves no identity and no record`() async throws {
        let clinic = try Clinic()
        await #expect(throws: VaultError.self) { try await clinic.people.book(Booking(phone: "12", isPaid: true)) }
        #expect(try clinic.people.ledger() == Ledger())
    }

    @Test func `a repeated key gives the first answer and writes nothing`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        let booking = Booking(email: "ana@example.com", isPaid: true, idempotencyKey: "b1")
        let first = try await people.book(booking)
        let sequence = try people.ledger().sequence
        let again = try await people.book(booking)
        #expect(again == first)
        #expect(try people.ledger().sequence == sequence)
        var other = ResolveRequest(email: "ana@example.com")
        other.idempotencyKey = "b1"
        #expect(code { try people.resolveBlocking(other) } == .refused, "the key was another kind of call's")
        #expect(try clinic.isClean())
    }

    enum Call: CaseIterable { case resolve, put, book, lead, form }

    @Test(arguments: Call.allCases)
    func `a key that one kind of call has used is no other's`(_ first: Call) async throws {
        let clinic = try Clinic()
        let people = clinic.people
        try await make(first, people)
        let before = try people.ledger().sequence
        for second in Call.allCases {
            var refusal: VaultError.Code?
            do { try await make(second, people) } catch { refusal = error.code }
            #expect(refusal == (first == second ? nil : .refused), "\(second)")
        }
        #expect(try people.ledger().sequence == before)
        #expect(try clinic.isClean())
    }

    private func make(_ call: Call, _ people: Organization) async throws(VaultError) {
        let (email, key) = ("ana@example.com", "k")
        switch call {
        case .resolve:
            var request = ResolveRequest(email: email)
            request.idempotencyKey = key
            _ = try await people.resolve(request)
        case .put:
            var draft = RecordDraft(kind: .lead, id: "1", email: email)
            draft.idempotencyKey = key
            _ = try await people.put(draft)
        case .book: _ = try await people.book(Booking(email: email, isPaid: false, idempotencyKey: key))
        case .lead: _ = try await people.addLead(ManualLead(email: email, idempotencyKey: key))
        case .form:
            let fields = [FormField(name: "email", value: email)]
            _ = try await people.submit(FormSubmission(fields: fields, idempotencyKey: key))
        }
    }

    @Test func `a lead can be entered by hand`() async throws {
        let clinic = try Clinic()
        let answer = try await clinic.people.addLead(
            ManualLead(firstName: "Ana", phone: "600 123 456", status: "CONTACTED", attributes: #"{"note":"called"}"#))
        let lead = try clinic.record(.lead, answer.put.id)
        #expect(lead.source == "manual" && lead.status == "CONTACTED" && lead.attributes == #"{"note":"called"}"#)
        #expect(try clinic.identity(lead.identity).primaryPhone == "+34600123456")
    }

    @Test func `a form's fields are found by name and by shape, and the rest is kept`() async throws {
        let clinic = try Clinic()
        let patient = try clinic.put(.patient, "1", email: "ana@example.com").identity
        let answer = try await clinic.people.submit(
            FormSubmission(
                fields: [
                    FormField(name: "Nombre y apellidos", value: "Ana García"),
                    FormField(name: "¿Dónde te escribimos?", value: "ANA@example.com"),
                    FormField(name: "Teléfono móvil", value: "600 123 456"),
                    FormField(name: "Tratamiento", value: "Ortodoncia"),
                ], source: "landing"))
        #expect(answer.intake.isPatient && answer.intake.put.identity == patient)
        let lead = try clinic.record(.lead, answer.intake.put.id)
        #expect(lead.source == "landing" && lead.attributes == #"{"Tratamiento":"Ortodoncia"}"#)
        #expect(try clinic.identity(patient).primaryPhone == "+34600123456")
        #expect(try clinic.identity(patient).displayName == "Ana García")
        #expect(answer.taken.map(\.role) == [.email, .phone, .name])
        await #expect(throws: VaultError.self) {
            try await clinic.people.submit(FormSubmission(fields: [FormField(name: "message", value: "hello")]))
        }
        #expect(try clinic.isClean())
    }

    /// What was mistyped is no other person's address.
    @Test func `a form tells of an email that is none, and a repeated key of the first one's`() async throws {
        let clinic = try Clinic()
        let other = try await clinic.people.resolve(email: "perez@example.com").identity.id
        func send(_ email: String) async throws -> PutAnswer {
            let fields = [FormField(name: "Email", value: email), FormField(name: "Teléfono", value: "600 77 01 22")]
            return try await clinic.people.submit(FormSubmission(fields: fields, idempotencyKey: "f1")).intake.put
        }
        let first = try await send("juan perez@example.com")
        #expect(first.identity != other && first.warnings == [.invalid(.email)])
        #expect(try clinic.record(.lead, first.id).attributes == #"{"Email":"juan perez@example.com"}"#)
        #expect(try await send("juan.perez@example.com") == first)
        #expect(try clinic.isClean())
    }

    @Test(
        arguments: [
            ([("name", "Ana Ruiz"), ("last name", "Ruiz")], "Ana", "Ruiz", nil),
            ([("name", "Ruiz"), ("last name", "Ruiz")], nil, "Ruiz", nil),
            ([("name", "Ana Ruiz"), ("first name", "Ana")], "Ana", nil, #"{"name":"Ana Ruiz"}"#),
        ] as [([(String, String)], String?, String?, String?)])
    func `no part of a name is lost or said twice`(
        _ fields: [(String, String)], _ first: String?, _ last: String?, _ attributes: String?
    ) async throws {
        let clinic = try Clinic()
        let form = (fields + [("email", "ana@example.com")]).map { FormField(name: $0.0, value: $0.1) }
        let answer = try await clinic.people.submit(FormSubmission(fields: form))
        let lead = try clinic.record(.lead, answer.intake.put.id)
        #expect(lead.firstName == first && lead.lastName == last && lead.attributes == attributes)
        #expect(try clinic.identity(lead.identity).displayName == lead.name)
    }

    @Test func `a name that is too long with its last name makes a lead all the same`() async throws {
        let clinic = try Clinic()
        let (name, last) = (String(repeating: "x", count: 200), String(repeating: "y", count: 100))
        let fields = [("name", name), ("last name", last), ("email", "ana@example.com")]
        let answer = try await clinic.people.submit(
            FormSubmission(fields: fields.map { FormField(name: $0.0, value: $0.1) }))
        let lead = try clinic.record(.lead, answer.intake.put.id)
        #expect(lead.name == name && lead.attributes == #"{"last name":"\#(last)"}"#)
    }

    // MARK: WhatsApp

    @Test func `a number that WhatsApp spells otherwise finds its owner, and is not stored beside it`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let id = try clinic.person(externals: ["whatsapp:5511987654321"])
        for spelling in ["whatsapp:551187654321", "WhatsApp:+55 11 8765-4321"] {
            #expect(try people.find(external: spelling) == id)
            let answer = try people.resolveBlocking(ResolveRequest(externals: [spelling]))
            #expect(answer.identity.id == id && answer.matched?.text == "whatsapp:5511987654321")
            #expect(answer.enriched.isEmpty)
        }
        #expect(try clinic.identity(id).identifiers.count == 1)
        let exact = try clinic.person(externals: ["whatsapp:5215512345678"])
        #expect(try people.find(external: "whatsapp:525512345678") == exact)
        #expect(try people.find(external: "whatsapp:551132654321") == nil, "a landline has one spelling")
    }

    @Test func `a mobile without its ninth digit finds the phone that has it`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let id = try clinic.person(phone: "+55 11 98765-4321")
        #expect(try people.find(phone: "+55 11 8765-4321") == id)
        let answer = try people.resolveBlocking(ResolveRequest(phone: "+55 11 8765-4321"))
        #expect(answer.identity.id == id && answer.warnings.isEmpty && answer.matched?.text == "+5511987654321")
        #expect(code { try people.resolveBlocking(ResolveRequest(phone: "+55 21 8765-4321")) } == .noUsableIdentifier)
        let other = try people.resolveBlocking(ResolveRequest(email: "b@x.es", phone: "+55 21 8765-4321"))
        #expect(other.warnings == [.invalid(.phone)])
    }
}
