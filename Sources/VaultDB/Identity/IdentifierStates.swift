public import Foundation
internal import Storage

/// What setting an identifier's state did.
public struct IdentifierStateChange: Equatable, Sendable {
    public let identifier: Identifier
    /// Nil where the index did not know it before.
    public let before: IdentifierState?
    /// Nil where nobody holds it any more.
    public let after: IdentifierState?
    /// The identity that holds it, or held it until now.
    public let holder: UUID?
}

extension WriteTransaction where Self: ~Copyable {
    /// Marks an identifier, in the spelling that is stored, as shared or blocked, so that it identifies nobody. An
    /// identity that owned it keeps it as a contact detail, no longer as primary where it has another of that kind.
    mutating func mark(
        _ identifier: Identifier, as state: IdentifierState, _ scope: inout WriteScope
    ) throws(VaultError) -> IdentifierStateChange {
        let known = try knownEntry(of: identifier, in: scope.organization)
        let (identifier, entry) = (known?.spelling ?? identifier, known?.entry)
        let holder = entry.flatMap { $0.holder == .nobody ? nil : $0.holder }
        let change = IdentifierStateChange(identifier: identifier, before: entry?.state, after: state, holder: holder)
        if entry?.state == state { return change }
        try put(IndexEntry(state: state, holder: holder ?? .nobody), of: identifier, in: scope.organization)
        if entry == nil { scope.ledger[identifier.kind] += 1 }
        let action: Event.Action = state == .shared ? .identifierShared : .identifierBlocked
        try update(holder, action, identifier, &scope) { $0.setState(of: identifier, to: state) }
        return change
    }

    /// Undoes `mark`: the identity that holds the identifier owns it again, and one that nobody holds is forgotten.
    /// An owned identifier is taken from its owner and free to be claimed anew.
    mutating func release(
        _ identifier: Identifier, _ scope: inout WriteScope
    ) throws(VaultError) -> IdentifierStateChange {
        givesBack = true
        guard let (identifier, entry) = try knownEntry(of: identifier, in: scope.organization) else {
            throw VaultError(
                .notFound, "no identity holds that \(identifier.kind.noun), so nothing is to be released",
                advice: "check how it is written")
        }
        let holder = entry.holder == .nobody ? nil : entry.holder
        let isOwnedAfter = entry.state != .owned && holder != nil
        if isOwnedAfter {
            try put(IndexEntry(state: .owned, holder: entry.holder), of: identifier, in: scope.organization)
        } else {
            try remove(Key.index(identifier, in: scope.organization), from: identifier.kind.table)
            try scope.ledger.take(\.[identifier.kind])
        }
        if let holder, !isOwnedAfter { try forget(identifier, of: holder, &scope) }
        try update(holder, .identifierReleased, identifier, &scope) { identity in
            if isOwnedAfter {
                identity.setState(of: identifier, to: .owned)
            } else {
                identity.remove(identifier)
            }
        }
        return IdentifierStateChange(
            identifier: identifier, before: entry.state, after: isOwnedAfter ? .owned : nil, holder: holder)
    }

    /// Forgets what journals, conflicts and first answers tell of an identifier that is released: an erasure of whoever
    /// claims it next would not find it there. Those from before a merge name who was merged.
    private mutating func forget(
        _ identifier: Identifier, of holder: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        let identity = try self.holder(holder, in: scope.organization)
        let journals = try merges(into: identity, deeply: true, in: scope.organization)
        let ids = [holder] + journals.map(\.from.id)
        try changeJournals(of: holder, &scope) { journal in
            journal.from.identifiers.removeAll { $0.identifier == identifier }
            journal.primaries.removeAll { $0 == identifier }
            journal.conflicts.removeAll { $0.identifier == identifier }
        }
        for id in ids {
            for conflict in try conflicts(of: id, in: scope.organization) where conflict.identifier == identifier {
                let other = conflict.other(than: id)
                try removeConflict(at: ConflictKey(one: id, other: other, identifier: identifier), &scope)
                try changeJournals(of: other, &scope) { journal in
                    journal.conflicts.removeAll { $0.identifier == identifier && ids.contains($0.other) }
                }
            }
            try changeAnswers(naming: id, scope) { answer, _ in answer.withhold { $0 == identifier } }
        }
    }

    /// Changes the holder, where there is one, and tells the trail.
    mutating func update(
        _ holder: UUID?, _ action: Event.Action, _ identifier: Identifier, _ scope: inout WriteScope,
        _ change: (inout Identity) -> Void
    ) throws(VaultError) {
        guard let holder else {
            try append(Event(action, at: scope.now, kinds: [identifier.kind], actor: scope.actor), &scope)
            return
        }
        var identity = try self.holder(holder, in: scope.organization)
        if let held = identity.identifiers.first(where: { $0.identifier == identifier }) {
            try end(held, of: holder, &scope)
        }
        change(&identity)
        try note(action, kinds: [identifier.kind], on: &identity, &scope)
        try put(identity, in: scope.organization)
    }
}

extension Identity {
    /// Sets the state of an identifier it holds. An owned one stands before others as primary.
    fileprivate mutating func setState(of identifier: Identifier, to state: IdentifierState) {
        guard let index = identifiers.firstIndex(where: { $0.identifier == identifier }) else { return }
        identifiers[index].state = state
        choosePrimary(identifier.kind)
    }
}
