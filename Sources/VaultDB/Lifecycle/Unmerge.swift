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
        let redirect = try redirect(of: journal, in: scope.organization)
        guard redirect.mergedWith == into.id else { throw .corrupted("a merged identity redirects elsewhere") }
        let joined = into
        try finishTrail()
        let given = try recordsPut(
            for: into.id, after: redirect.lastSequence, upTo: into.lastSequence, in: scope.organization)
        var from = journal.from
        from.lastSequence = redirect.lastSequence
        from.updatedAt = redirect.updatedAt

        try giveBack(journal, &from, &into, &scope)
        try note(.identityUnmerged, merge: id, on: &from, andOf: &into, &scope)
        let moved = try moveBack(journal, &scope)
        let namesGiven = try names(of: into.id, in: given, scope)
        journal.takeNames(from: &into, butFor: namesGiven)
        scope.names.note(from: joined, to: into)
        scope.names.note(from: redirect, to: from)
        try refreshClinical(&from, scope.reading, preferring: journal.from.primaries, in: scope.organization)
        try refreshClinical(&into, scope.reading, preferring: journal.primaries, in: scope.organization)
        let converted = Dictionary(journal.converted.map { ($0.record, $0.updatedAt) }) { first, _ in first }
        for identity in [from, into] where !identity.isPatient {
            try reopenLeads(of: identity.id, &scope) { lead in
                // One that the merge converted, and nothing has changed since, is as it was.
                guard lead.updatedAt == journal.time else { return lead.updatedAt }
                return converted[RecordKey(lead)] ?? lead.updatedAt
            }
        }
        try moveBackGains(of: from, journal, &scope)
        for conflict in journal.conflicts {
            try moveBack(conflict, isReturned: from.holds(conflict.identifier), journal, &scope)
        }
        try enqueueMentions(by: [from, into], in: given, &scope)
        try giveBackAnswers(from, into, moved, journal, since: redirect.lastSequence, scope)
        for earlier in journal.redirects { try redirectAgain(earlier, to: from.id, &scope) }

        into.lastMerge = journal.previousMerge
        try put(from, in: scope.organization)
        try put(into, in: scope.organization)
        try remove(Key.merge(id, in: scope.organization), from: Tables.merges)
        scope.ledger.identities += 1
        return MergeAnswer(merge: id, identity: from.id, records: moved.count)
    }

    /// The survivor, unless a later merge has to be undone first.
    private borrowing func undoable(
        _ journal: MergeJournal, in organization: OrganizationNumber
    ) throws(VaultError) -> Identity {
        let survivor = try living(journal.into, in: organization).identity
        guard survivor.id == journal.into, survivor.lastMerge == journal.id else {
            throw try builtOn(by: survivor)
        }
        // A conflict about what goes back that a later merge of its other side took over comes back with that first.
        let returning =
            journal.conflicts.map(\.identifier) + journal.from.identifiers.map(\.identifier).filter(survivor.holds)
        for conflict in try conflicts(of: survivor.id, in: organization) where returning.contains(conflict.identifier) {
            guard let other = try identity(conflict.other(than: survivor.id), in: organization) else { continue }
            for merge in try merges(into: other, in: organization) {
                let isAbout = merge.conflicts.contains {
                    $0.other == survivor.id && $0.identifier == conflict.identifier
                }
                guard isAbout, try isLater(merge, than: journal, in: organization) else { continue }
                throw try builtOn(by: other)
            }
        }
        return survivor
    }

    /// By the order of their events, which no clock changes.
    private borrowing func isLater(
        _ one: MergeJournal, than other: MergeJournal, in organization: OrganizationNumber
    ) throws(VaultError) -> Bool {
        try redirect(of: one, in: organization).lastSequence > redirect(of: other, in: organization).lastSequence
    }

    /// Who was merged, as a redirect. The merge is its last event.
    private borrowing func redirect(
        of journal: MergeJournal, in organization: OrganizationNumber
    ) throws(VaultError) -> Identity {
        guard let redirect = try identity(journal.from.id, in: organization), redirect.isMerged else {
            throw .corrupted("a merged identity is not there")
        }
        return redirect
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

    /// - Returns: the records that went back.
    private mutating func moveBack(
        _ journal: MergeJournal, _ scope: inout WriteScope
    ) throws(VaultError) -> Set<RecordKey> {
        var moved: Set<RecordKey> = []
        for name in journal.records {
            guard let place = try place(name, in: scope.organization), place.identity == journal.into else { continue }
            try move(
                TimelineKey(identity: place.identity, time: place.time, record: name), to: journal.from.id, &scope)
            moved.insert(name)
        }
        return moved
    }

    /// First answers that were given meanwhile name the survivor. Those of records that went back, or of a match by what
    /// goes back, are of whom that is now; each tells only what its own identity holds, so that an erasure finds it.
    /// Those from before name who held it then.
    /// - Parameter merged: the event of the merge.
    private mutating func giveBackAnswers(
        _ from: Identity, _ into: Identity, _ moved: Set<RecordKey>, _ journal: MergeJournal, since merged: UInt64,
        _ scope: WriteScope
    ) throws(VaultError) {
        let holders = Set([from.id] + journal.redirects)
        try changeAnswers(naming: into.id, scope) { answer, sequence in
            guard holders.isDisjoint(with: answer.identities) else { return }
            let goesBack = answer.put.map { moved.contains($0.record) } ?? answer.resolution?.matched.map(from.holds)
            if sequence >= merged, answer.identity == into.id, goesBack == true {
                answer.give(to: from.id)
                answer.withhold(into.holds)
            } else {
                answer.withhold(from.holds)
            }
        }
    }

    /// The records that were put for an identity after an event and up to another, as its story tells. While it was
    /// merged into somebody, that one's story tells of them.
    private borrowing func recordsPut(
        for identity: UUID, after first: UInt64, upTo last: UInt64, in organization: OrganizationNumber
    ) throws(VaultError) -> [RecordKey] {
        var keys: [RecordKey] = []
        for event in try history(of: identity, after: first, upTo: last, in: organization) {
            switch (event.action, event.record, event.other) {
            case (.recordCreated, let record?, _), (.recordUpdated, let record?, _), (.recordMoved, let record?, _):
                guard let kind = RecordKind(record.kind) else { throw .corrupted("an event is about an unknown kind") }
                keys.append(RecordKey(kind: kind, id: record.id))
            case (.identityUnmerged, _, let survivor?) where event.identity == identity:
                keys += try recordsPut(
                    for: survivor, after: event.previousOfIdentity, upTo: event.previousOfOther, in: organization)
            default: break
            }
        }
        return keys
    }

    /// The names that an identity was given by some records, as far as they are its own.
    private borrowing func names(
        of identity: UUID, in records: [RecordKey], _ scope: WriteScope
    ) throws(VaultError) -> Set<String> {
        var names: Set<String> = []
        for key in Set(records) {
            guard let record = try record(key.kind, key.id, in: scope.organization), record.identity == identity,
                let name = record.name
            else { continue }
            names.insert(name.onOneLine())
        }
        return names
    }

    /// What a record was given while the two were one, and somebody else owns now, is a conflict.
    private mutating func enqueueMentions(
        by identities: [Identity], in records: [RecordKey], _ scope: inout WriteScope
    ) throws(VaultError) {
        for key in Set(records) {
            guard let record = try record(key.kind, key.id, in: scope.organization),
                identities.contains(where: { $0.id == record.identity })
            else { continue }
            let contacts = scope.reading.contacts(of: record)
            try enqueueMentions(of: contacts, by: record.identity, source: nil, &scope)
        }
    }

    /// Conflicts that came up while the two were one go with the identifier that they are about. A conflict is about
    /// what one of its two holds, so all of the survivor's did but for those that moved to it.
    private mutating func moveBackGains(
        of from: Identity, _ journal: MergeJournal, _ scope: inout WriteScope
    ) throws(VaultError) {
        for conflict in try conflicts(of: journal.into, in: scope.organization)
        where from.holds(conflict.identifier) {
            let other = conflict.other(than: journal.into)
            let isMoved = journal.conflicts.contains { $0.other == other && $0.identifier == conflict.identifier }
            guard other != from.id, !isMoved else { continue }
            let theirs = ConflictKey(one: journal.into, other: other, identifier: conflict.identifier)
            try removeConflict(at: theirs, &scope)
            let mine = ConflictKey(one: from.id, other: other, identifier: conflict.identifier)
            try put(conflict.entry, at: mine, &scope)
        }
    }

    /// A conflict is as it was before. What was seen since goes with its identifier, what was decided since holds for
    /// both.
    private mutating func moveBack(
        _ conflict: MergeJournal.MovedConflict, isReturned: Bool, _ journal: MergeJournal, _ scope: inout WriteScope
    ) throws(VaultError) {
        let mine = ConflictKey(one: journal.from.id, other: conflict.other, identifier: conflict.identifier)
        guard conflict.other != journal.into else { return try put(conflict.mine, at: mine, &scope) }
        let theirs = ConflictKey(one: journal.into, other: conflict.other, identifier: conflict.identifier)
        // Gone where the third identity was erased.
        guard let now = try self.conflict(theirs, in: scope.organization)?.entry else { return }
        let parts = conflict.parts(of: now, isReturned: isReturned)
        if let part = parts.theirs {
            try put(part, at: theirs, &scope)
        } else {
            try removeConflict(at: theirs, &scope)
        }
        try put(parts.mine, at: mine, &scope)
    }
}

