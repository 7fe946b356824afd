internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// The rows of other systems that belong to people.
extension Endpoint {
    static let recordEndpoints: [Endpoint] = [
        Endpoint(
            method: .get, path: "/api/v1/records/{kind}/{id}", operation: "getRecord", tag: .records,
            summary: "A record.", role: .reader, parameters: [.kind, .recordID],
            successes: [Success(status: .ok, summary: "The record.", schema: "Record")], problems: [.notFound]
        ) { call in
            let (kind, id) = (try call.kind(), try call.recordID())
            guard let record = try call.organization.record(kind, id) else {
                throw Problem.notFound("there is no such record")
            }
            return Response(record.json)
        },
        Endpoint(
            method: .put, path: "/api/v1/records/{kind}/{id}", operation: "putRecord", tag: .records,
            summary: """
                Puts a record, and links it to the identity that is named or that its identifiers resolve to, in one \
                transaction.
                """,
            role: .resolver,
            parameters: [
                .kind, .recordID, .idempotencyKey,
                Parameter(
                    name: "keep", place: .query, summary: "true keeps the fields that are not given.",
                    schema: ["type": "boolean", "default": false]),
                Parameter(
                    name: "move", place: .query, summary: "true lets the record leave another identity.",
                    schema: ["type": "boolean", "default": false]),
            ],
            bodies: [("application/json", "RecordDraft")],
            successes: [
                Success(status: .ok, summary: "It was there.", schema: "PutAnswer"),
                Success(status: .created, summary: "It is new.", schema: "PutAnswer"),
            ],
            problems: [.notFound, .conflict, .gone, .unprocessableContent]
        ) { call in
            var draft = RecordDraft(kind: try call.kind(), id: try call.recordID())
            try draft.take(try await call.body("a record"))
            draft.keepsOthers = try call.query.flag("keep")
            draft.moves = try call.query.flag("move")
            draft.idempotencyKey = try call.idempotencyKey
            let organization = try call.organization
            let answer = try await call.writing { [draft] in try await organization.put(draft) }
            return Response(
                answer.json(try call.current(answer.identity)), status: answer.change == .created ? .created : .ok)
        },
        Endpoint(
            method: .delete, path: "/api/v1/records/{kind}/{id}", operation: "deleteRecord", tag: .records,
            summary: "Deletes a record: patients softly, so that they stay and are inactive; all others for good.",
            role: .resolver,
            parameters: [
                .kind, .recordID, .idempotencyKey,
                Parameter(
                    name: "mode", place: .query, summary: "How, where not as the kind asks for.",
                    schema: ["type": "string", "enum": ["hard", "soft"]]),
            ],
            successes: [Success(status: .ok, summary: "It is deleted.", schema: "DeleteAnswer")],
            problems: [.notFound, .conflict]
        ) { call in
            let (kind, id, organization) = (try call.kind(), try call.recordID(), try call.organization)
            let deletion: Deletion
            switch call.query.given("mode") {
            case nil: deletion = .byKind
            case "hard": deletion = .hard
            case "soft": deletion = .soft
            default: throw Problem.invalid("mode is neither hard nor soft")
            }
            return try await call.once(call.query["mode"] ?? "") {
                try await call.writing { try await organization.delete(kind, id, deletion) }.json
            }
        },
    ]
}

extension RecordDraft {
    /// All that is given of a body.
    fileprivate mutating func take(_ body: Fields) throws {
        var fields = body
        identity = try fields.id("identity_id")
        firstName = try fields.text("first_name")
        lastName = try fields.text("last_name")
        email = try fields.text("email")
        phone = try fields.text("phone")
        externals = try fields.texts("external")
        source = try fields.text("source")
        status = try fields.text("status")
        createdAt = try fields.time("created_at")
        isActive = try fields.flag("is_active")
        region = try fields.region("region")
        attributes = try fields.object("attributes")?.text
        try fields.end()
    }
}

extension Query {
    /// False where it is absent.
    func flag(_ name: String) throws(Problem) -> Bool {
        switch given(name) {
        case nil, "false": return false
        case "true": return true
        default: throw .invalid("\(name) is neither true nor false")
        }
    }
}
