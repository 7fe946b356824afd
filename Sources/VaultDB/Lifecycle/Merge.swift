public import Foundation
internal import Storage

/// What a merge did.
public struct MergeAnswer: Equatable, Sendable {
    public let merge: UUID
    /// The survivor.
    public let identity: UUID
    /// How many records moved to it.
    public let records: Int
}

extension WriteTransaction where Self: ~Copyable {
    /// Merges `a` into `b`: all that `a` holds moves, and its id redirects from now on.
    mutating func merge(_ a: UUID, into b: UUID, _ scope: inout WriteScope) throws(VaultError) -> MergeAnswer {
        let plan = try mergePlan(a, into: b, scope.reading, in: scope.organization)
        let id = scope.newID()
        var (from, into) = (plan.redirect, plan.survivor)

        for held in plan.from.identifiers {
            try end(held, of: from.id, &scope)
            try put(IndexEntry(state: held.state, holder: into.id), of: held.identifier, in: scope.organization)
        }
        scope.names.note(from: plan.from, to: from)
        scope.names.note(from: plan.into, to: into)
        try note(.identityMerged, merge: id, on: &from, andOf: &into, &scope)
        for place in plan.records { try move(place, to: into.id, &scope) }
        for lead in plan.converted { try convert(lead.record, of: &into, &scope) }
        for conflict in plan.conflicts { try move(conflict, from: from.id, to: into.id, &scope) }
        for redirect in plan.redirects { try redirectAgain(redirect, to: into.id, &scope) }

        into.lastMerge = id
        try put(from, in: scope.organization)
        try put(into, in: scope.organization)
        let key = Key.merge(id, in: scope.organization)
        try put(key, plan.journal(id, scope).encoded(under: key), in: Tables.merges)
        try scope.ledger.take(\.identities)
        return MergeAnswer(merge: id, identity: into.id, records: plan.records.count)
    }

    mutating func move(
        _ place: TimelineKey, to identity: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        guard let old = try record(place.kind, place.id, in: scope.organization) else {
            throw .corrupted("a record of the timeline is not there")
        }
        var new = old
        new.identity = identity
        try store(new, replacing: old, &scope)
    }

    private mutating func move(
        _ conflict: MergeJournal.MovedConflict, from: UUID, to into: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        let mine = ConflictKey(one: from, other: conflict.other, identifier: conflict.identifier)
        if conflict.other == into {
            var settled = conflict.mine
            settled.state = .merged
            return try put(settled, at: mine, &scope)
        }
        try removeConflict(at: mine, &scope)
        try put(
            conflict.joined, at: ConflictKey(one: into, other: conflict.other, identifier: conflict.identifier), &scope)
    }

    /// Lets an id that was merged before redirect to another survivor, so that every chain is one step long.
    mutating func redirectAgain(
        _ id: UUID, to survivor: UUID, _ scope: inout WriteScope
    ) throws(VaultError) {
        guard var identity = try identity(id, in: scope.organization), identity.isMerged else {
            throw .corrupted("a merged identity is not there")
        }
        identity.mergedWith = survivor
        try put(identity, in: scope.organization)
    }
}

extension MergePlan {
    /// What `from` becomes.
    fileprivate var redirect: Identity {
        var identity = Identity(id: from.id, createdAt: from.createdAt)
        identity.updatedAt = from.updatedAt
        identity.lastSequence = from.lastSequence
        identity.mergedWith = into.id
        return identity
    }

    fileprivate func journal(_ id: UUID, _ scope: WriteScope) -> MergeJournal {
        MergeJournal(
            id: id, into: into.id, time: scope.now, actor: scope.actor, from: from, previousMerge: into.lastMerge,
            primaries: into.primaries, namesAdded: namesAdded,
            gaveDisplayName: into.displayName == nil && !namesAdded.isEmpty, redirects: redirects,
            records: records.map(\.record),
            converted: converted, conflicts: conflicts)
    }
}
