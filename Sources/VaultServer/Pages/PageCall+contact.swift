internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// A whole person, and one record of theirs.
extension PageCall {
    private static let entriesPerPage = 50
    private static let doubtsShown = 10
    /// Where all are asked for.
    private static let doubtsMax = 1_000

    func contact() async throws -> Response {
        let (id, times) = (try identity(), times)
        let cursor = try query["from"].map { text throws(VaultError) in try RecordCursor(text) }
        let contact = try organization.contact(
            id, from: cursor, order: .newestFirst, limit: Self.entriesPerPage)
        let here = path("/contacts/\(contact.identity.id.text)")
        // All that a link led to may be deleted by now.
        if cursor != nil, contact.timeline.records.isEmpty { return redirect(to: here) }
        var content = person(contact.identity).merging(totals(contact, times)) { own, _ in own }
        content.merge(identifiers(of: contact.identity)) { own, _ in own }
        content.merge(aliases(of: contact.identity)) { own, _ in own }
        content["mailto"] = .optional(contact.identity.primaryEmail.map(Self.mailto))
        content["redirected_from"] = .optional(contact.redirectedFrom?.text)
        content["days"] = .list(days(contact.timeline.records, times))
        content["has_days"] = .flag(!contact.timeline.records.isEmpty)
        content["older"] = .optional(contact.timeline.next.map { "\(here)?from=\(Self.escaped($0.description))" })
        content["newest"] = cursor == nil ? nil : .text(here)
        content["has_pages"] = .flag(cursor != nil || contact.timeline.next != nil)
        let open = try organization.conflicts(of: contact.identity.id).filter { $0.state == .open }
        let (doubts, wantsAll) = (Self.pairs(of: open), query["doubts"] == "all")
        let shown = doubts.prefix(wantsAll ? Self.doubtsMax : Self.doubtsShown)
        content["has_conflicts"] = .flag(!doubts.isEmpty)
        content["conflicts"] = .list(try shown.compactMap { try doubt($0, of: contact.identity.id) })
        content["more_conflicts"] = more(doubts.count - shown.count)
        content["all_conflicts"] = wantsAll ? nil : .text("\(here)?doubts=all")
        return try page("contact", content)
    }

    /// The at sign stays what parts the address.
    private static func mailto(_ email: String) -> String {
        "mailto:" + escaped(email).replacing("%40", with: "@")
    }

    private func days(_ records: [Record], _ times: PageTimes) -> [PageValue] {
        var days: [[Record]] = []
        for record in records {
            if let last = days.last?.first, times.isSameDay(last.createdAt, record.createdAt) {
                days[days.count - 1].append(record)
            } else {
                days.append([record])
            }
        }
        return days.compactMap { records in
            guard let first = records.first else { return nil }
            return .object([
                "heading": .text(times.heading(first.createdAt)), "iso": .text(times.isoDay(first.createdAt)),
                "entries": .list(records.map { .object(entry($0, times)) }),
            ])
        }
    }

    /// Of the conflicts with one other person.
    private func doubt(_ conflicts: [Conflict], of id: UUID) throws -> PageValue? {
        guard let pair = conflicts.first else { return nil }
        let other = pair.first == id ? pair.second : pair.first
        return .object([
            "href": .text(path("/conflicts/\(pair.first.text)/\(pair.second.text)")),
            "details": .text(conflicts.map(\.identifier.text).joined(separator: ", ")),
            "other_name": try person(other)["name"] ?? "",
        ])
    }

    // MARK: A record

    func record() async throws -> Response {
        guard let kind = context.part("kind").flatMap(RecordKind.init), let id = context.part("id") ?? query["id"],
            !id.isEmpty, let record = try organization.record(kind, id)
        else { throw Problem.notFound("there is no such record") }
        var content = entry(record, times)
        content["contact"] = .object(try person(record.identity))
        content["fields"] = .list(fields(of: record).map(PageValue.object))
        let attributes = Self.attributes(record.attributes)
        content["attributes"] = .list(attributes)
        content["has_attributes"] = .flag(!attributes.isEmpty)
        return try page("record", content)
    }

    private func fields(of record: Record) -> [PageContent] {
        let texts: [(key: String, value: String?)] = [
            ("first_name", record.firstName), ("last_name", record.lastName), ("email", record.email),
            ("phone", record.phone), ("source", record.source), ("status", record.status.map(language.status)),
        ]
        var fields: [PageContent] = texts.compactMap { key, value in
            PageValue.optional(value).map { ["label": .text(language.text(key)), "value": $0] }
        }
        for (key, time) in [("created", record.createdAt), ("updated", record.updatedAt)] {
            fields.append([
                "label": .text(language.text(key)), "iso": .text(time.description),
                "value": .text("\(times.heading(time)), \(times.clock(time))"),
            ])
        }
        return fields
    }

    /// Each by its name. What an earlier version let in, and is none that can be taken apart, as it is.
    static func attributes(_ text: String?) -> [PageValue] {
        guard let text else { return [] }
        guard case .object(let members, _)? = try? JSONElement(parsing: text.utf8.span) else {
            return [.object(["name": "JSON", "value": .text(text)])]
        }
        return members.map { .object(["name": .text($0.name), "value": .text($0.value.plainText)]) }
    }
}

extension JSONElement {
    /// A text as it is, and anything else as its JSON.
    fileprivate var plainText: String {
        switch self {
        case .null: "–"
        case .bool(let flag): String(flag)
        case .number(let text), .string(let text), .object(_, let text): text
        case .array(let elements): elements.map(\.plainText).joined(separator: ", ")
        }
    }
}