extension MergeJournal {
    /// Names that the survivor learnt by the merge go, but for those that it was given since. One that came since fills
    /// a display name that is empty again.
    fileprivate func takeNames(from identity: inout Identity, butFor given: Set<String>) {
        let taken = namesAdded.filter { !given.contains($0) }
        identity.aliases.removeAll { taken.contains($0) }
        guard gaveDisplayName, let name = identity.displayName, taken.contains(name) else { return }
        identity.displayName = identity.aliases.isEmpty ? nil : identity.aliases.removeFirst()
    }
}

extension MergeJournal.MovedConflict {
    /// The joined conflict, as it is now, taken apart again.
    /// - Parameter isReturned: whether its identifier goes back, and with it what was seen since.
    fileprivate func parts(
        of now: ConflictEntry, isReturned: Bool
    ) -> (mine: ConflictEntry, theirs: ConflictEntry?) {
        var (mine, theirs) = (mine, theirs)
        if now.count > joined.count {
            let part = isReturned ? mine : theirs
            // What is as the merge left it, nobody has named since.
            let isNamed = part == nil || now.source != joined.source
            let gained = ConflictEntry(
                state: part?.state ?? .open, source: isNamed ? now.source : part?.source,
                firstSeen: part?.firstSeen ?? now.lastSeen, lastSeen: now.lastSeen,
                count: (part?.count ?? 0) + now.count - joined.count)
            if isReturned { mine = gained } else { theirs = gained }
        }
        if now.state != joined.state {
            mine.state = now.state
            theirs?.state = now.state
        }
        return (mine, theirs)
    }
}
