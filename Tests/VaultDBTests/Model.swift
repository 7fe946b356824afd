// Model is a vault written plainly after semantics.md, of dictionaries and lists, to compare the real one with.

import Foundation
import TestSupport

@testable import VaultDB

/// One organization. It is given identifiers that are normalised already and a clock; people are named by numbers.
struct Model {
    typealias Person = Int

    struct Name: Hashable, CustomStringConvertible {
        let kind: IdentifierKind
        let text: String
        var description: String { text }
    }

    struct Held: Equatable {
        let name: Name
        var isPrimary: Bool
        var state: IdentifierState = .owned
        let source: String?
        let firstSeen: Timestamp
        var lastSeen: Timestamp
    }

    struct Human: Equatable {
        let createdAt: Timestamp
        var updatedAt: Timestamp
        var lastSequence: UInt64 = 0
        var held: [Held] = []
        var displayName: String?
        var aliases: [String] = []
    }

    struct Entry: Equatable {
        var state: IdentifierState
        var holder: Person?
    }

    struct Quarrel: Hashable {
        let pair: Set<Person>
        let name: Name
    }

    struct QuarrelState: Equatable {
        var source: String?
        let firstSeen: Timestamp
        var lastSeen: Timestamp
        var count: UInt64
    }

    struct RowName: Hashable {
        let kind: RecordKind
        let id: String
    }

    struct Row: Equatable {
        var owner: Person
        var createdAt: Timestamp
        var updatedAt: Timestamp
        var fields: [String?]
    }

    struct Happening: Equatable {
        let action: Event.Action
        let time: Timestamp
        let person: Person?
        let other: Person?
        let kinds: [IdentifierKind]
        let row: RowName?
        let source: String?
        let previous: UInt64
    }

    struct Answer: Equatable {
        /// Nil where a dry run would create it.
        var person: Person?
        var matched: Name?
        var enriched: [Name] = []
        var conflicts: [Conflict] = []
        var warnings: [String]
        var sequence: UInt64 = 0
        var isNew: Bool { matched == nil }

        struct Conflict: Equatable {
            let name: Name
            let owner: Person
        }
    }

    struct PutAnswer: Equatable {
        let change: VaultDB.PutAnswer.Change
        let person: Person
        let answer: Answer?
    }

    struct Request {
        /// In the order of the waterfall.
        var names: [Name] = []
        var warnings: [String] = []
        var name: String?
        var source: String?
    }

    struct Refusal: Error {}

    var people: [Person: Human] = [:]
    var index: [Name: Entry] = [:]
    var quarrels: [Quarrel: QuarrelState] = [:]
    var rows: [RowName: Row] = [:]
    var happenings: [Happening] = []
    var answers: [String: (answer: Answer, time: Timestamp)] = [:]
    var hits = 0
    /// What the next person is called.
    var nextPerson = 0
}

// Resolve
extension Model {
    /// Steps 2 to 6. A person that is given is the match, whatever the identifiers say.
    mutating func resolve(
        _ request: Request, for given: Person? = nil, row: Bool = false, at now: Timestamp
    ) throws(Refusal) -> Answer {
        var answer = Answer(warnings: request.warnings)
        var unowned: [Name] = []
        var owned: [Answer.Conflict] = []
        for name in request.names {
            switch index[name] {
            case nil: unowned.append(name)
            case let entry? where entry.state == .owned: owned.append(.init(name: name, owner: entry.holder ?? -1))
            case let entry?: answer.warnings.append("\(entry.state)_\(name.kind)")
            }
        }
        if let given {
            answer.person = given
            answer.matched = owned.first { $0.owner == given }?.name ?? request.names[0]
        } else if let first = owned.first {
            answer.person = first.owner
            answer.matched = first.name
        }
        guard let person = answer.person else {
            if unowned.isEmpty { throw Refusal() }
            answer.person = create(unowned, request, at: now)
            answer.sequence = people[nextPerson - 1]?.lastSequence ?? 0
            return answer
        }
        answer.enriched = unowned
        answer.conflicts = owned.filter { $0.owner != person }
        let changed = enrich(person, answer, request, at: now)
        if changed || row { see(request.names, by: person, at: now) }
        if !changed, !row { hits += 1 }
        answer.sequence = people[person]?.lastSequence ?? 0
        return answer
    }

