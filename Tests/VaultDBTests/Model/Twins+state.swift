// The whole state of the vault, compared with that of the models.

import Foundation
import Storage
import TestSupport

@testable import VaultDB

extension Twins {
    // MARK: From the vault's words to the model's

    func answer(_ real: Resolution) -> Model.Answer {
        Model.Answer(
            person: person(real.identity.id), outcome: real.outcome.name, matched: real.matched.map(name),
            enriched: real.enriched.map(name),
            conflicts: real.conflicts.map { .init(name: name($0.identifier), owner: person($0.owner)) },
            warnings: real.warnings.map(\.name), sequence: real.sequence)
    }

    func name(_ identifier: Identifier) -> Model.Name { .init(kind: identifier.kind, text: identifier.text) }

    private func human(_ identity: Identity) -> Model.Human {
        Model.Human(
            createdAt: identity.createdAt, updatedAt: identity.updatedAt, lastSequence: identity.lastSequence,
            held: identity.identifiers.map { held in
                .init(
                    name: name(held.identifier), isPrimary: held.isPrimary, isClinical: held.isClinical,
                    state: held.state, source: held.source, firstSeen: held.firstSeen, lastSeen: held.lastSeen)
            },
            displayName: identity.displayName, aliases: identity.aliases, survivor: identity.mergedWith.map(person),
            isErased: identity.isErased)
    }

    private func tenure(_ holding: Holding) -> Model.Tenure {
        .init(
            name: name(holding.identifier), person: person(holding.identity), state: holding.state, from: holding.from,
            until: holding.until)
    }

    // MARK: State

    func compareState() throws {
        expect(try vault.check().faults, [], "check")
        let contents = try vault.contents()
        for (organization, model) in models {
            guard let number = try vault.number(of: organization) else { continue }
            let prefix = bytes(Key(number))
            comparePeople(model, organization)
            try compareIndexes(model, prefix, contents)
            try compareQuarrels(model, organization)
            try compareRows(model, organization)
            try compareHoldings(model, organization)
            try compareMergesAndErasures(model, organization)
            let ledger = try vault.ledger(in: organization)
            expect(
                [
                    ledger.sequence, ledger.identities, ledger.emails, ledger.phones, ledger.externals, ledger.records,
                    ledger.openConflicts,
                ], model.ledger, "ledger")
            let answers = contents["idempotency", default: [:]].keys.count { $0.starts(with: prefix) }
            expect(answers, model.answers.values.reduce(0) { $0 + 2 + $1.people.count }, "idempotency")
        }
        expect(contents["identities", default: [:]].count, models.values.reduce(0) { $0 + $1.people.count }, "people")
        expect(contents["timeline", default: [:]].count, models.values.reduce(0) { $0 + $1.rows.count }, "timeline")
    }

    /// Every id ever given out answers: by itself, by its survivor, or as erased.
    private func comparePeople(_ model: Model, _ organization: UUID) {
        for (person, human) in model.people {
            let id = id(person, organization)
            let stored = (try? vault.stored(id, in: organization)) ?? nil
            expect(stored.map(self.human), human, "identity \(person)")
            let found = Result { () throws(VaultError) in try vault.found(id, in: organization) }
            let contact = Result { () throws(VaultError) in try vault.contact(id, in: organization) }
            do throws(Model.Refusal) {
                let living = try model.living(person)
                let answer = found.value ?? nil
                expect(answer.map { self.person($0.identity.id) }, living, "who answers to \(person)")
                expect(answer?.redirectedFrom, living == person ? nil : id, "redirect of \(person)")
                expect(contact.value.map(view), try model.contact(person), "contact \(person)")
                expect(contact.value?.identity, answer?.identity, "identity of the contact \(person)")
            } catch {
                expect(found.refusal, error.code, "id of \(person)")
                expect(contact.refusal, error.code, "contact of \(person)")
            }
        }
    }

    private func view(_ contact: Contact) -> Model.View {
        Model.View(
            timeline: contact.timeline.records.map { .init(kind: $0.kind, id: $0.id) },
            counts: contact.counts.reduce(into: [:]) { $0[$1.kind] = $1.count }, total: contact.totalInteractions,
            first: contact.firstContact, last: contact.lastActivity)
    }

    private func compareIndexes(_ model: Model, _ prefix: [UInt8], _ contents: Dump) throws {
        var index: [Model.Name: Model.Entry] = [:]
        for kind in IdentifierKind.allCases {
            for (key, value) in contents[kind.table.name, default: [:]] where key.starts(with: prefix) {
                let entry = try IndexEntry(value.span.bytes)
                let holder = entry.holder == .nobody ? nil : person(entry.holder)
                let name = Model.Name(kind: kind, text: String(decoding: key.dropFirst(4), as: UTF8.self))
                index[name] = .init(state: entry.state, holder: holder)
            }
        }
        expect(index, model.index, "indexes")
    }

