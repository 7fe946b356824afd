// The model's identifiers: who holds them, which are primary, and who held them when.

import Foundation

@testable import VaultDB

extension Model {
    mutating func claim(_ name: Name, for person: Person, _ source: String?, at now: Timestamp) {
        people[person]?.held.append(
            Held(name: name, isPrimary: false, source: source, firstSeen: now, lastSeen: now))
        index[name] = Entry(state: .owned, holder: person)
        begin(name, person, .owned, at: now)
        choosePrimaries(of: person)
    }

    /// Notes what the patients of a person gave, and sees to it that the best of each kind is primary: owned before
    /// marked, then clinical before others. The one that is primary stays while none is better; `preferred` come next,
    /// and else it is the oldest of the best.
    mutating func choosePrimaries(of person: Person, preferring preferred: [Name] = []) {
        guard var held = people[person]?.held else { return }
        let given = rows.filter { $0.key.kind == .patient && $0.value.owner == person }.flatMap(\.value.given)
        for place in held.indices { held[place].isClinical = given.contains(held[place].name) }
        for kind in IdentifierKind.allCases {
            let places = held.indices.filter { held[$0].name.kind == kind }
            let best = places.map { held[$0].rank }.max()
            let candidates = places.filter { held[$0].rank == best }
            let chosen =
                candidates.first { held[$0].isPrimary } ?? candidates.first { preferred.contains(held[$0].name) }
                ?? candidates.first
            for place in places { held[place].isPrimary = place == chosen }
        }
        people[person]?.held = held
    }

    // MARK: States

    /// The states before and after, and the holder.
    mutating func mark(_ name: Name, as state: IdentifierState, at now: Timestamp) -> (IdentifierState?, Person?) {
        let before = index[name]
        if before?.state == state { return (state, before?.holder) }
        index[name] = Entry(state: state, holder: before?.holder)
        setState(of: name, to: state, holder: before?.holder, at: now)
        tell(state == .shared ? .identifierShared : .identifierBlocked, before?.holder, kinds: [name.kind], at: now)
        return (before?.state, before?.holder)
    }

    mutating func release(
        _ name: Name, at now: Timestamp
    ) throws(Refusal) -> (before: IdentifierState, after: IdentifierState?, Person?) {
        guard let before = index[name] else { throw Refusal(.notFound) }
        let after: IdentifierState? = before.state != .owned && before.holder != nil ? .owned : nil
        index[name] = after.map { Entry(state: $0, holder: before.holder) }
        if after == nil {
            drop(name, holder: before.holder, at: now)
        } else {
            setState(of: name, to: .owned, holder: before.holder, at: now)
        }
        tell(.identifierReleased, before.holder, kinds: [name.kind], at: now)
        return (before.state, after, before.holder)
    }

    private mutating func setState(of name: Name, to state: IdentifierState, holder: Person?, at now: Timestamp) {
        guard let holder, let place = people[holder]?.held.firstIndex(where: { $0.name == name }) else { return }
        people[holder]?.held[place].state = state
        end(name, at: now)
        begin(name, holder, state, goesOn: true, at: now)
        choosePrimaries(of: holder)
    }

    private mutating func drop(_ name: Name, holder: Person?, at now: Timestamp) {
        guard let holder else { return }
        people[holder]?.held.removeAll { $0.name == name }
        for place in merges.indices {
            for side in [merges[place].from, merges[place].into] {
                merges[place].people[side]?.held.removeAll { $0.name == name }
            }
        }
        let holders = absorbed(by: holder).union([holder])
        let isAbout = { (quarrel: Quarrel) in quarrel.name == name && !quarrel.pair.isDisjoint(with: holders) }
        quarrels = quarrels.filter { !isAbout($0.key) }
        for place in merges.indices { merges[place].quarrels = merges[place].quarrels.filter { !isAbout($0.key) } }
        for (key, answer) in answers where !answer.people.isDisjoint(with: holders) { answers[key]?.withhold([name]) }
        end(name, at: now)
        choosePrimaries(of: holder)
    }

    // MARK: Who held what when

    /// - Parameter goesOn: whether it was held until now, and nobody has let go of it.
    mutating func begin(
        _ name: Name, _ person: Person, _ state: IdentifierState, goesOn: Bool = false, at now: Timestamp
    ) {
        let claimant = (goesOn ? tenures[name]?.last?.claimant : nil) ?? person
        tenures[name, default: []].append(
            Tenure(name: name, person: person, state: state, from: now, claimant: claimant))
    }

    mutating func end(_ name: Name, at now: Timestamp) {
        guard let last = tenures[name]?.indices.last else { return }
        tenures[name]?[last].until = now
    }

    func tenures(by person: Person) -> [Tenure] { tenures.values.joined().filter { $0.person == person }.map(\.told) }
}

extension Model.Held {
    fileprivate var rank: Int { (state == .owned ? 2 : 0) + (isClinical ? 1 : 0) }
}
