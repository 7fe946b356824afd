internal import VaultDB

/// The shapes of what goes in and comes out, as JSON Schema.
enum OpenAPISchemas {
    static let all: [JSONValue.Member] = bodies + answers

    // MARK: Small ones

    private static let text: JSONValue = ["type": "string"]
    private static let nullableText: JSONValue = ["type": ["string", "null"]]
    private static let flag: JSONValue = ["type": "boolean"]
    private static let number: JSONValue = ["type": "integer", "minimum": 0]
    private static let id: JSONValue = ["type": "string", "format": "uuid"]
    private static let nullableID: JSONValue = ["type": ["string", "null"], "format": "uuid"]
    private static let time: JSONValue = ["type": "string", "format": "date-time"]
    private static let nullableTime: JSONValue = ["type": ["string", "null"], "format": "date-time"]
    private static let texts: JSONValue = list(text)
    private static let anyObject: JSONValue = ["type": "object"]
    private static let externals: JSONValue = [
        "type": ["array", "null"], "maxItems": JSONValue(Limits.externalsPerCallMax),
        "items": ["type": "string", "examples": ["whatsapp:34600123456"]],
    ]

    private static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }
    private static func ref(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }
    private static func orNull(_ name: String) -> JSONValue { ["oneOf": [ref(name), ["type": "null"]]] }

    /// An object that has all of these members and no others.
    private static func object(_ members: KeyValuePairs<String, JSONValue>, optional: [String] = []) -> JSONValue {
        let required = members.map(\.key).filter { !optional.contains($0) }
        return [
            "type": "object", "required": JSONValue(required), "additionalProperties": false,
            "properties": .object(members.map { .init(name: $0.key, value: $0.value) }),
        ]
    }

    /// A body: none of its members is needed, save those that are.
    private static func body(_ members: KeyValuePairs<String, JSONValue>, required: [String] = []) -> JSONValue {
        object(members, optional: members.map(\.key).filter { !required.contains($0) })
    }

    private static func page(_ name: String) -> JSONValue {
        object(["results": list(ref(name)), "next": nullableText])
    }

    // MARK: What goes in

    private static let bodies: [JSONValue.Member] = [
        .init(
            name: "ResolveRequest",
            value: body([
                "email": nullableText, "phone": nullableText, "external": externals, "name": nullableText,
                "source": nullableText, "region": nullableText, "dry_run": ["type": ["boolean", "null"]],
            ])),
        .init(
            name: "Booking",
            value: body([
                "first_name": nullableText, "last_name": nullableText, "email": nullableText, "phone": nullableText,
                "source": nullableText, "paid": ["type": ["boolean", "null"]], "id": nullableText,
                "attributes": ["type": ["object", "null"]],
            ])),
        .init(
            name: "ManualLead",
            value: body([
                "first_name": nullableText, "last_name": nullableText, "email": nullableText, "phone": nullableText,
                "source": nullableText, "status": nullableText, "attributes": ["type": ["object", "null"]],
            ])),
        .init(name: "Form", value: body(["fields": anyObject, "source": nullableText], required: ["fields"])),
        .init(name: "SubmittedForm", value: ["type": "object", "additionalProperties": text]),
        .init(
            name: "RecordDraft",
            value: body([
                "identity_id": nullableID, "first_name": nullableText, "last_name": nullableText,
                "email": nullableText, "phone": nullableText, "external": externals, "source": nullableText,
                "status": nullableText, "created_at": nullableTime, "is_active": ["type": ["boolean", "null"]],
                "region": nullableText, "attributes": ["type": ["object", "null"]],
            ])),
        .init(name: "ImportRows", value: ["type": "string", "description": "A row a line; docs/HTTP.md."]),
        .init(
            name: "MergeRequest",
            value: body(["into": id, "dry_run": ["type": ["boolean", "null"]]], required: ["into"])),
        .init(name: "Pair", value: body(["first": id, "second": id], required: ["first", "second"])),
        .init(name: "WebhookPayload", value: ["type": "object", "description": "As Meta documents it."]),
    ]

    // MARK: What comes out

    private static let lead = object([
        "id": text, "first_name": nullableText, "last_name": nullableText, "source": nullableText,
        "status": nullableText, "created_at": time,
    ])
    private static let patient = object([
        "id": text, "first_name": nullableText, "last_name": nullableText, "email": nullableText, "created_at": time,
    ])
    private static let identity = object([
        "identity_id": id, "primary_email": nullableText, "primary_phone": nullableText, "emails": texts,
        "phones": texts, "external": texts, "display_name": nullableText, "aliases": texts, "created_at": time,
        "updated_at": time, "is_merged": flag, "merged_with": nullableID, "is_erased": flag,
    ])
    private static let resolvedConflict = object(["identifier": text, "kind": text, "identity_id": id])
    private static let intake: KeyValuePairs<String, JSONValue> = [
        "identity_id": id, "outcome": text, "record": object(["kind": text, "id": text]),
        "primary_email": nullableText, "primary_phone": nullableText, "conflicts": list(resolvedConflict),
        "warnings": texts, "converted_leads": texts, "is_patient": flag,
    ]

    private static let answers: [JSONValue.Member] = [
        .init(
            name: "Problem",
            value: object([
                "type": text, "title": text, "status": number, "code": text, "detail": text, "advice": text,
            ])),
        .init(name: "Lead", value: lead),
        .init(name: "Patient", value: patient),
        .init(
            name: "Contact",
            value: object(
                [
                    "identity_id": id, "primary_email": nullableText, "primary_phone": nullableText,
                    "created_at": time, "leads": list(ref("Lead")), "patients": list(ref("Patient")),
                    "followers": list(ref("Lead")), "total_interactions": number, "first_contact": time,
                    "last_activity": time, "redirected_from": id,
                ], optional: ["redirected_from"])),
        .init(
            name: "Record",
            value: object([
                "kind": text, "id": text, "identity_id": id, "first_name": nullableText, "last_name": nullableText,
                "email": nullableText, "phone": nullableText, "region": nullableText, "source": nullableText,
                "status": nullableText, "created_at": time, "updated_at": time, "is_active": flag,
                "attributes": anyObject,
            ])),
        .init(name: "RecordPage", value: page("Record")),
        .init(name: "Identity", value: identity),
        .init(
            name: "Found", value: object(["results": list(ref("Identity")), "is_complete": flag, "warnings": texts])),
        .init(
            name: "Resolution",
            value: object([
                "identity_id": nullableID, "outcome": text, "matched": nullableText, "primary_email": nullableText,
                "primary_phone": nullableText, "enriched": texts, "conflicts": list(resolvedConflict),
                "warnings": texts, "sequence": number,
            ])),
        .init(
            name: "PutAnswer",
            value: object([
                "kind": text, "id": text, "identity_id": id, "change": text, "converted_leads": texts,
                "warnings": texts, "resolution": orNull("Resolution"),
            ])),
        .init(
            name: "DeleteAnswer", value: object(["kind": text, "id": text, "identity_id": id, "change": text])),
        .init(name: "IntakeAnswer", value: object(intake)),
        .init(
            name: "FormAnswer",
            value: ["type": "object", "required": JSONValue(intake.map(\.key) + ["taken"])]),
        .init(
            name: "ImportLine",
            value: [
                "type": "object",
                "description": "line, id, identity_id, change, outcome, conflicts and warnings, or error and message.",
            ]),
        .init(
            name: "Conflict",
            value: object([
                "first": id, "second": id, "identifier": text, "kind": text, "state": text, "source": nullableText,
                "first_seen": time, "last_seen": time, "count": number,
            ])),
        .init(name: "Settlement", value: object(["first": id, "second": id, "settled": number])),
        .init(name: "ConflictPage", value: page("Conflict")),
        .init(
            name: "Merge",
            value: object([
                "merge_id": id, "from": id, "into": id, "time": time, "actor": nullableText, "records": number,
            ])),
        .init(name: "MergePage", value: page("Merge")),
        .init(
            name: "MergeAnswer",
            value: [
                "type": "object",
                "description": "merge_id, identity_id and records; for a dry run both sides and what would happen.",
            ]),
        .init(
            name: "ErasureAnswer",
            value: object([
                "identity_id": id, "absorbed": list(id), "identifiers": number, "unblocked": number,
                "records": number, "conflicts": number,
            ])),
        .init(name: "Export", value: ["type": "object", "description": "docs/EXPORT.md has its fields."]),
        .init(
            name: "Event",
            value: object([
                "sequence": number, "time": time, "event": text, "identity_id": nullableID,
                "other_identity_id": nullableID, "merge_id": nullableID, "kinds": texts, "record_kind": nullableText,
                "record_id": nullableText, "source": nullableText, "actor": nullableText, "previous_hash": text,
            ])),
        .init(name: "EventPage", value: page("Event")),
        .init(name: "WebhookAnswer", value: object(["results": list(anyObject)])),
        .init(name: "Health", value: object(["status": text, "version": text])),
        .init(name: "Text", value: text),
        .init(name: "Document", value: anyObject),
    ]
}
