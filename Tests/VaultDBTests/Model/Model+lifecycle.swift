// The model's merges, their undoing, keeping apart and erasure.

import Foundation

@testable import VaultDB

extension Model {
    /// A merge that can be undone. It remembers the whole state before it.
    struct Undo {
        let merge: Int
        let from: Person
        let into: Person
        let time: Timestamp
        /// How many events there were then.
        let told: Int
        var people: [Person: Human]
        let rows: [RowName: Row]
        /// What goes back: what moved and has not left the survivor since.
        var records: [RowName]
        var quarrels: [Quarrel: QuarrelState]
        let namesAdded: [String]
        /// Leads that the merge converted, and those that moved and were converted since.
        var converted: [RowName]
    }

    struct Erased: Equatable {
        let person: Person
        let absorbed: Set<Person>
        let time: Timestamp
    }

    struct MergeReply: Equatable {
        let merge: Int
        let person: Person
        let records: Int
    }

    // MARK: Merge

    mutating func merge(_ a: Person, into b: Person, at now: Timestamp) throws(Refusal) -> MergeReply {
        guard a != b else { throw Refusal(.refused) }
        let (from, into) = (try living(a), try living(b))
        guard from == a, from != into else { throw Refusal(.refused) }
        guard let redirect = people[from], let survivor = people[into] else { throw Refusal(.notFound) }
        let before = (people: people, rows: rows, quarrels: quarrels)
        let records = rows.filter { $0.value.owner == from }.map(\.key)
        let converted =
            switch (hasPatient(from), hasPatient(into)) {
            case (true, false): openLeads(of: into)
            case (false, true): openLeads(of: from)
            default: [RowName]()
            }
        tell(.identityMerged, from, andOf: into, merge: nextMerge, at: now)
        for held in redirect.held { hand(held.name, to: into, held.state, at: now) }
        people[into]?.held += redirect.held.map { held in
            var held = held
            held.isPrimary = held.isPrimary && !survivor.held.contains { $0.name.kind == held.name.kind }
            return held
        }
        for record in records { rows[record]?.owner = into }
        for lead in converted { convert(lead, at: now) }
        joinQuarrels(from, into)
        for person in absorbed(by: from) { people[person]?.survivor = into }
        people[from]?.held = []
        people[from]?.displayName = nil
        people[from]?.aliases = []
        people[from]?.survivor = into
        let namesAdded = redirect.names.filter { learn($0, into) }
        choosePrimaries(of: into, preferring: redirect.held.filter(\.isPrimary).map(\.name))
        merges.append(
            Undo(
                merge: nextMerge, from: from, into: into, time: now, told: happenings.count, people: before.people,
                rows: before.rows, records: records, quarrels: before.quarrels, namesAdded: namesAdded,
                converted: converted))
        nextMerge += 1
        return MergeReply(merge: nextMerge - 1, person: into, records: records.count)
    }

    private mutating func hand(_ name: Name, to person: Person, _ state: IdentifierState, at now: Timestamp) {
        end(name, at: now)
        begin(name, person, state, goesOn: true, at: now)
        index[name] = Entry(state: state, holder: person)
    }

    private mutating func joinQuarrels(_ from: Person, _ into: Person) {
        for (quarrel, mine) in quarrels where mine.state != .merged {
            guard quarrel.pair.contains(from), let other = quarrel.other(than: from) else { continue }
            if other == into {
                quarrels[quarrel]?.state = .merged
                continue
            }
            let joint = Quarrel(pair: [into, other], name: quarrel.name)
            quarrels[quarrel] = nil
            quarrels[joint] = mine.joined(quarrels[joint])
        }
    }

    // MARK: Unmerge