    private func compareQuarrels(_ model: Model, _ organization: UUID) throws {
        var quarrels: [Model.Quarrel: Model.QuarrelState] = [:]
        for state in Conflict.State.allCases {
            for conflict in try vault.conflicts(in: state, after: nil, limit: .max, organization: organization) {
                let pair: Set = [person(conflict.first), person(conflict.second)]
                quarrels[.init(pair: pair, name: name(conflict.identifier))] = .init(
                    state: conflict.state, source: conflict.source, firstSeen: conflict.firstSeen,
                    lastSeen: conflict.lastSeen, count: conflict.count)
            }
        }
        for quarrel in Set(quarrels.keys).union(model.quarrels.keys) {
            expect(quarrels[quarrel], model.quarrels[quarrel], "conflict of \(quarrel.pair) by \(quarrel.name)")
        }
    }

    private func compareRows(_ model: Model, _ organization: UUID) throws {
        for (name, row) in model.rows {
            let record = try vault.record(name.kind, name.id, in: organization)
            let real = record.map { record in
                Model.Row(
                    owner: person(record.identity), createdAt: record.createdAt, updatedAt: record.updatedAt,
                    told: row.told,
                    fields: [
                        record.firstName, record.lastName, record.email, record.phone, record.source,
                        record.givenStatus, record.attributes,
                    ], given: row.given, isActive: record.isActive, isConverted: record.isConverted)
            }
            expect(real, row, "record \(name)")
            expect(record?.status, row.status, "status of \(name)")
        }
    }

    private func compareHoldings(_ model: Model, _ organization: UUID) throws {
        for name in Pool.identifiers {
            let identifier = try Identifier(stored: name.text, kind: name.kind)
            let real = try vault.holdings(of: identifier, in: organization).map(tenure)
            expect(
                real, (model.tenures[name] ?? []).map(\.told), "who held \(name) in \(organization == .clinic ? 0 : 1)")
        }
        for (person, human) in model.people where !human.isErased {
            let id = id(person, organization)
            guard (try? model.living(person)) != nil else { continue }
            let real = try vault.holdings(by: id, in: organization).map(tenure)
            expect(real.inOrder, model.tenures(by: person).inOrder, "what \(person) held")
        }
    }

    private func compareMergesAndErasures(_ model: Model, _ organization: UUID) throws {
        let merges = try vault.merges(in: organization).reversed().map { merge in
            [mergeNumbers[merge.id] ?? -2, person(merge.from), person(merge.into), Int(merge.time.microseconds)]
        }
        let wanted = model.merges.map { [$0.merge, $0.from, $0.into, Int($0.time.microseconds)] }
        expect(merges, wanted, "merges that can be undone")
        let erasures = try vault.erasures(after: nil, limit: .max, in: organization).map { erasure in
            Model.Erased(
                person: person(erasure.identity), absorbed: Set(erasure.absorbed.map(person)), time: erasure.time)
        }
        expect(erasures.sorted { $0.person < $1.person }, model.erasures.sorted { $0.person < $1.person }, "erasures")
    }

    // MARK: Trail

    func compareTrails() throws {
        for (organization, model) in models {
            let events = try vault.events(in: organization)
            expect(events.map(\.sequence), events.indices.map { UInt64($0 + 1) }, "sequences")
            let happenings = try events.map(happening)
            if let place = zip(happenings, model.happenings).enumerated().first(where: { $1.0 != $1.1 })?.offset {
                expect(happenings[place], model.happenings[place], "event \(place + 1)")
            }
            expect(happenings.count, model.happenings.count, "events")
            expect(events.allSatisfy { $0.actor == "tester" }, true, "actor")
            expect(try vault.verifyAudit(in: organization), .init(events: UInt64(events.count), faults: []), "audit")
            for person in model.people.keys {
                let history = try vault.history(of: id(person, organization), in: organization)
                expect(history.map(\.sequence), model.story(of: person), "story of \(person)")
            }
        }
    }

    private func happening(_ event: Event) throws -> Model.Happening {
        let row = try event.record.map { record in
            guard let kind = RecordKind(record.kind) else { throw Missing() }
            return Model.RowName(kind: kind, id: record.id)
        }
        return Model.Happening(
            action: event.action, time: event.time, person: event.identity.map(person), other: event.other.map(person),
            merge: event.merge.map { mergeNumbers[$0] ?? -2 }, kinds: event.kinds, row: row, source: event.source,
            previous: event.previousOfIdentity, previousOfOther: event.previousOfOther)
    }
}

extension [Model.Tenure] {
    fileprivate var inOrder: [Model.Tenure] {
        sorted { ($0.from, $0.until ?? .max, $0.name.text) < ($1.from, $1.until ?? .max, $1.name.text) }
    }
}

extension Result where Failure == VaultError {
    fileprivate var value: Success? { try? get() }
    fileprivate var refusal: VaultError.Code? {
        guard case .failure(let error) = self else { return nil }
        return error.code
    }
}
