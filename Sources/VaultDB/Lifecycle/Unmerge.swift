internal import Foundation
internal import Storage

extension WriteTransaction where Self: ~Copyable {
    /// Undoes a merge: what the merged identity had goes back to it, and what the survivor gained since stays there.
    /// - Throws: `notFound` for an unknown merge, `refused` where a later one builds on it.
    mutating func unmerge(_ id: UUID, _ scope: inout WriteScope) throws(VaultError) -> MergeAnswer {
        guard let journal = try merge(id, in: scope.organization) else {
            throw VaultError(
                .notFound, "no merge has the id \(id.text)", advice: "it may have been undone, or its identity erased")
        }
        var into = try undoable(journal, in: scope.organization)
        guard let redirect = try identity(journal.from.id, in: scope.organization), redirect.mergedWith == into.id
        else {
            throw .corrupted("a merged identity is not there")
        }
        let joined = into
        var from = journal.from
        from.lastSequence = redirect.lastSequence
        from.updatedAt = redirect.updatedAt

        try giveBack(journal, &from, &into, &scope)
        try note(.identityUnmerged, merge: id, on: &from, andOf: &into, &scope)
        journal.takeNames(from: &into)
        scope.names.note(from: joined, to: into)
        scope.names.note(from: redirect, to: from)
        let moved = try moveBack(journal, &scope)
        if joined.isPatient {
            try settleClinical(&from, scope.reading, preferring: journal.from.primaries, in: scope.organization)
            try settleClinical(&into, scope.reading, preferring: journal.primaries, in: scope.organization)
        } else {
            from.choosePrimaries(preferring: journal.from.primaries)
            into.choosePrimaries(preferring: journal.primaries)
        }
        try unconvert(journal, patients: [from, into].filter(\.isPatient).map(\.id), &scope)
        for conflict in journal.conflicts { try moveBack(conflict, journal, &scope) }
        try enqueueMentions(of: from, by: into, since: journal.time, &scope)
        // First answers that were given meanwhile and hold what goes back would escape an erasure, and are not true any more.
        let returned = Set(from.identifiers.map(\.identifier))
        try forgetAnswers(naming: into.id, &scope) { time, answer in
            time > journal.time && !answer.identities.contains(journal.from.id)
                && !returned.isDisjoint(with: answer.identifiers)
        }
        for earlier in journal.redirects { try redirectAgain(earlier, to: from.id, &scope) }

        into.lastMerge = journal.previousMerge
        try put(from, in: scope.organization)
        try put(into, in: scope.organization)
        try remove(Key.merge(id, in: scope.organization), from: Tables.merges)
        scope.ledger.identities += 1
        return MergeAnswer(merge: id, identity: from.id, records: moved)
    }

    /// The survivor, unless a later merge has to be undone first.
    private borrowing func undoable(
        _ journal: MergeJournal, in organization: OrganizationNumber
    ) throws(VaultError) -> Identity {
        let survivor = try living(journal.into, in: organization).identity
        guard survivor.id == journal.into, survivor.lastMerge == journal.id else {
            throw try builtOn(by: survivor)
        }
        // A conflict that moved on with its other side comes back with that side first.
        for conflict in journal.conflicts {
            guard let other = try identity(conflict.other, in: organization), let next = other.mergedWith,
                let living = try identity(next, in: organization), !living.isErased
            else { continue }
            throw try builtOn(by: living)
        }
        return survivor
    }

    private borrowing func builtOn(by survivor: Identity) throws(VaultError) -> VaultError {
        guard let later = survivor.lastMerge else { throw .corrupted("a merge is not listed where it led to") }
        return VaultError(.refused, "the merge \(later.text) builds on this one", advice: "undo that one first")
    }

    /// Identifiers that the survivor still holds go back, in the state they are in now.
    private mutating func giveBack(
        _ journal: MergeJournal, _ from: inout Identity, _ into: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        from.identifiers = []
        for before in journal.from.identifiers {
            guard let held = into.identifiers.first(where: { $0.identifier == before.identifier }) else { continue }
            try end(held, of: into.id, &scope)
            into.remove(held.identifier)
            var back = before
            back.state = held.state
            back.lastSeen = held.lastSeen
            from.identifiers.append(back)
            try put(IndexEntry(state: back.state, holder: from.id), of: back.identifier, in: scope.organization)
        }
    }