    /// Merges are undone last first: the last one that ended in the same person comes before, and where there is none,
    /// those that took over a conflict of the same person about what goes back.
    private func merges(blocking undo: Undo) -> Set<Int> {
        let last = lastMerge(endingIn: people[undo.into]?.survivor ?? undo.into)
        if let last, last != undo.merge { return [last] }
        let moved = undo.quarrels.filter { $0.key.pair.contains(undo.from) && $0.value.state != .merged }.keys
        let held = undo.people[undo.from]?.held.map(\.name) ?? []
        let returning = moved.map(\.name) + held.filter { index[$0]?.holder == undo.into }
        let others = merges.filter { $0.merge > undo.merge }.compactMap { later -> Person? in
            let other = people[later.into]?.survivor ?? later.into
            let isTakenOver = returning.contains { name in
                let before = later.quarrels[Quarrel(pair: [later.from, undo.into], name: name)]
                return before != nil && before?.state != .merged
                    && quarrels[Quarrel(pair: [other, undo.into], name: name)] != nil
            }
            return isTakenOver ? other : nil
        }
        return Set(others.compactMap(lastMerge))
    }

    private func lastMerge(endingIn person: Person) -> Int? {
        merges.last { $0.into == person || people[$0.into]?.survivor == person }?.merge
    }

    mutating func unmerge(_ merge: Int, at now: Timestamp) throws(Refusal) -> MergeReply {
        guard let undo = merges.first(where: { $0.merge == merge }) else { throw Refusal(.notFound) }
        let (from, into) = (undo.from, undo.into)
        let blocking = merges(blocking: undo)
        if !blocking.isEmpty { throw Refusal(.refused, merges: blocking) }
        guard let before = undo.people[from], let survivorBefore = undo.people[into] else { throw Refusal(.notFound) }

        tell(.identityUnmerged, from, andOf: into, merge: merge, at: now)
        people[from]?.survivor = nil
        people[from]?.displayName = before.displayName
        people[from]?.aliases = before.aliases
        giveBackIdentifiers(before, from, into, at: now)
        let records = undo.records.filter { rows[$0]?.owner == into }
        for record in records { rows[record]?.owner = from }
        let given = rows.values.filter { $0.owner == into && $0.told > undo.told }.map { wholeName($0.fields) }
        takeNames(undo.namesAdded.filter { !given.contains($0) }, from: into)
        reopenLeads(undo)
        let returned = Set((people[from]?.held ?? []).map(\.name))
        giveBackGains(undo, returned)
        for (quarrel, mine) in undo.quarrels where quarrel.pair.contains(from) && mine.state != .merged {
            giveBack(quarrel, mine, undo, isReturned: returned.contains(quarrel.name))
        }
        let redirects = Set(undo.people.filter { $0.value.survivor == from }.keys)
        for person in redirects { people[person]?.survivor = from }
        for (record, row) in rows where [from, into].contains(row.owner) && row.told > undo.told {
            quarrelAboutMentions(of: record, nil, at: now)
        }
        giveBackAnswers(undo, returned, Set(records), redirects.union([from]))
        choosePrimaries(of: from)
        preferPrimaries(of: survivorBefore, for: into)
        merges.removeAll { $0.merge == merge }
        return MergeReply(merge: merge, person: from, records: records.count)
    }

    private mutating func giveBackIdentifiers(_ before: Human, _ from: Person, _ into: Person, at now: Timestamp) {
        for old in before.held {
            guard let held = people[into]?.held.first(where: { $0.name == old.name }) else { continue }
            people[into]?.held.removeAll { $0.name == old.name }
            var back = old
            back.state = held.state
            back.lastSeen = held.lastSeen
            people[from]?.held.append(back)
            hand(old.name, to: from, held.state, at: now)
        }
    }

    /// Names that came by the merge go; one that came since fills a display name that is empty again.
    private mutating func takeNames(_ names: [String], from person: Person) {
        guard let human = people[person] else { return }
        let left = human.names.filter { !names.contains($0) }
        people[person]?.displayName = left.first
        people[person]?.aliases = Array(left.dropFirst())
    }

    /// One that the merge converted and nothing has changed since is as it was.
    private mutating func reopenLeads(_ undo: Undo) {
        let before = rows
        for person in [undo.from, undo.into] where !hasPatient(person) {
            reopenLeads(of: person) { lead in
                let now = before[lead]?.updatedAt ?? undo.time
                guard undo.converted.contains(lead), now == undo.time else { return now }
                return undo.rows[lead]?.updatedAt ?? now
            }
        }
    }

