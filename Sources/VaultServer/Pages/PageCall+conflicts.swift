internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// The review queue, and what is decided there.
extension PageCall {
    private static let conflictsPerPage = 25
    private static let mergesShown = 10
    private static let identifiersPreviewed = 50

    func conflicts() async throws -> Response {
        let (times, organization) = (times, organization)
        let cursor = try query["from"].map { text throws(VaultError) in try ConflictCursor(text) }
        let before = try mergeCursor()
        let queue = try await pages.state.working { try Self.queue(of: organization, from: cursor) }
        let merges = try organization.merges(before: before, limit: Self.mergesShown + 1)
        let isEmpty = queue.pairs.isEmpty && queue.next == nil
        // Others may have decided meanwhile all that a link led to.
        if isEmpty && cursor != nil || merges.isEmpty && before != nil { return redirect(to: path("/conflicts")) }
        var content: PageContent = [
            "pairs": .list(try queue.pairs.compactMap { try pair($0, times) }), "is_empty": .flag(isEmpty),
            "has_pages": .flag(cursor != nil || queue.next != nil),
            "merges": .list(try merges.prefix(Self.mergesShown).map { try listed($0, times) }),
            "has_merges": .flag(!merges.isEmpty),
            "has_merge_pages": .flag(before != nil || merges.count > Self.mergesShown),
        ]
        content["first_page"] = cursor == nil ? nil : .text(path("/conflicts"))
        content["more"] = .optional(
            queue.next.map { path("/conflicts?from=\(Self.escaped($0.description))") })
        content["newest_merges"] = before == nil ? nil : .text(path("/conflicts#merges"))
        if merges.count > Self.mergesShown {
            let last = merges[Self.mergesShown - 1].id.text
            content["older_merges"] = .text(path("/conflicts?merges=\(last)#merges"))
        }
        return try page("conflicts", content)
    }

    /// The merge that those shown come before; nil for the newest.
    private func mergeCursor() throws(Problem) -> UUID? {
        guard let text = query["merges"] else { return nil }
        guard let id = UUID(text: text) else { throw .invalid("that is no cursor") }
        return id
    }

    /// A page of the queue by pairs. It ends with a pair's last conflict, so that each pair is on one page.
    private static func queue(
        of organization: Organization, from cursor: ConflictCursor?
    ) throws(VaultError) -> (pairs: [[Conflict]], next: ConflictCursor?) {
        let page = try organization.conflictPage(from: cursor, limit: conflictsPerPage)
        var (conflicts, next) = (page.conflicts, page.next)
        while let last = conflicts.last, let place = next {
            let further = try organization.conflictPage(from: place, limit: 1)
            guard let conflict = further.conflicts.first else {
                next = further.next
                break
            }
            guard conflict.first == last.first, conflict.second == last.second else { break }
            conflicts.append(conflict)
            next = further.next
        }
        return (pairs(of: conflicts), next)
    }

    /// Conflicts in the order of their pairs, those of each pair together.
    static func pairs(of conflicts: [Conflict]) -> [[Conflict]] {
        var pairs: [[Conflict]] = []
        for conflict in conflicts {
            if let last = pairs.last?.first, last.first == conflict.first, last.second == conflict.second {
                pairs[pairs.count - 1].append(conflict)
            } else {
                pairs.append([conflict])
            }
        }
        return pairs
    }

