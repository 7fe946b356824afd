internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// The review queue, and what is decided there.
extension PageCall {
    private static let pairsPerPage = 25
    private static let mergesShown = 10
    private static let identifiersPreviewed = 50

    func conflicts() async throws -> Response {
        let (times, organization) = (times, organization)
        let cursor = try query["from"].map { text throws(VaultError) in try ConflictCursor(text) }
        let queue = try await pages.state.working {
            try organization.conflictPage(from: cursor, limit: Self.pairsPerPage)
        }
        let merges = try merges(times)
        var content: PageContent = [
            "pairs": .list(try queue.conflicts.map { .object(try pair($0, times)) }),
            "is_empty": .flag(queue.conflicts.isEmpty && queue.next == nil),
            "merges": .list(merges), "has_merges": .flag(!merges.isEmpty),
        ]
        content["more"] = .optional(
            queue.next.map { path("/conflicts?from=\(Self.escaped($0.description))") })
        return try page("conflicts", content)
    }

    private func pair(_ conflict: Conflict, _ times: PageTimes) throws -> PageContent {
        var content = reason(conflict, times)
        content["href"] = .text(path("/conflicts/\(conflict.first.text)/\(conflict.second.text)"))
        content["first"] = .object(try person(conflict.first))
        content["second"] = .object(try person(conflict.second))
        content["seen"] = times.day(conflict.lastSeen)
        return content
    }

    private func reason(_ conflict: Conflict, _ times: PageTimes) -> PageContent {
        var content: PageContent = [
            "identifier": .text(conflict.identifier.text),
            "identifier_label": .text(language.text("identifier.\(conflict.identifier.kind)")),
            "count": .text(language.text("times", count: Int(clamping: conflict.count))),
            "first_seen": times.day(conflict.firstSeen), "last_seen": times.day(conflict.lastSeen),
        ]
        content["source"] = .optional(conflict.source)
        return content
    }

    /// The newest merges. Undoing is offered for the last one into each of the people that there still are: what others
    /// build on has to wait for those.
    private func merges(_ times: PageTimes) throws -> [PageValue] {
        try organization.merges(limit: Self.mergesShown).map { merge -> PageValue in
            let survivor = try organization.identity(merge.into)?.identity
            var content: PageContent = [
                "text": .text(survivor.map { name(of: $0) } ?? language.text("unnamed")), "time": times.day(merge.time),
                "href": .text(path("/contacts/\(merge.into.text)")),
            ]
            if survivor?.id == merge.into, survivor?.lastMerge == merge.id {
                content["undo"] = .object(["action": .text(path("/merges/\(merge.id.text)/undo"))])
            }
            return .object(content)
        }
    }

    // MARK: One pair

    func conflict() async throws -> Response {
        let (first, second, times) = (try identity("first"), try identity("second"), times)
        let reasons = try organization.conflicts(of: first).filter { $0.first == second || $0.second == second }
        guard !reasons.isEmpty, first != second else { throw Problem.notFound("there is no such pair") }
        let open = reasons.filter { $0.state == .open }
        let offers = open.isEmpty ? [:] : try await offers(first, second)
        var content: PageContent = [
            "reasons": .list((open.isEmpty ? reasons : open).map { .object(reason($0, times)) }),
            "is_settled": .flag(open.isEmpty),
            "sides": .list([
                .object(try side(first, other: second, offers[first], times)),
                .object(try side(second, other: first, offers[second], times)),
            ]),
            "keep_apart": .object([
                "action": .text(path("/conflicts/keep-apart")), "first": .text(first.text),
                "second": .text(second.text),
            ]),
        ]
        if open.isEmpty { content["settled_text"] = .text(language.text(Self.settlement(reasons))) }
        return try page("conflict", content)
    }

    /// What a merge into each of the two would do; nothing for one that the vault would refuse.
    private func offers(_ first: UUID, _ second: UUID) async throws -> [UUID: MergePreview] {
        let organization = organization
        return try await pages.state.working {
            var offers: [UUID: MergePreview] = [:]
            for (from, into) in [(first, second), (second, first)] {
                do throws(VaultError) {
                    offers[into] = try organization.previewMerge(from, into: into)
                } catch {
                    guard error.code == .refused else { throw error }
                }
            }
            return offers
        }
    }

    private static func settlement(_ reasons: [Conflict]) -> String {
        if reasons.contains(where: { $0.state == .merged }) { return "settled.merged" }
        return reasons.contains { $0.state == .keptApart } ? "settled.apart" : "settled.none"
    }