    private mutating func create(_ names: [Name], _ request: Request, at now: Timestamp) -> Person {
        let person = nextPerson
        nextPerson += 1
        people[person] = Human(createdAt: now, updatedAt: now)
        for name in names { add(name, to: person, request.source, at: now) }
        people[person]?.displayName = request.name
        tell(.identityCreated, person, kinds: kinds(names), source: request.source, at: now)
        return person
    }

    /// Answers whether anything changed.
    private mutating func enrich(_ person: Person, _ answer: Answer, _ request: Request, at now: Timestamp) -> Bool {
        let before = happenings.count
        for name in answer.enriched { add(name, to: person, request.source, at: now) }
        if !answer.enriched.isEmpty {
            tell(.identityEnriched, person, kinds: kinds(answer.enriched), source: request.source, at: now)
        }
        for conflict in answer.conflicts {
            let quarrel = Quarrel(pair: [person, conflict.owner], name: conflict.name)
            var state = quarrels[quarrel] ?? QuarrelState(source: nil, firstSeen: now, lastSeen: now, count: 0)
            state.source = request.source ?? state.source
            state.lastSeen = now
            state.count += 1
            quarrels[quarrel] = state
            tell(
                .conflictSeen, person, other: conflict.owner, kinds: [conflict.name.kind], source: request.source,
                at: now)
        }
        if let name = request.name, learns(person, name) {
            tell(.nameAdded, person, source: request.source, at: now)
        }
        return happenings.count > before
    }

    private mutating func learns(_ person: Person, _ name: String) -> Bool {
        guard let human = people[person], human.displayName != name, !human.aliases.contains(name) else { return false }
        if human.displayName == nil {
            people[person]?.displayName = name
        } else if human.aliases.count < 32 {
            people[person]?.aliases.append(name)
        } else {
            return false
        }
        return true
    }

    private mutating func add(_ name: Name, to person: Person, _ source: String?, at now: Timestamp) {
        let isFirst = people[person]?.held.contains { $0.name.kind == name.kind } == false
        people[person]?.held.append(
            Held(name: name, isPrimary: isFirst, source: source, firstSeen: now, lastSeen: now))
        index[name] = Entry(state: .owned, holder: person)
    }

    private mutating func see(_ names: [Name], by person: Person, at now: Timestamp) {
        for place in people[person]?.held.indices ?? 0..<0 {
            if let held = people[person]?.held[place], names.contains(held.name) {
                people[person]?.held[place].lastSeen = now
            }
        }
    }

    /// With an idempotency key: the first answer again. Each new one drops up to four that are older than seven days.
    mutating func resolve(_ request: Request, key: String, at now: Timestamp) throws(Refusal) -> Answer {
        if let known = answers[key] { return known.answer }
        let hitsBefore = hits
        let answer = try resolve(request, at: now)
        hits = hitsBefore
        answers[key] = (answer, now)
        let horizon = now.microseconds - 7 * 86_400 * 1_000_000
        let old = answers.filter { $0.value.time.microseconds < horizon }
        for (key, _) in old.sorted(by: { $0.value.time < $1.value.time }).prefix(4) { answers[key] = nil }
        return answer
    }

    func knows(key: String) -> Bool { answers[key] != nil }

    private func kinds(_ names: [Name]) -> [IdentifierKind] {
        IdentifierKind.allCases.filter { kind in names.contains { $0.kind == kind } }
    }

    private mutating func tell(
        _ action: Event.Action, _ person: Person?, other: Person? = nil, kinds: [IdentifierKind] = [],
        row: RowName? = nil, source: String? = nil, at now: Timestamp
    ) {
        let previous = person.flatMap { people[$0]?.lastSequence } ?? 0
        happenings.append(
            Happening(
                action: action, time: now, person: person, other: other, kinds: kinds, row: row, source: source,
                previous: previous))
        guard let person else { return }
        people[person]?.lastSequence = UInt64(happenings.count)
        people[person]?.updatedAt = now
    }
}

