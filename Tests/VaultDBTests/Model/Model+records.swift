// The model's records: put, move, delete, conversion of leads, and the contact view.

import Foundation

@testable import VaultDB

extension Model {
    struct RowName: Hashable, Comparable {
        let kind: RecordKind
        let id: String

        static func < (a: RowName, b: RowName) -> Bool { (a.kind.rawValue, a.id) < (b.kind.rawValue, b.id) }
    }

    struct Row: Equatable {
        var owner: Person
        var createdAt: Timestamp
        var updatedAt: Timestamp
        /// The event that told last what it holds.
        var told: Int
        /// First and last name, email, phone, source, status, attributes.
        var fields: [String?]
        /// What its email and phone are normalised to.
        var given: [Name]
        var isActive: Bool
        var isConverted: Bool

        static let status = 5
        var status: String? { isConverted ? "CONVERTED" : fields[Self.status] }

        static let final: Set = [
            "CONVERTED", "LOST", "CLOSED", "REJECTED", "DISCARDED", "DISQUALIFIED", "ARCHIVED", "CANCELLED",
        ]
        var isOpen: Bool { isActive && !Self.final.contains(status?.uppercased() ?? "") }
    }

    /// What a put asks for.
    struct Wish {
        var request = Request()
        var fields: [String?] = []
        var email: Name?
        var phone: Name?
        var createdAt: Timestamp?
        var isActive: Bool?
        var owner: Person?
        var moves = false
        var keeps = false
    }

    struct PutAnswer: Equatable {
        let change: VaultDB.PutAnswer.Change
        var person: Person
        var answer: Answer?
        let converted: [String]
    }

    mutating func put(_ name: RowName, _ wish: Wish, at now: Timestamp) throws(Refusal) -> PutAnswer {
        try validate(wish)
        var named: Person?
        if let owner = wish.owner { named = try living(owner) }
        let stored = rows[name]
        // What is left of an erased person's record comes back as if it were new.
        let old = stored.flatMap { people[$0.owner]?.isErased == true ? nil : $0 }
        let isMove = old != nil && named != nil && named != old?.owner
        if isMove, !wish.moves { throw Refusal(.refused) }
        let fields = fields(wish, old)
        if let old, !isMove, old.fields == fields, [nil, old.createdAt].contains(wish.createdAt),
            [nil, old.isActive].contains(wish.isActive),
            // External ids are no fields, so a new one is news.
            !wish.request.names.contains(where: { $0.kind == .external && isNews($0, to: old.owner) })
        {
            return PutAnswer(change: .unchanged, person: old.owner, answer: nil, converted: [])
        }
        let known = named ?? old?.owner
        var request = wish.request
        if wish.keeps, request.name != nil { request.name = wholeName(fields) }
        var answer: Answer?
        if !request.names.isEmpty { answer = try resolve(request, for: known, row: true, at: now) }
        guard let owner = answer?.person ?? known else { throw Refusal(.noUsableIdentifier) }
        if answer == nil, let name = request.name, learn(name, owner) {
            tell(.nameAdded, owner, source: request.source, at: now)
        }

        let isFirstPatient = name.kind == .patient && old?.owner != owner && !hasPatient(owner)
        let cameToPatient = isMove && hasPatient(owner) && old.map { !hasPatient($0.owner) } == true
        rows[name] = Row(
            owner: owner, createdAt: wish.createdAt ?? old?.createdAt ?? now, updatedAt: now,
            told: happenings.count + 1, fields: fields, given: given(wish, old),
            isActive: wish.isActive ?? old?.isActive ?? true,
            isConverted: old?.isConverted == true && old?.fields[Row.status] == fields[Row.status] && hasPatient(owner))
        let action: Event.Action = isMove ? .recordMoved : old == nil ? .recordCreated : .recordUpdated
        tell(action, owner, andOf: isMove ? old?.owner : nil, row: name, source: wish.request.source, at: now)
        if isMove {
            forgetInMerges(name)
            quarrelAboutMentions(of: name, wish.request.source, at: now)
        }
        var converted = isFirstPatient ? openLeads(of: owner) : []
        if cameToPatient, name.kind == .lead, rows[name]?.isOpen == true { converted = [name] }
        for lead in converted { convert(lead, at: now) }
        for place in merges.indices where [merges[place].into, people[merges[place].into]?.survivor].contains(owner) {
            merges[place].converted += converted.filter(merges[place].records.contains)
        }
        choosePrimaries(of: owner)
        if isMove, let former = old?.owner {
            choosePrimaries(of: former)
            if name.kind == .patient, !hasPatient(former) { reopenLeads(of: former) { _ in now } }
        }
        answer?.sequence = people[owner]?.lastSequence ?? 0
        return PutAnswer(
            change: isMove ? .moved : old == nil ? .created : .updated, person: owner, answer: answer,
            converted: converted.map(\.id))
    }

