internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// Whole persons, found and shown.
extension Endpoint {
    static let contactEndpoints: [Endpoint] = [
        Endpoint(
            method: .get, path: "/api/v1/contacts/{identity_id}", operation: "getContact", tag: .contacts,
            summary: "A whole person: identity, records by kind, totals. After a merge the survivor's.",
            role: .reader,
            parameters: [.identity, .ifMatch, .ifNoneMatch],
            successes: [
                Success(status: .ok, summary: "The contact.", schema: "Contact"),
                Success(status: .notModified, summary: "The client has it as it is."),
            ],
            problems: [.notFound, .gone, .preconditionFailed], handle: contact),
        list(.lead, "leads"), list(.patient, "patients"), list(.follower, "followers"),
        Endpoint(
            method: .get, path: "/api/v1/contacts/{identity_id}/timeline", operation: "getTimeline", tag: .contacts,
            summary: "Records of every kind, the newest first, in pages.", role: .reader,
            parameters: [
                .identity, .query("order", "newest, unless it is oldest; the same for all pages."), .cursor,
                .limit(100, max: Limits.recordsPerPageMax),
            ],
            successes: [Success(status: .ok, summary: "A page.", schema: "RecordPage")],
            problems: [.notFound, .gone]
        ) { try await records($0, nil, order($0.query["order"])) },
        Endpoint(
            method: .get, path: "/api/v1/contacts", operation: "findContacts", tag: .contacts,
            summary: "Who has this email, this phone, or a name with these beginnings of words.", role: .reader,
            parameters: [
                .query("email", "An email in any spelling."),
                .query("phone", "A phone in any spelling that is valid in the organization's region."),
                .query("name", "Beginnings of words of a name; not together with the others."),
                .limit(20, max: Limits.searchLimitMax),
            ],
            successes: [Success(status: .ok, summary: "Who was found; both may find two.", schema: "Found")],
            problems: [.unprocessableContent], handle: find),
    ]

    // MARK: One contact

    private static func contact(_ call: APICall) async throws -> Response {
        let (id, organization) = (try call.identity(), try call.organization)
        let name = ContactCache.Name(organization: organization.id, identity: id)
        if let version = try organization.version(of: id) {
            let tag = tag(version.sequence, version.updatedAt)
            if let known = try known(tag, call) { return known }
            if let bytes = call.state.contactCache.view(name, tag: tag) {
                return Response(jsonBytes: bytes, headers: headers(tag))
            }
        }
        let contact = try organization.contact(id, limit: Limits.recordsPerPageMax)
        let identity = contact.identity
        let isRedirected = contact.redirectedFrom != nil
        let tag = tag(identity.lastSequence, identity.updatedAt, of: isRedirected ? identity.id : nil)
        if let known = try known(tag, call) { return known }
        let bytes = ContactView(contact).bytes
        var headers = headers(tag)
        if let next = contact.timeline.next {
            let cursor = next.description.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            headers[.link] = "<\(identity.id.text)/timeline?order=oldest&cursor=\(cursor)>; rel=\"next\""
        } else if !isRedirected {
            call.state.contactCache.keep(bytes, name, tag: tag)
        }
        return try call.response(bytes, headers: headers)
    }

    /// The answer that the client has what it asks for; nil where it is to be sent.
    /// - Throws: 412 where it asks for what is not current.
    private static func known(_ tag: String, _ call: APICall) throws(Problem) -> Response? {
        let conditions = call.request.headers
        if let asked = conditions[.ifMatch], !matches(asked, tag) {
            throw .preconditionFailed(
                "the contact is not as If-Match names it", advice: "ask for it without If-Match, and see how it is")
        }
        guard let known = conditions[.ifNoneMatch], matches(known, tag) else { return nil }
        return Response(status: .notModified, headers: headers(tag))
    }

    private static func headers(_ tag: String) -> HTTPFields {
        [.eTag: tag, .cacheControl: "private, no-cache", .vary: "accept-encoding"]
    }