    /// - Returns: how many records went back.
    private mutating func moveBack(
        _ journal: MergeJournal, _ scope: inout WriteScope
    ) throws(VaultError) -> Int {
        var count = 0
        for name in journal.records {
            guard let place = try place(name, in: scope.organization), place.identity == journal.into else { continue }
            try move(
                TimelineKey(identity: place.identity, time: place.time, record: name), to: journal.from.id, &scope)
            count += 1
        }
        return count
    }

    /// Leads that the merge converted are open again, unless their identity has a patient of its own by now.
    private mutating func unconvert(
        _ journal: MergeJournal, patients: [UUID], _ scope: inout WriteScope
    ) throws(VaultError) {
        for lead in journal.converted {
            guard let old = try record(lead.record.kind, lead.record.id, in: scope.organization), old.isConverted,
                [journal.from.id, journal.into].contains(old.identity),
                !patients.contains(old.identity)
            else { continue }
            var new = old
            new.isConverted = false
            if old.updatedAt == journal.time { new.updatedAt = lead.updatedAt }
            try store(new, replacing: old, &scope)
        }
    }

    /// A record that the survivor gained while the two were one may be given what goes back: that is a conflict now.
    private mutating func enqueueMentions(
        of from: Identity, by into: Identity, since time: Timestamp, _ scope: inout WriteScope
    ) throws(VaultError) {
        let owned = from.identifiers.filter { $0.state == .owned }.map(\.identifier)
        var mentioned: [Identifier] = []
        try visitTimeline(of: into.id, in: scope.organization) { (key, value) throws(VaultError) in
            let record = try Record(key: key, sealed: value)
            guard record.updatedAt > time else { return .next }
            let contacts = scope.reading.contacts(of: record)
            mentioned += owned.filter { contacts.mentions($0) && !mentioned.contains($0) }
            return .next
        }
        for identifier in mentioned {
            let pair = ConflictKey(one: from.id, other: into.id, identifier: identifier)
            if try conflict(pair, in: scope.organization) == nil { _ = try enqueue(pair, source: nil, &scope) }
        }
    }

    /// A conflict is as it was before. What was seen since stays with the survivor, what was decided since holds for
    /// both.
    private mutating func moveBack(
        _ conflict: MergeJournal.MovedConflict, _ journal: MergeJournal, _ scope: inout WriteScope
    ) throws(VaultError) {
        let mine = ConflictKey(one: journal.from.id, other: conflict.other, identifier: conflict.identifier)
        guard conflict.other != journal.into else { return try put(conflict.mine, at: mine, &scope) }
        let theirs = ConflictKey(one: journal.into, other: conflict.other, identifier: conflict.identifier)
        // Gone where the third identity was erased.
        guard let now = try self.conflict(theirs, in: scope.organization)?.entry else { return }
        let parts = conflict.parts(of: now)
        try put(parts.theirs, at: theirs, &scope)
        try put(parts.mine, at: mine, &scope)
    }
}

extension MergeJournal {
    /// Names that the survivor learnt by the merge go. One that came since fills a display name that is empty again.
    fileprivate func takeNames(from identity: inout Identity) {
        identity.aliases.removeAll { namesAdded.contains($0) }
        guard gaveDisplayName else { return }
        identity.displayName = identity.aliases.isEmpty ? nil : identity.aliases.removeFirst()
    }
}

extension MergeJournal.MovedConflict {
    /// The joined conflict, as it is now, taken apart again.
    fileprivate func parts(of now: ConflictEntry) -> (mine: ConflictEntry, theirs: ConflictEntry?) {
        var (mine, theirs) = (mine, theirs)
        let gained = now.count - joined.count
        if gained > 0 {
            var left = now
            left.state = theirs?.state ?? .open
            left.firstSeen = theirs?.firstSeen ?? now.lastSeen
            left.count = (theirs?.count ?? 0) + gained
            theirs = left
        }
        if now.state != joined.state {
            mine.state = now.state
            theirs?.state = now.state
        }
        return (mine, theirs)
    }
}
