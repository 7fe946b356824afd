internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// Looking somebody up.
extension PageCall {
    private static let resultsMax = 50
    /// White space, and signs without width that come along with what is copied.
    private static let margins = CharacterSet.whitespacesAndNewlines.union(
        CharacterSet(
            charactersIn: "\u{61C}\u{200B}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}"
                + "\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{FEFF}"))

    /// What a text looks like.
    private enum Meaning {
        case id(UUID)
        case identifier(IdentifierKind)
        case name

        init(_ text: String) {
            let digits = text.count { $0.isNumber }
            let letters = text.filter(\.isLetter).lowercased()
            if let id = UUID(text: text) {
                self = .id(id)
            } else if text.contains("@"), !text.hasPrefix("@"), !Self.isExternal(text) {
                self = .identifier(.email)
            } else if digits >= 5, ["", "tel", "ext", "x"].contains(letters) {
                self = .identifier(.phone)
            } else if text.contains(":"), ExternalID(text) != nil {
                self = .identifier(.external)
            } else {
                self = .name
            }
        }

        /// Whether what has an `@` has a namespace too, as `instagram:@ana`. The `mailto:` of an address is none.
        private static func isExternal(_ text: String) -> Bool {
            ExternalID(text) != nil && EmailAddress(text)?.rawValue.contains(":") != false
        }
    }

    func contacts() async throws -> Response {
        let typed = query["q"] ?? ""
        let text = typed.trimmingCharacters(in: Self.margins)
        guard !text.isEmpty else { return try page("contacts", ["has_query": false, "query": ""]) }
        var content: PageContent = ["has_query": true, "query": .text(text)]
        guard text.utf8.count <= Limits.searchTextBytesMax else {
            content["problem"] = .text(language.text("unsearchable.long"))
            return try page("contacts", content)
        }
        switch Meaning(text) {
        case .id(let id): return redirect(to: path("/contacts/\(id.text)"))
        case .identifier(let kind):
            // A sign without width may be part of what somebody holds.
            let isFoundAsTyped = try owner(of: text, kind) == nil && owner(of: typed, kind) != nil
            let spelling = isFoundAsTyped ? typed : text
            content["query"] = .text(spelling)
            try lookUp(spelling, kind, &content)
        case .name: try await search(text, &content)
        }
        return try page("contacts", content)
    }

    private func lookUp(_ text: String, _ kind: IdentifierKind, _ content: inout PageContent) throws {
        let identifier: Identifier
        do throws(VaultError) {
            identifier = try organization.identifier(text, kind: kind)
        } catch {
            guard error.code == .noUsableIdentifier || error.code == .invalidArgument else { throw error }
            content["problem"] = .text(language.text("unsearchable"))
            return
        }
        content["understood"] = .text(language.text("understood.\(kind)", identifier.text))
        let id = try owner(of: text, kind)
        show(try id.flatMap { try organization.identity($0)?.identity }.map { [$0] } ?? [], &content)
    }

    private func owner(of text: String, _ kind: IdentifierKind) throws(VaultError) -> UUID? {
        switch kind {
        case .email: return try organization.find(email: text)
        case .phone: return try organization.find(phone: text)
        case .external: return try organization.find(external: text)
        }
    }

    private func search(_ text: String, _ content: inout PageContent) async throws {
        do {
            let organization = organization
            let found = try await pages.state.working { try organization.search(text, limit: Self.resultsMax + 1) }
            let shown = Array(found.matches.prefix(Self.resultsMax))
            content["understood"] = .text(language.text("understood.name", text))
            if !found.isComplete || found.matches.count > shown.count {
                content["more_match"] = .text(
                    language.text("results.more", shown.count.formatted(.number.locale(language.locale))))
            }
            show(shown, &content)
        } catch let error as VaultError where error.code == .invalidArgument {
            // Words of letters and digits, as a search takes them.
            let words = text.split { !$0.isLetter && !$0.isNumber }
            content["problem"] = .text(
                words.count > Limits.searchWordsMax
                    ? language.text("unsearchable.words", String(Limits.searchWordsMax))
                    : language.text("unsearchable"))
        }
    }

    private func show(_ people: [Identity], _ content: inout PageContent) {
        let times = times
        content["is_empty"] = .flag(people.isEmpty)
        content["result_count"] = .text(
            people.isEmpty ? language.text("results.none") : language.text("results", count: people.count))
        content["results"] = .list(
            people.map { identity in
                var person = person(identity)
                person["created"] = times.day(identity.createdAt)
                return .object(person)
            })
    }
}
