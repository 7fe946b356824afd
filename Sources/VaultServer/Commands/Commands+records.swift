internal import Foundation
internal import VaultDB

/// The rows of other systems that belong to people.
extension CommandTable {
    static let recordCommands: [Command] = [
        .submission(
            "put", -4, "org kind id [IDENTITY identity] [MOVE] [KEEP] [field value ...]", .records,
            "Puts a record, and links it to the identity that is named or that its identifiers resolve to."
        ) { organization, arguments, deliver in
            try organization.submitPut(try RecordDraft(&arguments)) { result in
                deliver(result.map { answer in .init(identity: answer.identity, json: answer.json) })
            }
        },
        .submission(
            "del", -4, "org kind id [HARD|SOFT]", .records,
            "Deletes a record: patients softly, so that they stay and are inactive; all others for good."
        ) { organization, arguments, deliver in
            let (kind, id) = (try arguments.kind(), try arguments.next())
            let deletion: Deletion = arguments.skip("HARD") ? .hard : arguments.skip("SOFT") ? .soft : .byKind
            try arguments.end()
            try organization.submitDelete(kind, id, deletion) { result in
                deliver(result.map { answer in .init { _ in answer.json } })
            }
        },
        .submission(
            "book", -4, "org [field value ...]", .records,
            "A booking: a lead where it is free, a patient where it was paid; resolved and linked at once."
        ) { organization, arguments, deliver in
            try organization.submitBooking(try Booking(&arguments)) { result in
                deliver(result.map { answer in .init(identity: answer.put.identity, json: answer.json) })
            }
        },
        .submission(
            "lead", -4, "org [field value ...]", .records,
            "A lead that somebody of the staff enters; resolved and linked at once."
        ) { organization, arguments, deliver in
            try organization.submitLead(try ManualLead(&arguments)) { result in
                deliver(result.map { answer in .init(identity: answer.put.identity, json: answer.json) })
            }
        },
        .submission(
            "form", -4, "org [SOURCE source] [IDEMPOTENCY key] [FIELDS] [name value ...]", .records,
            "A public form: finds email, phone and name among its fields, resolves, and makes a lead."
        ) { organization, arguments, deliver in
            try organization.submitForm(try FormSubmission(&arguments)) { result in
                deliver(result.map { answer in .init(identity: answer.intake.put.identity, json: answer.json) })
            }
        },
        .read("record", 4, "org kind id", .records, "A record by its kind and id.") { organization, arguments in
            let kind = try arguments.kind()
            return try organization.record(kind, try arguments.next())?.json ?? .null
        },
        .work(
            "records", -3, "org id [kind] [COUNT count] [FROM cursor]", .records, role: .reader, flags: .readOnly,
            "A page of a person's records, of one kind or of all, in order of time."
        ) { organization, arguments in
            let id = try arguments.id()
            var page = PageOptions(arguments)
            var kind: RecordKind?
            while !arguments.isEmpty {
                if try page.take(&arguments) { continue }
                guard kind == nil else { throw ReplyError.syntax }
                kind = try arguments.kind()
            }
            return try organization.records(of: id, kind: kind, from: page.cursor, limit: page.limit).json
        },
    ]
}

/// `COUNT n` and `FROM cursor`, of lists of records.
struct PageOptions {
    private(set) var limit: Int
    private(set) var cursor: RecordCursor?

    init(_ arguments: Arguments) { limit = arguments.countDefault }

    /// Takes the next option.
    /// - Returns: false where the next word is neither.
    mutating func take(_ arguments: inout Arguments) throws -> Bool {
        if let count = try arguments.countOption() {
            limit = min(count, Limits.recordsPerPageMax)
        } else if let text = try arguments.option("FROM") {
            cursor = try RecordCursor(text)
        } else {
            return false
        }
        return true
    }
}
