internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// What comes in: identifiers to resolve, bookings, forms.
extension Endpoint {
    static let intakeEndpoints: [Endpoint] = [
        Endpoint(
            method: .post, path: "/api/v1/contacts/resolve", operation: "resolve", tag: .intake,
            summary: "Finds the identity that these identifiers name, or creates it; the answer explains itself.",
            role: .resolver, parameters: [.idempotencyKey], bodies: [("application/json", "ResolveRequest")],
            successes: [
                Success(status: .ok, summary: "It was known, or this is a dry run.", schema: "Resolution"),
                Success(status: .created, summary: "It is new.", schema: "Resolution"),
            ],
            problems: [.unprocessableContent]
        ) { call in
            let request = try ResolveRequest(try await call.body("what is to be resolved"), try call.idempotencyKey)
            let organization = try call.organization
            let answer = try await call.writing { try await organization.resolve(request) }
            let isNew = answer.outcome == .created && !request.isDryRun
            return Response(answer.json(try call.current(answer.identity.id)), status: isNew ? .created : .ok)
        },
        Endpoint(
            method: .post, path: "/api/v1/bookings", operation: "book", tag: .intake,
            summary:
                "A public booking: a patient where it was paid, a lead where it is free; resolved and linked at once.",
            role: .resolver, parameters: [.idempotencyKey], bodies: [("application/json", "Booking")],
            successes: [
                Success(status: .created, summary: "It is taken.", schema: "IntakeAnswer"),
                Success(status: .ok, summary: "It was there already.", schema: "IntakeAnswer"),
            ],
            problems: [.conflict, .gone, .unprocessableContent]
        ) { call in
            let booking = try Booking(try await call.body("a booking"), try call.idempotencyKey)
            let organization = try call.organization
            return try await taken(call) { try await organization.book(booking) }
        },
        Endpoint(
            method: .post, path: "/api/v1/leads", operation: "addLead", tag: .intake,
            summary: "A lead that somebody of the staff enters.",
            role: .resolver, parameters: [.idempotencyKey], bodies: [("application/json", "ManualLead")],
            successes: [
                Success(status: .created, summary: "It is taken.", schema: "IntakeAnswer"),
                Success(status: .ok, summary: "It was there already.", schema: "IntakeAnswer"),
            ],
            problems: [.conflict, .gone, .unprocessableContent]
        ) { call in
            let lead = try ManualLead(try await call.body("a lead"), try call.idempotencyKey)
            let organization = try call.organization
            return try await taken(call) { try await organization.addLead(lead) }
        },
        Endpoint(
            method: .post, path: "/api/v1/forms", operation: "submitForm", tag: .intake,
            summary: """
                A public form: takes email, phone and name out of its fields, resolves, makes a lead of the rest, and \
                says whether the person is a patient.
                """,
            role: .resolver,
            parameters: [.idempotencyKey, .query("source", "Where the form comes from, instead of in its body.")],
            bodies: [("application/json", "Form"), ("application/x-www-form-urlencoded", "SubmittedForm")],
            successes: [
                Success(status: .created, summary: "It is taken.", schema: "FormAnswer"),
                Success(status: .ok, summary: "It was there already.", schema: "FormAnswer"),
            ],
            problems: [.conflict, .gone, .unprocessableContent]
        ) { call in
            let form = try await form(call)
            let organization = try call.organization
            let answer = try await call.writing { try await organization.submit(form) }
            let put = answer.intake.put
            return Response(
                answer.json(try call.current(put.identity)), status: put.change == .created ? .created : .ok)
        },
    ]

    private static func taken(
        _ call: APICall, _ take: () async throws -> IntakeAnswer
    ) async throws -> Response {
        let answer = try await call.writing(take)
        return Response(
            answer.json(try call.current(answer.put.identity)), status: answer.put.change == .created ? .created : .ok)
    }

    private static func form(_ call: APICall) async throws -> FormSubmission {
        if call.mediaType == "application/x-www-form-urlencoded" {
            let fields = try Query(form: try await call.bytes()).pairs.map { FormField(name: $0.name, value: $0.value) }
            return FormSubmission(
                fields: fields, source: call.query["source"], idempotencyKey: try call.idempotencyKey)
        }
        var body = try await call.body("a form", types: "application/json or application/x-www-form-urlencoded")
        let (inBody, inQuery) = (try body.text("source"), call.query["source"])
        guard let fields = try body.object("fields") else {
            throw Problem.invalid("a form has fields", advice: #"send {"fields": {"email": "…"}, "source": "…"}"#)
        }
        try body.end()
        return FormSubmission(
            fields: fields.members.compactMap(FormField.init), source: inBody ?? inQuery,
            idempotencyKey: try call.idempotencyKey)
    }
}

extension FormField {
    /// A member of the fields: texts as they are, other values as their JSON, none for null.
    fileprivate init?(_ member: JSONElement.Member) {
        switch member.value {
        case .null: return nil
        case .string(let text), .number(let text), .object(_, let text): self.init(name: member.name, value: text)
        case .bool(let flag): self.init(name: member.name, value: String(flag))
        case .array(let elements):
            let texts = elements.compactMap { FormField(.init(name: member.name, value: $0))?.value }
            self.init(name: member.name, value: texts.joined(separator: ", "))
        }
    }
}

extension ResolveRequest {
    fileprivate init(_ body: Fields, _ idempotencyKey: String?) throws {
        var fields = body
        self.init(
            email: try fields.text("email"), phone: try fields.text("phone"), externals: try fields.texts("external"),
            name: try fields.text("name"), source: try fields.text("source"), region: try fields.region("region"),
            idempotencyKey: idempotencyKey, isDryRun: try fields.flag("dry_run") ?? false)
        try fields.end()
    }
}

extension Booking {
    fileprivate init(_ body: Fields, _ idempotencyKey: String?) throws {
        var fields = body
        self.init(
            firstName: try fields.text("first_name"), lastName: try fields.text("last_name"),
            email: try fields.text("email"), phone: try fields.text("phone"), source: try fields.text("source"),
            isPaid: try fields.flag("paid") ?? false, id: try fields.text("id"),
            attributes: try fields.object("attributes")?.text, idempotencyKey: idempotencyKey)
        try fields.end()
    }
}

extension ManualLead {
    fileprivate init(_ body: Fields, _ idempotencyKey: String?) throws {
        var fields = body
        self.init(
            firstName: try fields.text("first_name"), lastName: try fields.text("last_name"),
            email: try fields.text("email"), phone: try fields.text("phone"), source: try fields.text("source"),
            status: try fields.text("status"), attributes: try fields.object("attributes")?.text,
            idempotencyKey: idempotencyKey)
        try fields.end()
    }
}
