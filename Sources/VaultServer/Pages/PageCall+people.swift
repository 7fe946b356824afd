internal import Foundation
internal import VaultDB

/// People and what they did, as the templates take them.
extension PageCall {
    private static let identifiersShown = 100

    /// A person's name, or what else there is to call them by.
    func name(of identity: Identity) -> String {
        givenName(of: identity) ?? identity.primaryEmail ?? identity.primaryPhone
            ?? identity.identifiers.first?.identifier.text ?? language.text("unnamed")
    }

    /// One that shows nothing is none.
    private func givenName(of identity: Identity) -> String? {
        identity.displayName.flatMap { $0.isVisible ? $0 : nil }
    }

    func person(_ identity: Identity) -> PageContent {
        let name = name(of: identity)
        var content: PageContent = [
            "id": .text(identity.id.text), "href": .text(path("/contacts/\(identity.id.text)")), "name": .text(name),
            "has_name": .flag(givenName(of: identity) != nil), "initials": .text(Self.initials(of: name)),
        ]
        content["email"] = .optional(identity.primaryEmail)
        content["phone"] = .optional(identity.primaryPhone)
        return content
    }

    /// Somebody of whom only the id may be left.
    func person(_ id: UUID) throws(VaultError) -> PageContent {
        if let found = try organization.identity(id), !found.identity.isErased { return person(found.identity) }
        return [
            "id": .text(id.text), "href": .text(path("/contacts/\(id.text)")), "name": .text(language.text("unnamed")),
            "has_name": false, "initials": "–",
        ]
    }

    private static func initials(of name: String) -> String {
        let words = name.split { $0.isWhitespace || $0 == "." || $0 == "@" }
        let letters = words.prefix(2).compactMap { $0.first { $0.isLetter || $0.isNumber } }
        return letters.isEmpty ? "·" : String(letters).uppercased()
    }

    /// The first of a person's identifiers, and how many there are beside them.
    func identifiers(of identity: Identity) -> PageContent {
        let shown = identity.identifiers.prefix(Self.identifiersShown).map { held in
            var content: PageContent = [
                "kind_label": .text(language.text("identifier.\(held.identifier.kind)")),
                "text": .text(held.identifier.text), "is_primary": .flag(held.isPrimary),
            ]
            if held.state != .owned { content["state_label"] = .text(language.text("state.\(held.state)")) }
            return PageValue.object(content)
        }
        return ["identifiers": .list(shown), "more_identifiers": more(than: shown.count, of: identity)]
    }

    /// Names that a person was given beside the first.
    func aliases(of identity: Identity) -> PageContent {
        let aliases = identity.aliases.filter(\.isVisible)
        return ["aliases": .list(aliases.map { .text($0) }), "has_aliases": .flag(!aliases.isEmpty)]
    }

    /// How many identifiers a person has beside those that are shown.
    func more(than shown: Int, of identity: Identity) -> PageValue { more(identity.identifiers.count - shown) }

    /// `and 3 more`; false where there are no more.
    func more(_ count: Int) -> PageValue {
        guard count > 0 else { return false }
        return .text(language.text("and_more", count.formatted(.number.locale(language.locale))))
    }

    /// A contact's totals and times.
    func totals(_ contact: Contact, _ times: PageTimes) -> PageContent {
        let counts = contact.counts.map { count in
            var content = kind(count.kind)
            content["label"] = .text(language.label(count.kind, count: count.count))
            content["count"] = .text(count.count.formatted(.number.locale(language.locale)))
            return PageValue.object(content)
        }
        return [
            "counts": .list(counts), "has_counts": .flag(!counts.isEmpty),
            "first_contact": times.day(contact.firstContact), "last_activity": times.day(contact.lastActivity),
            "total": .text(contact.totalInteractions.formatted(.number.locale(language.locale))),
        ]
    }

    func kind(_ kind: RecordKind) -> PageContent {
        [
            "kind_label": .text(language.kind(kind)), "is_lead": .flag(kind == .lead),
            "is_patient": .flag(kind == .patient), "is_follower": .flag(kind == .follower),
        ]
    }

    /// A record as an entry of a timeline.
    func entry(_ record: Record, _ times: PageTimes) -> PageContent {
        var content = kind(record.kind)
        content["id"] = .text(record.id)
        content["href"] = .text(path("/records/\(record.kind.rawValue)\(Self.address(ofRecord: record.id))"))
        content["time"] = .text(times.clock(record.createdAt))
        content["iso"] = .text(record.createdAt.description)
        content["name"] = .optional(record.name)
        content["source"] = .optional(record.source)
        content["status_label"] = .optional(record.status.map(language.status))
        content["is_converted"] = .flag(record.isConverted)
        content["is_inactive"] = .flag(!record.isActive)
        return content
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// The end of a record's address. Browsers take a part of a path that is one dot or two for a way to go.
    private static func address(ofRecord id: String) -> String {
        [".", ".."].contains(id) ? "?id=\(id)" : "/\(escaped(id))"
    }

    /// As a part of a path or a value of a query.
    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
