internal import NIOCore
internal import VaultDB

/// The contact view as the API's clients know it, written straight into the bytes that are sent.
struct ContactView {
    /// About what a record takes.
    private static let recordBytes = 200

    private let contact: Contact

    init(_ contact: Contact) { self.contact = contact }

    var bytes: ByteBuffer {
        var writer = JSONWriter(bytes: 512 + contact.timeline.records.count * Self.recordBytes)
        writer.object { writer in
            writer.member("identity_id", contact.identity.id)
            writer.member("primary_email", contact.identity.primaryEmail)
            writer.member("primary_phone", contact.identity.primaryPhone)
            writer.member("created_at", contact.identity.createdAt)
            writer.name("leads")
            write(.lead, Self.lead, to: &writer)
            writer.name("patients")
            write(.patient, Self.patient, to: &writer)
            writer.name("followers")
            write(.follower, Self.lead, to: &writer)
            writer.member("total_interactions", contact.totalInteractions)
            writer.member("first_contact", contact.firstContact)
            writer.member("last_activity", contact.lastActivity)
            if let from = contact.redirectedFrom { writer.member("redirected_from", from) }
        }
        return writer.buffer
    }

    private func write(
        _ kind: RecordKind, _ members: (Record, inout JSONWriter) -> Void, to writer: inout JSONWriter
    ) {
        let records = contact.timeline.records
        writer.array { writer in
            // By place: a record that is taken out of its array is a copy of all its texts.
            for index in records.indices where records[index].kind == kind {
                writer.object { members(records[index], &$0) }
            }
        }
    }

    /// A lead or follower.
    private static func lead(_ record: Record, _ writer: inout JSONWriter) {
        writer.member("id", record.id)
        writer.member("first_name", record.firstName)
        writer.member("last_name", record.lastName)
        writer.member("source", record.source)
        writer.member("status", record.status)
        writer.member("created_at", record.createdAt)
    }

    private static func patient(_ record: Record, _ writer: inout JSONWriter) {
        writer.member("id", record.id)
        writer.member("first_name", record.firstName)
        writer.member("last_name", record.lastName)
        writer.member("email", record.email)
        writer.member("created_at", record.createdAt)
    }
}
