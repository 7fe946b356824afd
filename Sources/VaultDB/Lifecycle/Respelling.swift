internal import Foundation
internal import Storage

/// Identifiers that are spelled otherwise from now on. Their new spellings are carried into what tells of them, so that
/// an undoing, a release and an erasure find there what the indexes have.
struct Respelling {
    fileprivate private(set) var spellings: [Identifier: Identifier] = [:]
    /// Those that become one with another of their identity.
    private var joined: Set<Identifier> = []

    init(_ changes: [RekeyReport.Change]) {
        for change in changes {
            guard let new = change.replacement, change.kind == .changed || change.kind == .joined else { continue }
            spellings[change.identifier] = new
            if change.kind == .joined { joined.insert(change.identifier) }
        }
    }

    var isEmpty: Bool { spellings.isEmpty }

    func changes(_ identifier: Identifier) -> Bool { spellings[identifier] != nil }

    func spelled(_ identifier: Identifier) -> Identifier { spellings[identifier] ?? identifier }

    fileprivate func respelled(_ journal: MergeJournal) -> MergeJournal {
        var journal = journal
        for old in journal.from.identifiers.map(\.identifier) where changes(old) {
            // One that is joined is, after an undoing, with whoever had the other.
            if joined.contains(old) {
                journal.from.remove(old)
            } else {
                journal.from.replace(old, with: spelled(old))
            }
        }
        journal.primaries = journal.primaries.map(spelled).distinct()
        var conflicts: [MergeJournal.MovedConflict] = []
        for conflict in journal.conflicts {
            let new = MergeJournal.MovedConflict(
                identifier: spelled(conflict.identifier), other: conflict.other, mine: conflict.mine,
                theirs: conflict.theirs)
            if let index = conflicts.firstIndex(where: { $0.identifier == new.identifier && $0.other == new.other }) {
                conflicts[index] = conflicts[index].united(with: new)
            } else {
                conflicts.append(new)
            }
        }
        journal.conflicts = conflicts
        return journal
    }

    fileprivate func respelled(_ answer: StoredAnswer) -> StoredAnswer {
        var answer = answer
        guard var resolution = answer.resolution else { return answer }
        resolution.matched = resolution.matched.map(spelled)
        resolution.enriched = resolution.enriched.map(spelled)
        resolution.conflicts = resolution.conflicts.map { .init(identifier: spelled($0.identifier), owner: $0.owner) }
        answer.resolution = resolution
        return answer
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Carries new spellings into conflicts, journals of merges, first answers and who held what before. The indexes and
    /// identities are the caller's.
    mutating func carry(_ respelling: Respelling, _ scope: inout WriteScope) throws(VaultError) {
        if respelling.isEmpty { return }
        try carryIntoConflicts(respelling, &scope)
        try carryIntoJournals(respelling, scope)
        try carryIntoAnswers(respelling, scope)
        try respellFormerHolders(respelling.spellings, scope)
    }

    private mutating func carryIntoConflicts(
        _ respelling: Respelling, _ scope: inout WriteScope
    ) throws(VaultError) {
        var found: [Conflict] = []
        try visit(Tables.conflicts, prefix: Key(scope.organization)) { (key, value) throws(VaultError) in
            if value.byteCount == 0 { return .next }
            let conflict = try Conflict(key: key, sealed: value)
            if respelling.changes(conflict.identifier) { found.append(conflict) }
            return .next
        }
        for conflict in found {
            let old = ConflictKey(one: conflict.first, other: conflict.second, identifier: conflict.identifier)
            let new = ConflictKey(one: old.one, other: old.other, identifier: respelling.spelled(old.identifier))
            let known = try self.conflict(new, in: scope.organization)
            try removeConflict(at: old, &scope)
            try put(conflict.entry.joined(with: known?.entry), at: new, &scope)
        }
    }

    private mutating func carryIntoJournals(_ respelling: Respelling, _ scope: WriteScope) throws(VaultError) {
        var changed: [MergeJournal] = []
        try visit(Tables.merges, prefix: Key(scope.organization)) { (key, value) throws(VaultError) in
            let old = try MergeJournal(key: key, sealed: value)
            let new = respelling.respelled(old)
            if new != old { changed.append(new) }
            return .next
        }
        for journal in changed {
            let key = Key.merge(journal.id, in: scope.organization)
            try put(key, journal.encoded(under: key), in: Tables.merges)
        }
    }

    private mutating func carryIntoAnswers(_ respelling: Respelling, _ scope: WriteScope) throws(VaultError) {
        var changed: [(name: IdempotencyKey, time: Timestamp, answer: StoredAnswer)] = []
        try visit(Tables.idempotency, prefix: IdempotencyKey.answers(in: scope.organization)) {
            (key, value) throws(VaultError) in
            guard case .answer(let name) = try IdempotencyKey.entry(key) else { return .next }
            let (time, old) = try StoredAnswer.decoded(value, under: key)
            let new = respelling.respelled(old)
            if new != old { changed.append((name, time, new)) }
            return .next
        }
        for (name, time, answer) in changed {
            let key = name.answerKey(in: scope.organization)
            try put(key, answer.encoded(at: time, under: key), in: Tables.idempotency)
        }
    }
}

extension MergeJournal.MovedConflict {
    /// This and another one with the same identity by the same identifier.
    fileprivate func united(with other: Self) -> Self {
        Self(
            identifier: identifier, other: self.other, mine: mine.joined(with: other.mine),
            theirs: theirs?.joined(with: other.theirs) ?? other.theirs)
    }
}
