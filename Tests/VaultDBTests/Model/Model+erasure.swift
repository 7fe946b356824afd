// The model's erasure, the register of erasures, and their replay.

import Foundation

@testable import VaultDB

extension Model {
    struct ErasureReply: Equatable {
        let person: Person
        let absorbed: Set<Person>
        let identifiers: Int
        let unblocked: Int
        let records: Int
        let conflicts: Int
    }

    /// - Parameter others: whom the register names with it, where it is done again.
    mutating func erase(
        _ id: Person, with others: Set<Person>? = nil, at now: Timestamp
    ) throws(Refusal) -> ErasureReply {
        let person = try living(id)
        guard let human = people[person] else { throw Refusal(.notFound) }
        let absorbed = absorbed(by: person)
        let all = absorbed.union([person])

        let conflicts = eraseQuarrels(of: all, holding: human.held.map(\.name), at: now)
        erasures.append(Erased(person: person, absorbed: others ?? absorbed, time: now))
        erasedNames = (erasedNames ?? []).union(human.held.map(\.name))
        for held in human.held {
            index[held.name] = nil
            tenures[held.name] = nil
        }
        for name in tenures.keys { forgetTenures(of: name, by: all) }
        let records = rows.filter { $0.value.owner == person }.map(\.key)
        for record in records { anonymise(record, at: now) }
        merges.removeAll { all.contains($0.from) || all.contains($0.into) }
        answers = answers.filter { $0.value.people.isDisjoint(with: all) }
        people[person] = Human(
            createdAt: human.createdAt, updatedAt: human.updatedAt, lastSequence: human.lastSequence, isErased: true)
        tell(.identityErased, person, at: now)
        return ErasureReply(
            person: person, absorbed: absorbed, identifiers: human.held.count,
            unblocked: human.held.count { $0.state == .blocked }, records: records.count, conflicts: conflicts)
    }

    /// What they held goes, and what others did who had it of them by a merge. The time that is forgotten counts as the
    /// next holder's, where that one had seen the identifier by then.
    private mutating func forgetTenures(of name: Name, by erased: Set<Person>) {
        let left = (tenures[name] ?? []).filter { tenure in
            !erased.contains(tenure.person) && tenure.claimant.map(erased.contains) != true
        }
        tenures[name] = left.isEmpty ? nil : left
        guard let last = left.last, last.until == nil,
            let held = people[last.person]?.held.first(where: { $0.name == name })
        else { return }
        tenures[name]?[left.count - 1].from = max(held.firstSeen, left.dropLast().last?.until ?? held.firstSeen)
    }

    /// Takes their conflicts away, and what records of the other side hold of the erased identifiers: one person after
    /// the other, in the order of their ids.
    private mutating func eraseQuarrels(of people: Set<Person>, holding names: [Name], at now: Timestamp) -> Int {
        let gone = quarrels.keys.filter { !$0.pair.isDisjoint(with: people) }
        for quarrel in gone { quarrels[quarrel] = nil }
        let others = gone.filter { names.contains($0.name) }.compactMap { quarrel in
            quarrel.pair.subtracting(people).first.map { (person: $0, name: quarrel.name) }
        }
        for (person, name) in others.sorted(by: {
            ($0.person, $0.name.kind.rawValue, $0.name.text) < ($1.person, $1.name.kind.rawValue, $1.name.text)
        }) {
            for record in timeline(of: person) where rows[record]?.given.contains(name) == true {
                rows[record]?.fields[name.kind == .email ? 2 : 3] = nil
                rows[record]?.given.removeAll { $0 == name }
                rows[record]?.updatedAt = now
                tell(.recordUpdated, person, row: record, at: now)
                rows[record]?.told = happenings.count
            }
        }
        return gone.count
    }

    private mutating func anonymise(_ record: RowName, at now: Timestamp) {
        for field in [0, 1, 2, 3, 6] { rows[record]?.fields[field] = nil }
        rows[record]?.given = []
        if record.kind == .patient { rows[record]?.isActive = false }
        rows[record]?.updatedAt = now
    }

    /// How many identifiers were remembered.
    mutating func forgetErasures(at now: Timestamp) -> Int {
        guard let names = erasedNames else { return 0 }
        erasedNames = nil
        tell(.erasuresForgotten, nil, at: now)
        return names.count
    }

    mutating func replay(_ ids: [Person], at now: Timestamp) -> Replay {
        var (gone, found): (Set<Person>, [Person]) = ([], [])
        for id in ids {
            guard let person = try? living(id) else {
                gone.insert(id)
                continue
            }
            guard absorbed(by: person).union([person]).isSubset(of: ids) else { continue }
            gone.insert(id)
            if !found.contains(person) { found.append(person) }
        }
        for person in found { _ = try? erase(person, with: gone.subtracting([person]), at: now) }
        if gone.count < Set(ids).count { return .needsReview }
        return found.isEmpty ? .nothingToDo : .erased
    }
}