    /// First answers of meanwhile: those of what went back name whom that is now, and each tells what that one has.
    private mutating func giveBackAnswers(
        _ undo: Undo, _ returned: Set<Name>, _ records: Set<RowName>, _ others: Set<Person>
    ) {
        let kept = Set((people[undo.into]?.held ?? []).map(\.name))
        for (key, answer) in answers
        where answer.people.contains(undo.into) && answer.people.isDisjoint(with: others) {
            let found = answer.put?.person ?? answer.resolved?.person
            let goesBack =
                answer.row.map(records.contains) ?? answer.resolved?.matched.map(returned.contains) ?? false
            if answer.told >= undo.told, found == undo.into, goesBack {
                answers[key]?.give(to: undo.from)
                answers[key]?.withhold(kept)
            } else {
                answers[key]?.withhold(returned)
            }
        }
    }

    /// What came up since goes with its name.
    private mutating func giveBackGains(_ undo: Undo, _ returned: Set<Name>) {
        for (quarrel, now) in quarrels where returned.contains(quarrel.name) {
            guard quarrel.pair.contains(undo.into), let other = quarrel.other(than: undo.into), other != undo.from
            else { continue }
            let mine = Quarrel(pair: [undo.from, other], name: quarrel.name)
            if let before = undo.quarrels[mine], before.state != .merged { continue }
            quarrels[mine] = now
            quarrels[quarrel] = nil
        }
    }

    /// What was seen since goes with its name, what was decided since holds for both.
    private mutating func giveBack(
        _ quarrel: Quarrel, _ before: QuarrelState, _ undo: Undo, isReturned: Bool
    ) {
        guard let other = quarrel.other(than: undo.from) else { return }
        if other == undo.into {
            quarrels[quarrel] = before
            return
        }
        let joint = Quarrel(pair: [undo.into, other], name: quarrel.name)
        guard let now = quarrels[joint] else { return }
        var (mine, theirs) = (before, undo.quarrels[joint])
        let joined = mine.joined(theirs)
        if now.count > joined.count {
            let part = isReturned ? mine : theirs
            let isNamed = part == nil || now.source != joined.source
            let gained = QuarrelState(
                state: part?.state ?? .open, source: isNamed ? now.source : part?.source,
                firstSeen: part?.firstSeen ?? now.lastSeen, lastSeen: now.lastSeen,
                count: (part?.count ?? 0) + now.count - joined.count)
            if isReturned { mine = gained } else { theirs = gained }
        }
        if now.state != joined.state {
            mine.state = now.state
            theirs?.state = now.state
        }
        quarrels[quarrel] = mine
        quarrels[joint] = theirs
    }

    /// Its primaries of before are primary again, unless there are better ones.
    private mutating func preferPrimaries(of before: Human, for person: Person) {
        let wanted = before.held.filter(\.isPrimary).map(\.name)
        for place in people[person]?.held.indices ?? 0..<0 {
            guard let held = people[person]?.held[place],
                let name = wanted.first(where: { $0.kind == held.name.kind }),
                people[person]?.held.contains(where: { $0.name == name }) == true
            else { continue }
            people[person]?.held[place].isPrimary = held.name == name
        }
        choosePrimaries(of: person)
    }

    // MARK: Keeping apart

    mutating func keepApart(_ a: Person, _ b: Person, at now: Timestamp) throws(Refusal) -> Set<Name> {
        let (one, other) = (try living(a), try living(b))
        guard one != other else { throw Refusal(.refused) }
        let open = quarrels.filter { $0.key.pair == [one, other] && $0.value.state == .open }.keys
        guard !open.isEmpty else { throw Refusal(.notFound) }
        for quarrel in open { quarrels[quarrel]?.state = .keptApart }
        tell(.conflictKeptApart, one, andOf: other, at: now)
        return Set(open.map(\.name))
    }
}

extension Model.QuarrelState {
    /// Counts add up, and kept apart wins over open.
    fileprivate func joined(_ theirs: Self?) -> Self {
        guard let theirs else { return self }
        let (later, earlier) = lastSeen > theirs.lastSeen ? (self, theirs) : (theirs, self)
        return Self(
            state: [state, theirs.state].contains(.keptApart) ? .keptApart : .open,
            source: later.source ?? earlier.source, firstSeen: min(firstSeen, theirs.firstSeen),
            lastSeen: max(lastSeen, theirs.lastSeen), count: count + theirs.count)
    }
}