// Records, states and settings
extension Model {
    mutating func put(
        _ rowName: RowName, _ fields: [String?], createdAt: Timestamp?, _ request: Request, at now: Timestamp
    ) throws(Refusal) -> PutAnswer {
        let old = rows[rowName]
        if let old, old.fields == fields, createdAt == nil || createdAt == old.createdAt {
            return PutAnswer(change: .unchanged, person: old.owner, answer: nil)
        }
        var answer: Answer?
        if !request.names.isEmpty { answer = try resolve(request, for: old?.owner, row: true, at: now) }
        guard let owner = answer?.person ?? old?.owner else { throw Refusal() }
        rows[rowName] = Row(
            owner: owner, createdAt: createdAt ?? old?.createdAt ?? now, updatedAt: now, fields: fields)
        tell(
            old == nil ? .recordCreated : .recordUpdated, owner, row: rowName, source: request.source, at: now)
        answer?.sequence = UInt64(happenings.count)
        return PutAnswer(change: old == nil ? .created : .updated, person: owner, answer: answer)
    }

    /// The states before and after, and the holder.
    mutating func mark(_ name: Name, as state: IdentifierState, at now: Timestamp) -> (IdentifierState?, Person?) {
        let before = index[name]
        if before?.state == state { return (state, before?.holder) }
        index[name] = Entry(state: state, holder: before?.holder)
        setState(of: name, to: state, holder: before?.holder)
        tell(state == .shared ? .identifierShared : .identifierBlocked, before?.holder, kinds: [name.kind], at: now)
        return (before?.state, before?.holder)
    }

    mutating func release(
        _ name: Name, at now: Timestamp
    ) throws(Refusal) -> (before: IdentifierState, after: IdentifierState?, Person?) {
        guard let before = index[name] else { throw Refusal() }
        let after: IdentifierState? = before.state != .owned && before.holder != nil ? .owned : nil
        index[name] = after.map { Entry(state: $0, holder: before.holder) }
        if after == nil {
            drop(name, holder: before.holder)
        } else {
            setState(of: name, to: .owned, holder: before.holder)
        }
        tell(.identifierReleased, before.holder, kinds: [name.kind], at: now)
        return (before.state, after, before.holder)
    }

    private mutating func setState(of name: Name, to state: IdentifierState, holder: Person?) {
        guard let holder, let place = people[holder]?.held.firstIndex(where: { $0.name == name }) else { return }
        people[holder]?.held[place].state = state
        choosePrimary(of: name.kind, for: holder)
    }

    private mutating func drop(_ name: Name, holder: Person?) {
        guard let holder, let place = people[holder]?.held.firstIndex(where: { $0.name == name }) else { return }
        if people[holder]?.held.remove(at: place).isPrimary == true { choosePrimary(of: name.kind, for: holder) }
    }

    /// The primary stays while it is owned; else the oldest owned one takes its place, else it stays, else the oldest.
    private mutating func choosePrimary(of kind: IdentifierKind, for person: Person) {
        guard var held = people[person]?.held else { return }
        let places = held.indices.filter { held[$0].name.kind == kind }
        let now = places.first { held[$0].isPrimary }
        if let now, held[now].state == .owned { return }
        let best = places.first { held[$0].state == .owned } ?? now ?? places.first
        for place in places { held[place].isPrimary = place == best }
        people[person]?.held = held
    }

    mutating func changeRegion(at now: Timestamp) { tell(.organizationChanged, nil, at: now) }

    var ledger: [UInt64] {
        let kinds: [IdentifierKind] = [.email, .phone, .external]
        return [UInt64(happenings.count), UInt64(people.count)]
            + kinds.map { kind in UInt64(index.keys.count { $0.kind == kind }) }
            + [UInt64(rows.count), UInt64(quarrels.count)]
    }
}
