// What the twins are asked at random, in the vault's words and in the model's.

import Foundation

@testable import VaultDB

extension Twins {
    /// - Parameter isRow: for a record, whose phone means the same in every region.
    func randomRequest(_ organization: UUID, isRow: Bool = false) -> (ResolveRequest, Model.Request) {
        var (request, wanted) = (ResolveRequest(), Model.Request())
        let externals = chance(25) ? [pick(Pool.externals)] + (chance(20) ? [pick(Pool.externals)] : []) : []
        request.externals = externals.map { pick($0.1) }
        for (text, _) in externals where !wanted.names.contains(where: { $0.text == text }) {
            wanted.names.append(.init(kind: .external, text: text))
        }
        if chance(3) {
            request.externals.append("bad")
            wanted.warnings.append("invalid_external")
        }
        addEmail(&request, &wanted)
        addPhone(&request, &wanted, organization, isRow)
        if chance(30) {
            wanted.name = pick(Pool.names)
            request.name = chance(50) ? wanted.name : wanted.name.map { " \($0)\n" }
        }
        if chance(60) { request.source = pick(Pool.sources) }
        wanted.source = request.source
        return (request, wanted)
    }

    private func addEmail(_ request: inout ResolveRequest, _ wanted: inout Model.Request) {
        if chance(5) {
            let bad = pick(Pool.badEmails)
            request.email = bad
            if !bad.isEmpty { wanted.warnings.append("invalid_email") }
        } else if chance(65) {
            let email = pick(Pool.emails)
            request.email = chance(40) ? email.text : pick(email.spellings)
            wanted.names.append(.init(kind: .email, text: email.text))
        }
    }

    private func addPhone(
        _ request: inout ResolveRequest, _ wanted: inout Model.Request, _ organization: UUID, _ isRow: Bool
    ) {
        if chance(5) {
            let bad = pick(Pool.badPhones)
            request.phone = bad
            if bad != " " { wanted.warnings.append("invalid_phone") }
        } else if chance(60) {
            let phone = pick(Pool.phones)
            let spelling = chance(40) ? phone.text : pick(isRow ? phone.internationalSpellings : phone.spellings)
            if !isRow, chance(10) { request.region = chance(50) ? Pool.france : .spain }
            let region = request.region ?? regions[organization]
            request.phone = spelling
            let text = region == Pool.france ? phone.textInFrance(spelling) : phone.text
            wanted.names.append(.init(kind: .phone, text: text))
        }
    }

    func randomIdentifier(_ organization: UUID) throws -> (Identifier, Model.Name) {
        let name = pick(Pool.identifiers)
        return (try vault.identifier(name.text, name.kind, in: organization), name)
    }

    func randomKey() -> String? { chance(15) ? "key \(number(below: 60))" : nil }

    // MARK: Records

    func randomRowName() -> Model.RowName {
        .init(
            kind: pick([.lead, .lead, .lead, .patient, .patient, .follower]), id: "row/\(number(below: 40))")
    }

    func randomPut(_ organization: UUID) -> (RecordDraft, Model.RowName, Model.Wish) {
        let name = randomRowName()
        var (request, wanted) = randomRequest(organization, isRow: true)
        let lastName = chance(10) ? "Last" : nil
        if lastName != nil {
            request.name = wanted.name
            wanted.name = wanted.name.map { "\($0) Last" } ?? "Last"
        }
        var draft = RecordDraft(
            kind: name.kind, id: name.id, firstName: request.name, lastName: lastName, email: request.email,
            phone: request.phone, externals: request.externals, source: request.source, status: pick(Pool.statuses),
            attributes: chance(30) ? "{\"n\":\(number(below: 3))}" : nil)
        if chance(30) { draft.createdAt = Timestamp(microseconds: Int64(number(below: 1 << 40))) }
        if chance(12) { draft.isActive = chance(60) }
        draft.keepsOthers = chance(25)
        draft.moves = chance(1)
        var owner: Model.Person?
        if chance(25) {
            owner = anybody(organization)
            draft.moves = chance(60)
        }
        draft.identity = owner.map { id($0, organization) }
        let wish = Model.Wish(
            request: wanted,
            fields: [
                draft.firstName, draft.lastName, draft.email, draft.phone, draft.source, draft.status, draft.attributes,
            ], email: wanted.names.first { $0.kind == .email }, phone: wanted.names.first { $0.kind == .phone },
            createdAt: draft.createdAt, isActive: draft.isActive, owner: owner, moves: draft.moves,
            keeps: draft.keepsOthers)
        return (draft, name, wish)
    }

    // MARK: People

    /// Mostly somebody who lives; now and then a redirect, somebody erased, or nobody.
    func anybody(_ organization: UUID) -> Model.Person {
        guard let model = models[organization], model.nextPerson > 0, !chance(3) else { return Self.unknownPerson }
        guard chance(85) else { return number(below: model.nextPerson) }
        let living = model.people.filter(\.value.isLiving).keys.sorted()
        return living.isEmpty ? Self.unknownPerson : pick(living)
    }

    /// Two people; often such as are in conflict.
    func anyPair(_ organization: UUID, inConflict percent: Int) -> (Model.Person, Model.Person) {
        let open = (models[organization]?.quarrels ?? [:]).filter { $0.value.state == .open }.keys
            .map { $0.pair.sorted() }.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
        if !open.isEmpty, chance(percent) {
            let pair = pick(open)
            return chance(50) ? (pair[0], pair[1]) : (pair[1], pair[0])
        }
        let one = anybody(organization)
        return (one, chance(4) ? one : anybody(organization))
    }
}