    private func side(_ id: UUID, other: UUID, _ offer: MergePreview?, _ times: PageTimes) throws -> PageContent {
        let contact = try organization.contact(id, order: .newestFirst, limit: 3)
        var content = person(contact.identity).merging(totals(contact, times)) { own, _ in own }
        content.merge(identifiers(of: contact.identity)) { own, _ in own }
        content["has_entries"] = .flag(!contact.timeline.records.isEmpty)
        content["entries"] = .list(
            contact.timeline.records.map { record in
                var entry = entry(record, times)
                entry["date"] = times.day(record.createdAt)
                return .object(entry)
            })
        if let offer {
            content["merge"] = .object([
                "action": .text(path("/contacts/\(other.text)/merge")), "into": .text(id.text),
                "label": .text(language.text("keep_this")), "preview": .object(preview(offer)),
            ])
        }
        return content
    }

    private func preview(_ preview: MergePreview) -> PageContent {
        let survivor = preview.survivor
        let shown = survivor.identifiers.prefix(Self.identifiersPreviewed)
        var content: PageContent = [
            "identifiers": .list(shown.map { .text($0.identifier.text) }),
            "more_identifiers": more(than: shown.count, of: survivor), "gains": .list(gains(preview).map { .text($0) }),
        ]
        content["name"] = .optional(survivor.displayName)
        content["email"] = .optional(survivor.primaryEmail)
        content["phone"] = .optional(survivor.primaryPhone)
        return content
    }

    /// What a merge brings, a sentence each.
    private func gains(_ preview: MergePreview) -> [String] {
        var gains = preview.records.map { count in
            language.text(
                count.count == 1 ? "gain.records.one" : "gain.records.many", language.count(count.count, of: count.kind)
            )
        }
        for (key, count) in [
            ("identifiers", preview.from.identifiers.count), ("converted", preview.convertedLeads.count),
            ("settled", preview.conflictsSettled), ("moved", preview.conflictsMoved),
        ] where count > 0 {
            gains.append(language.text("gain.\(key)", count: count))
        }
        gains += preview.names.filter(\.isVisible).map { language.text("gain.name", $0) }
        return gains + [language.text("gain.redirect")]
    }

    // MARK: Deciding

    func merge() async throws -> Response {
        try requireReview()
        let (from, into, organization) = (try identity(), try id(inForm: "into"), organization)
        return try await decided {
            // The vault would merge two people who are kept apart, and no page offers that.
            guard try states(from, into).contains(.open) else {
                throw VaultError(.refused, "the two have no open conflict")
            }
            let answer = try await pages.state.writing { try await organization.merge(from, into: into) }
            return merged(into: answer.identity, answer.merge)
        } unless: { _ in
            try organization.merges().first { $0.from == from && $0.into == into }.map { merged(into: into, $0.id) }
        }
    }

    private func merged(into survivor: UUID, _ merge: UUID) -> Response {
        redirect(to: path("/contacts/\(survivor.text)"), PageNotice(key: "notice.merged", merge: merge))
    }

    func undo() async throws -> Response {
        try requireReview()
        let (merge, organization) = (try identity(), organization)
        return try await decided {
            _ = try await pages.state.writing { try await organization.unmerge(merge) }
            return toQueue("notice.unmerged")
        } unless: { error in
            toQueue(error.code == .refused ? "notice.built_on" : "notice.no_merge")
        }
    }

    func keepApart() async throws -> Response {
        try requireReview()
        let (first, second, organization) = (try id(inForm: "first"), try id(inForm: "second"), organization)
        return try await decided {
            _ = try await pages.state.writing { try await organization.keepApart(first, second) }
            return toQueue("notice.kept_apart")
        } unless: { _ in
            let states = try states(first, second)
            return states.contains(.keptApart) && !states.contains(.open) ? toQueue("notice.kept_apart") : nil
        }
    }

    private func toQueue(_ notice: String) -> Response {
        redirect(to: path("/conflicts"), PageNotice(key: notice))
    }

    /// Of the conflicts between two people.
    private func states(_ first: UUID, _ second: UUID) throws(VaultError) -> [Conflict.State] {
        try organization.conflicts(of: first).filter { [$0.first, $0.second].contains(second) }.map(\.state)
    }

    /// What the vault refuses was decided meanwhile, by a second click or by somebody else: the next page says so.
    /// - Parameter known: what it says where it is known how it was decided, above all where just so.
    private func decided(
        _ decide: () async throws -> Response, unless known: (VaultError) throws -> Response?
    ) async throws -> Response {
        do {
            return try await decide()
        } catch let error as VaultError where [.refused, .notFound, .erased].contains(error.code) {
            return try known(error) ?? toQueue("notice.refused")
        }
    }
}
