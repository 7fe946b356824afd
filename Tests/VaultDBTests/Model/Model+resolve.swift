// The model's resolve: find or create, and the first answers to idempotency keys.

import Foundation

@testable import VaultDB

extension Model {
    struct Answer: Equatable {
        /// Nil where a dry run would create it.
        var person: Person?
        var outcome = "created"
        var matched: Name?
        var enriched: [Name] = []
        var conflicts: [Conflict] = []
        var warnings: [String]
        var sequence: UInt64 = 0

        struct Conflict: Equatable {
            let name: Name
            let owner: Person
        }

        mutating func withhold(_ names: Set<Name>) {
            if let name = matched, names.contains(name) { matched = nil }
            enriched.removeAll(where: names.contains)
            conflicts.removeAll { names.contains($0.name) }
        }
    }

    /// What is kept for an idempotency key: the answer to a resolve or to a put.
    struct FirstAnswer {
        let time: Timestamp
        /// How many events there were then.
        let told: Int
        var resolved: Answer?
        var put: PutAnswer?
        /// What was put.
        var row: RowName?

        /// Everybody it names.
        var people: Set<Person> {
            let answer = resolved ?? put?.answer
            return Set([answer?.person, put?.person].compactMap(\.self) + (answer?.conflicts.map(\.owner) ?? []))
        }

        /// Tells some identifiers no more; all else stays.
        mutating func withhold(_ names: Set<Name>) {
            resolved?.withhold(names)
            put?.answer?.withhold(names)
        }

        mutating func give(to person: Person) {
            resolved?.person = person
            put?.person = person
            put?.answer?.person = person
        }
    }

    struct Request {
        /// In the order of the waterfall.
        var names: [Name] = []
        var warnings: [String] = []
        var name: String?
        var source: String?
    }

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
        answer.person = given ?? owned.first?.owner
        answer.matched = owned.first { $0.owner == answer.person }?.name
        if unowned.contains(where: { erasedNames?.contains($0) == true }) {
            answer.warnings.append("previously_erased")
        }
        guard let person = answer.person else {
            if unowned.isEmpty { throw Refusal(.noUsableIdentifier) }
            answer.person = create(unowned, request, at: now)
            answer.sequence = people[nextPerson - 1]?.lastSequence ?? 0
            return answer
        }
        answer.outcome = answer.matched.map { "matched_\($0.kind)" } ?? "linked"
        answer.enriched = unowned
        answer.conflicts = owned.filter { $0.owner != person }
        let changed = enrich(person, answer, request, at: now)
        if changed || row { see(request.names, by: person, at: now) }
        answer.sequence = people[person]?.lastSequence ?? 0
        return answer
    }

    private mutating func create(_ names: [Name], _ request: Request, at now: Timestamp) -> Person {
        let person = nextPerson
        nextPerson += 1
        people[person] = Human(createdAt: now, updatedAt: now)
        for name in names { claim(name, for: person, request.source, at: now) }
        people[person]?.displayName = request.name
        tell(.identityCreated, person, kinds: kinds(names), source: request.source, at: now)
        return person
    }

    /// Answers whether anything changed.
    private mutating func enrich(_ person: Person, _ answer: Answer, _ request: Request, at now: Timestamp) -> Bool {
        let before = happenings.count
        for name in answer.enriched { claim(name, for: person, request.source, at: now) }
        if !answer.enriched.isEmpty {
            tell(.identityEnriched, person, kinds: kinds(answer.enriched), source: request.source, at: now)
        }
        for conflict in answer.conflicts {
            let quarrel = Quarrel(pair: [person, conflict.owner], name: conflict.name)
            var state = quarrels[quarrel] ?? QuarrelState(firstSeen: now, lastSeen: now, count: 0)
            if state.state == .keptApart { continue }
            state.state = .open
            state.source = request.source ?? state.source
            state.lastSeen = now
            state.count += 1
            quarrels[quarrel] = state
            tell(
                .conflictSeen, person, about: conflict.owner, kinds: [conflict.name.kind], source: request.source,
                at: now)
        }
        if let name = request.name, learn(name, person) { tell(.nameAdded, person, source: request.source, at: now) }
        return happenings.count > before
    }

    mutating func learn(_ name: String, _ person: Person) -> Bool {
        guard let human = people[person], !human.names.contains(name) else { return false }
        if human.displayName == nil {
            people[person]?.displayName = name
        } else if human.aliases.count < 32 {
            people[person]?.aliases.append(name)
        } else {
            return false
        }
        return true
    }

    private mutating func see(_ names: [Name], by person: Person, at now: Timestamp) {
        for place in people[person]?.held.indices ?? 0..<0 {
            if let held = people[person]?.held[place], names.contains(held.name) {
                people[person]?.held[place].lastSeen = now
            }
        }
    }

    private func kinds(_ names: [Name]) -> [IdentifierKind] {
        IdentifierKind.allCases.filter { kind in names.contains { $0.kind == kind } }
    }

    // MARK: Idempotency

    /// With an idempotency key: the first answer again.
    mutating func resolve(_ request: Request, key: String, at now: Timestamp) throws(Refusal) -> Answer {
        if let known = answers[key] {
            guard let answer = known.resolved else { throw Refusal(.refused) }
            return answer
        }
        let answer = try resolve(request, at: now)
        keep(FirstAnswer(time: now, told: happenings.count, resolved: answer), key, at: now)
        return answer
    }

    mutating func put(_ name: RowName, _ wish: Wish, key: String, at now: Timestamp) throws(Refusal) -> PutAnswer {
        try validate(wish)
        if let known = answers[key] {
            guard let answer = known.put else { throw Refusal(.refused) }
            return answer
        }
        let answer = try put(name, wish, at: now)
        keep(FirstAnswer(time: now, told: happenings.count, put: answer, row: name), key, at: now)
        return answer
    }

    /// Each new one drops up to four that are seven days older than one that is older than seven days.
    private mutating func keep(_ answer: FirstAnswer, _ key: String, at now: Timestamp) {
        answers[key] = answer
        let week: Int64 = 7 * 86_400 * 1_000_000
        let times = answers.values.map(\.time.microseconds)
        guard let later = times.filter({ $0 < now.microseconds - week }).max() else { return }
        let old = answers.filter { $0.value.time.microseconds < later - week }
        for (key, _) in old.sorted(by: { $0.value.time < $1.value.time }).prefix(4) { answers[key] = nil }
    }
}
