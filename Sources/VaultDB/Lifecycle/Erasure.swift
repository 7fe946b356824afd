public import Foundation
internal import Storage

/// What an erasure did.
public struct ErasureAnswer: Equatable, Sendable {
    /// The identity that was erased: the survivor, where the id that was given had been merged.
    public let identity: UUID
    /// Ids that redirect to it and are erased with it.
    public let absorbed: [UUID]
    /// Identifiers that are free to be claimed anew.
    public let identifiers: Int
    /// How many of them had been blocked, and are no longer.
    public let unblocked: Int
    /// Records that were made anonymous.
    public let records: Int
    /// Conflicts that were cleared.
    public let conflicts: Int
}

extension WriteTransaction where Self: ~Copyable {
    /// Erases a person: identifiers leave the indexes, records are made anonymous, and whatever else names them goes.
    /// The id stays, as erased.
    /// - Parameter replayed: the erasure that is done again, for the register.
    mutating func erase(
        _ id: UUID, as replayed: Erasure? = nil, _ scope: inout WriteScope
    ) throws(VaultError) -> ErasureAnswer {
        givesBack = true
        let identity = try living(id, in: scope.organization).identity
        let journals = try merges(into: identity, deeply: true, in: scope.organization)
        let absorbed = journals.map(\.from.id)
        let all = [identity.id] + absorbed

        let conflicts = try eraseConflicts(of: all, identity, &scope)
        let erasure = replayed ?? Erasure(identity: identity.id, absorbed: absorbed, time: scope.now)
        try remember(erasure, of: identity, scope)
        try eraseIdentifiers(of: identity, all, &scope)
        let records = try anonymise(identity.id, &scope)
        for journal in journals { try remove(Key.merge(journal.id, in: scope.organization), from: Tables.merges) }
        for id in all { try forgetAnswers(naming: id, scope) }

        var tombstone = Identity(id: identity.id, createdAt: identity.createdAt)
        tombstone.lastSequence = identity.lastSequence
        tombstone.isErased = true
        scope.names.note(from: identity, to: tombstone)
        try note(.identityErased, on: &tombstone, &scope)
        try putErased(tombstone, in: scope.organization)
        try scope.ledger.take(\.identities)
        return ErasureAnswer(
            identity: identity.id, absorbed: absorbed, identifiers: identity.identifiers.count,
            unblocked: identity.identifiers.count { $0.state == .blocked }, records: records, conflicts: conflicts)
    }

    /// Takes the conflicts of these ids away, and what records of the other side hold of the erased identifiers.
    /// - Returns: how many.
    private mutating func eraseConflicts(
        of ids: [UUID], _ identity: Identity, _ scope: inout WriteScope
    ) throws(VaultError) -> Int {
        var count = 0
        for id in ids {
            for conflict in try conflicts(of: id, in: scope.organization) {
                let other = conflict.other(than: id)
                if !ids.contains(other) {
                    if identity.holds(conflict.identifier) {
                        try clear(conflict.identifier, fromRecordsOf: other, &scope)
                    }
                    try changeJournals(of: other, &scope) { journal in
                        journal.conflicts.removeAll { ids.contains($0.other) }
                    }
                }
                try removeConflict(
                    at: ConflictKey(one: id, other: other, identifier: conflict.identifier), &scope)
                count += 1
            }
        }
        return count
    }

    /// Takes an identifier out of the records of somebody who brought it though it was another's, and tells that one.
    private mutating func clear(
        _ identifier: Identifier, fromRecordsOf id: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        guard var identity = try identity(id, in: scope.organization) else { return }
        for place in try timelineKeys(of: id, in: scope.organization) {
            guard let old = try record(place.kind, place.id, in: scope.organization),
                scope.reading.contacts(of: old).mayName(identifier)
            else { continue }
            var new = old
            if identifier.kind == .email { new.email = nil } else { new.removePhone() }
            new.updatedAt = scope.now
            try store(new, replacing: old, &scope)
            try note(.recordUpdated, record: .init(new), on: &identity, &scope)
            try put(identity, in: scope.organization)
        }
    }

    /// Frees the identifiers, whatever their state, and forgets who held them when. Of those that these ids held
    /// before, their own times go, and those of others who had them of these by a merge.
    private mutating func eraseIdentifiers(
        of identity: Identity, _ ids: [UUID], _ scope: inout WriteScope
    ) throws(VaultError) {
        var former: Set<Identifier> = []
        for id in ids {
            former.formUnion(try formerHolderKeys(by: id, in: scope.organization).map(\.identifier))
        }
        for held in identity.identifiers {
            try remove(Key.index(held.identifier, in: scope.organization), from: held.identifier.kind.table)
            try scope.ledger.take(\.[held.identifier.kind])
            try forgetFormerHolders(of: held.identifier, scope)
            former.remove(held.identifier)
        }
        if former.isEmpty { return }
        try finishTrail()
        for identifier in former { try forgetFormerHolders(of: identifier, claimedBy: ids, scope) }
    }

    /// - Returns: how many records there are.
    private mutating func anonymise(_ identity: UUID, _ scope: inout WriteScope) throws(VaultError) -> Int {
        let places = try timelineKeys(of: identity, in: scope.organization)
        for place in places {
            guard let old = try record(place.kind, place.id, in: scope.organization) else { continue }
            var new = old
            new.firstName = nil
            new.lastName = nil
            new.email = nil
            new.removePhone()
            new.attributes = nil
            if new.kind == .patient { new.isActive = false }
            new.updatedAt = scope.now
            try store(new, replacing: old, &scope)
        }
        return places.count
    }
}

extension Record {
    fileprivate mutating func removePhone() {
        phone = nil
        region = nil
    }
}