    func validate(_ wish: Wish) throws(Refusal) {
        if wish.moves, wish.owner == nil { throw Refusal(.invalidArgument) }
    }

    /// What a record was given and somebody else owns is a conflict of the two, unless it is known.
    mutating func quarrelAboutMentions(of record: RowName, _ source: String?, at now: Timestamp) {
        guard let row = rows[record] else { return }
        for name in row.given {
            guard let entry = index[name], entry.state == .owned, let owner = entry.holder, owner != row.owner else {
                continue
            }
            let quarrel = Quarrel(pair: [row.owner, owner], name: name)
            quarrels[quarrel] =
                quarrels[quarrel] ?? QuarrelState(source: source, firstSeen: now, lastSeen: now, count: 1)
        }
    }

    /// An external id that nobody owns, or somebody else by whom the pair is not known.
    private func isNews(_ name: Name, to person: Person) -> Bool {
        guard let entry = index[name] else { return true }
        guard entry.state == .owned, let owner = entry.holder, owner != person else { return false }
        return quarrels[Quarrel(pair: [person, owner], name: name)] == nil
    }

    func wholeName(_ fields: [String?]) -> String {
        fields[0...1].compactMap(\.self).joined(separator: " ").split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    /// An empty field is no field; where others are kept, one that is not given is as it was.
    private func fields(_ wish: Wish, _ old: Row?) -> [String?] {
        wish.fields.indices.map { place in
            let field = wish.fields[place] ?? (wish.keeps ? old?.fields[place] : nil)
            return field == "" ? nil : field
        }
    }

    private func given(_ wish: Wish, _ old: Row?) -> [Name] {
        let kept = wish.keeps ? old?.given ?? [] : []
        let email = wish.fields[2] == nil ? kept.first { $0.kind == .email } : wish.email
        let phone = wish.fields[3] == nil ? kept.first { $0.kind == .phone } : wish.phone
        return [email, phone].compactMap(\.self)
    }

    mutating func delete(
        _ name: RowName, _ deletion: Deletion, at now: Timestamp
    ) throws(Refusal) -> DeleteAnswer.Change {
        guard let row = rows[name] else { throw Refusal(.notFound) }
        if deletion == .hard, name.kind == .patient { throw Refusal(.refused) }
        if deletion == .hard || deletion == .byKind && name.kind != .patient {
            rows[name] = nil
            forgetInMerges(name)
            tell(.recordDeleted, row.owner, row: name, at: now)
            return .deleted
        }
        guard row.isActive else { return .unchanged }
        rows[name]?.isActive = false
        rows[name]?.updatedAt = now
        tell(.recordDeactivated, row.owner, row: name, at: now)
        return .deactivated
    }

    /// A record that left its person does not go back with a merge that is undone.
    private mutating func forgetInMerges(_ record: RowName) {
        for place in merges.indices { merges[place].records.removeAll { $0 == record } }
    }

    // MARK: Conversion

    func hasPatient(_ person: Person) -> Bool {
        rows.contains { $0.key.kind == .patient && $0.value.owner == person }
    }

    func openLeads(of person: Person) -> [RowName] {
        timeline(of: person).filter { $0.kind == .lead && rows[$0]?.isOpen == true }
    }

    mutating func convert(_ lead: RowName, at now: Timestamp) {
        rows[lead]?.isConverted = true
        rows[lead]?.updatedAt = now
        tell(.leadConverted, rows[lead]?.owner, row: lead, at: now)
    }

    /// Converted leads are open again where their person has no patient any more.
    mutating func reopenLeads(of person: Person, at time: (RowName) -> Timestamp) {
        for lead in timeline(of: person) where rows[lead]?.isConverted == true {
            let updatedAt = time(lead)
            rows[lead]?.isConverted = false
            rows[lead]?.updatedAt = updatedAt
        }
    }

    // MARK: The contact view

    /// In order of time, then of kind and id.
    func timeline(of person: Person) -> [RowName] {
        rows.filter { $0.value.owner == person }.sorted { one, other in
            (one.value.createdAt, one.key) < (other.value.createdAt, other.key)
        }.map(\.key)
    }

    struct View: Equatable {
        var timeline: [RowName]
        var counts: [RecordKind: Int]
        var total: Int
        var first: Timestamp
        var last: Timestamp
    }

    func contact(_ id: Person) throws(Refusal) -> View {
        let person = try living(id)
        let timeline = timeline(of: person)
        let times = timeline.compactMap { rows[$0]?.createdAt }
        let human = people[person] ?? Human(createdAt: .max, updatedAt: .max)
        return View(
            timeline: timeline, counts: timeline.reduce(into: [:]) { $0[$1.kind, default: 0] += 1 },
            total: timeline.count, first: times.first ?? human.createdAt, last: times.last ?? human.updatedAt)
    }
}