    /// Compared weakly, as RFC 9110 asks for in If-None-Match. In If-Match no weak tag would ever be current otherwise.
    private static func matches(_ known: String, _ tag: String) -> Bool {
        known == "*"
            || known.split(separator: ",").contains { strong($0.trimmingCharacters(in: .whitespaces)) == strong(tag) }
    }

    private static func strong(_ tag: String) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
    }

    /// Weak, for it stands for the view and not for its bytes, which may be compressed. Whatever changes the view adds an
    /// event to its identity's story and moves its time.
    /// - Parameter survivor: whose view it is, where a merge has made it the answer to another's id.
    private static func tag(_ sequence: UInt64, _ updatedAt: Timestamp, of survivor: UUID? = nil) -> String {
        let redirected = survivor.map { "-\($0.text.suffix(12))" } ?? ""
        return "W/\"\(sequence)-\(updatedAt.microseconds)\(redirected)\""
    }

    // MARK: Lists

    private static func list(_ kind: RecordKind, _ name: String) -> Endpoint {
        Endpoint(
            method: .get, path: "/api/v1/contacts/{identity_id}/\(name)",
            operation: "list\(name.prefix(1).uppercased())\(name.dropFirst())", tag: .contacts,
            summary: "The \(name) of a person in order of time, in pages.", role: .reader,
            parameters: [.identity, .cursor, .limit(100, max: Limits.recordsPerPageMax)],
            successes: [Success(status: .ok, summary: "A page.", schema: "RecordPage")],
            problems: [.notFound, .gone]
        ) { try await records($0, kind, .oldestFirst) }
    }

    private static func order(_ text: String?) throws(Problem) -> TimelineOrder {
        switch text {
        case nil, "newest": return .newestFirst
        case "oldest": return .oldestFirst
        default: throw .invalid("order is newest or oldest")
        }
    }

    private static func records(
        _ call: APICall, _ kind: RecordKind?, _ order: TimelineOrder
    ) async throws -> Response {
        let (id, organization, cursor) = (try call.identity(), try call.organization, try call.cursor())
        let limit = try call.query.limit(100, max: Limits.recordsPerPageMax)
        return try await call.answer {
            try organization.records(of: id, kind: kind, from: cursor, order: order, limit: limit).json
        }
    }

    // MARK: Finding

    private static func find(_ call: APICall) async throws -> Response {
        let limit = try call.query.limit(20, max: Limits.searchLimitMax)
        let (email, phone, name) = (call.query["email"], call.query["phone"], call.query["name"])
        let organization = try call.organization
        switch (email, phone, name) {
        case (nil, nil, let name?):
            return try await call.answer {
                try organization.search(name, limit: limit).json.adding(["warnings": []])
            }
        case (nil, nil, nil):
            throw Problem.invalid("nothing to look for is given", advice: "give email, phone or name")
        case (_, _, nil): return try lookUp(email, phone, organization)
        default: throw Problem.invalid("name is asked for alone", advice: "leave out email and phone")
        }
    }

    /// The owners of an email and of a phone: nobody, one or two people.
    private static func lookUp(_ email: String?, _ phone: String?, _ organization: Organization) throws -> Response {
        var (found, warnings): ([UUID], [JSONValue]) = ([], [])
        for (text, kind) in [(email, IdentifierKind.email), (phone, .phone)] {
            guard let text else { continue }
            let id = kind == .email ? try organization.find(email: text) : try organization.find(phone: text)
            if let id {
                if !found.contains(id) { found.append(id) }
            } else if (try? organization.identifier(text, kind: kind)) == nil {
                warnings.append(.string("invalid_\(kind)"))
            }
        }
        if found.isEmpty, !warnings.isEmpty, warnings.count == [email, phone].compactMap(\.self).count {
            throw VaultError(.noUsableIdentifier, "neither is a usable email or phone", advice: "check the spelling")
        }
        let people = try found.compactMap { try organization.identity($0)?.identity }
        return Response(
            ["results": .array(people.map(\.json)), "is_complete": true, "warnings": .array(warnings)])
    }
}