    /// Two people, and all that they are on the queue for.
    private func pair(_ conflicts: [Conflict], _ times: PageTimes) throws -> PageValue? {
        guard let pair = conflicts.first else { return nil }
        return .object([
            "href": .text(path("/conflicts/\(pair.first.text)/\(pair.second.text)")),
            "first": .object(try person(pair.first)), "second": .object(try person(pair.second)),
            "reasons": .list(conflicts.map { .object(reason($0, times)) }),
        ])
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

    /// A merge as it is listed. Undoing is offered for the last one into each of the people that there still are: what
    /// others build on has to wait for those.
    private func listed(_ merge: Merge, _ times: PageTimes) throws(VaultError) -> PageValue {
        let survivor = try organization.identity(merge.into)?.identity
        var content: PageContent = [
            "text": .text(survivor.map { name(of: $0) } ?? language.text("unnamed")), "time": times.day(merge.time),
            "href": .text(path("/contacts/\(merge.into.text)")), "former": .text(try former(merge)),
        ]
        content["actor"] = .optional(merge.actor)
        if survivor?.id == merge.into, survivor?.lastMerge == merge.id {
            content["undo"] = .object(["action": .text(path("/merges/\(merge.id.text)/undo"))])
        }
        return .object(content)
    }

    /// What the contact that was merged is known by: its names are the survivor's, and what it held last is noted.
    private func former(_ merge: Merge) throws(VaultError) -> String {
        let held = try organization.holdings(by: merge.from).map(\.identifier)
        let known = held.last { $0.kind == .email } ?? held.last { $0.kind == .phone } ?? held.last
        return known?.text ?? merge.from.text
    }

    // MARK: One pair

    func conflict() async throws -> Response {
        let (first, second, times) = (try identity("first"), try identity("second"), times)
        if let elsewhere = try elsewhere(first, second) { return elsewhere }
        let reasons = try organization.conflicts(between: first, second)
        guard !reasons.isEmpty else { throw Problem.notFound("there is no such pair") }
        let offers = try await offers(first, second)
        let content: PageContent = [
            "reasons": .list(reasons.map { .object(reason($0, times)) }), "shown": .text(Self.mark(of: reasons)),
            "is_settled": .flag(!reasons.contains { $0.state == .open }),
            "settled_text": .text(language.text("settled.apart")),
            "sides": .list([
                .object(try side(first, other: second, offers[first], times)),
                .object(try side(second, other: first, offers[second], times)),
            ]),
            "keep_apart": .object([
                "action": .text(path("/conflicts/keep-apart")), "first": .text(first.text),
                "second": .text(second.text),
            ]),
        ]
        return try page("conflict", content)
    }

    /// What stands for conflicts in a form, so that it decides what its page showed and nothing else.
    static func mark(of conflicts: [Conflict]) -> String {
        let texts = conflicts.map { "\($0.state) \($0.identifier.kind) \($0.identifier.text)" }
        return SHA256.hash(data: Data(texts.joined(separator: "\n").utf8)).hex
    }

    /// Where a pair by ids that were merged since lives on; nil where both are as they were.
    private func elsewhere(_ first: UUID, _ second: UUID) throws -> Response? {
        guard first != second, let one = try organization.identity(first)?.identity.id,
            let other = try organization.identity(second)?.identity.id
        else { throw Problem.notFound("there is no such pair") }
        if one == other {
            return redirect(to: path("/contacts/\(one.text)"), PageNotice(key: "settled.merged"))
        }
        if one == first, other == second { return nil }
        return redirect(to: path("/conflicts/\(one.text)/\(other.text)"))
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

    private func side(_ id: UUID, other: UUID, _ offer: MergePreview?, _ times: PageTimes) throws -> PageContent {
        let contact = try organization.contact(id, order: .newestFirst, limit: 3)
        var content = person(contact.identity).merging(totals(contact, times)) { own, _ in own }
        content.merge(identifiers(of: contact.identity)) { own, _ in own }
        content.merge(aliases(of: contact.identity)) { own, _ in own }
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
                "preview": .object(preview(offer)),
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
            let answer = try await pages.state.writing { try await organization.merge(from, into: into, if: isShown) }
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
        let pair = path("/conflicts/\(first.text)/\(second.text)")
        return try await decided {
            _ = try await pages.state.writing { try await organization.keepApart(first, second, if: isShown) }
            return toQueue("notice.kept_apart", link: pair)
        } unless: { _ in
            let isApart = try organization.conflicts(between: first, second).contains { $0.state == .keptApart }
            return isApart ? toQueue("notice.kept_apart", link: pair) : nil
        }
    }

    private func toQueue(_ notice: String, link: String? = nil) -> Response {
        redirect(to: path("/conflicts"), PageNotice(key: notice, link: link))
    }

    /// Whether what there is between two people is what the form's page showed.
    private var isShown: ConflictsCheck {
        let shown = form["shown"]
        return { !$0.isEmpty && shown == Self.mark(of: $0) }
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
