internal import Foundation
internal import VaultDB

/// The rows of other systems that belong to people.
extension CommandTable {
    static let recordCommands: [Command] = [
        Command(
            name: "put", arity: -4, flags: .write, group: .records,
            summary: "Puts a record, and links it to the identity its identifiers resolve to.",
            usage: "org kind id [field value ...]", role: .resolver,
            action: .submit { organization, arguments, deliver in
                let draft = try draft(&arguments)
                try organization.submitPut(draft) { result in deliver(result.map { $0.reply(to: draft) }) }
            }),
        .read("record", 4, "org kind id", .records, "A record by its kind and id.") { organization, arguments in
            let kind = try kind(try arguments.next())
            return try organization.record(kind, try arguments.next())?.json ?? .null
        },
    ]

    static func kind(_ text: String) throws(ReplyError) -> RecordKind {
        guard let kind = RecordKind(text) else {
            throw ReplyError(.invalid, "a kind is a lower-case word such as lead, patient or follower")
        }
        return kind
    }

    private static func draft(_ arguments: inout Arguments) throws(ReplyError) -> RecordDraft {
        var draft = RecordDraft(kind: try kind(try arguments.next()), id: try arguments.next())
        while !arguments.isEmpty {
            let (field, value) = (try arguments.next().lowercased(), try arguments.next())
            switch field {
            case "first_name": draft.firstName = value
            case "last_name": draft.lastName = value
            case "email": draft.email = value
            case "phone": draft.phone = value
            case "external": draft.externals.append(value)
            case "source": draft.source = value
            case "status": draft.status = value
            case "attributes": draft.attributes = value
            case "created_at":
                guard let time = Timestamp(iso8601: value) else {
                    throw ReplyError(.invalid, "created_at is no time such as 2025-01-31T09:00:00Z")
                }
                draft.createdAt = time
            default:
                throw ReplyError(
                    .invalid, "a record has no field '\(field.prefix(64))'; what else there is goes into attributes")
            }
        }
        return draft
    }
}

extension PutAnswer {
    fileprivate func reply(to draft: RecordDraft) -> JSONValue {
        [
            "record": ["kind": .string(draft.kind.rawValue), "id": .string(id)],
            "identity_id": .string(identity.text), "change": .string(change.rawValue),
            "outcome": JSONValue(resolution?.outcome.name),
            "conflicts": .array(resolution?.conflicts.map(\.json) ?? []),
            "warnings": JSONValue(resolution?.warnings.map(\.name) ?? []),
        ]
    }
}
