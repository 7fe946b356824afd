internal import Foundation
internal import Storage

/// What a merge has decided to do. A preview shows it; `merge` carries it out.
struct MergePlan {
    let from: Identity
    let into: Identity
    /// What `into` becomes.
    var survivor: Identity
    var namesAdded: [String] = []
    /// All records of `from`.
    var records: [TimelineKey] = []
    /// Open leads of the one side, converted by a patient on the other.
    var converted: [MergeJournal.ConvertedLead] = []
    var conflicts: [MergeJournal.MovedConflict] = []
    var redirects: [UUID] = []
}

extension ReadTransaction where Self: ~Copyable {
    /// Decides what merging `a` into `b` does.
    borrowing func mergePlan(
        _ a: UUID, into b: UUID, _ reading: RecordReading, in organization: OrganizationNumber
    ) throws(VaultError) -> MergePlan {
        let (from, into) = try mergeable(a, into: b, in: organization)
        var plan = MergePlan(from: from, into: into, survivor: into)
        plan.join()
        try plan.settle(self, reading, organization)
        plan.records = try timelineKeys(of: from.id, in: organization)
        plan.converted = try leadsConverted(from, into, in: organization)
        plan.conflicts = try conflictsMoved(from.id, into.id, in: organization)
        plan.redirects = try merges(into: from, in: organization).flatMap { [$0.from.id] + $0.redirects }
        return plan
    }

    /// Refuses what can't be merged.
    private borrowing func mergeable(
        _ a: UUID, into b: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> (from: Identity, into: Identity) {
        guard a != b else {
            throw VaultError(.refused, "an identity can't be merged into itself", advice: "name two identities")
        }
        let from = try living(a, in: organization)
        let into = try living(b, in: organization)
        guard from.identity.id != into.identity.id else {
            throw VaultError(
                .refused, "the two are one already, as \(into.identity.id.text)", advice: "nothing is left to merge")
        }
        if from.redirectedFrom != nil {
            throw VaultError(
                .refused, "the identity \(a.text) was merged into \(from.identity.id.text)",
                advice: "merge that one, or undo the merge first")
        }
        let count = from.identity.identifiers.count + into.identity.identifiers.count
        guard count <= Limits.identifiersPerIdentityMax else {
            throw VaultError(
                .refused, "together they hold \(count) identifiers, and one holds \(Limits.identifiersPerIdentityMax)",
                advice: "release some of them first")
        }
        return (from.identity, into.identity)
    }

    borrowing func timelineKeys(
        of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [TimelineKey] {
        var keys: [TimelineKey] = []
        try visitTimeline(of: identity, in: organization) { (key, _) throws(VaultError) in
            keys.append(try TimelineKey(key))
            return .next
        }
        return keys
    }

    /// Where only one side has a patient, it is the other's first.
    private borrowing func leadsConverted(
        _ from: Identity, _ into: Identity, in organization: OrganizationNumber
    ) throws(VaultError) -> [MergeJournal.ConvertedLead] {
        guard from.isPatient != into.isPatient else { return [] }
        return try openLeads(of: from.isPatient ? into.id : from.id, in: organization).map {
            .init(record: $0.record, updatedAt: $0.updatedAt)
        }
    }

    private borrowing func conflictsMoved(
        _ from: UUID, _ into: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [MergeJournal.MovedConflict] {
        var moved: [MergeJournal.MovedConflict] = []
        for conflict in try conflicts(of: from, in: organization) where conflict.state != .merged {
            let other = conflict.other(than: from)
            let pair = ConflictKey(one: into, other: other, identifier: conflict.identifier)
            let theirs = other == into ? nil : try self.conflict(pair, in: organization)
            moved.append(
                .init(
                    identifier: conflict.identifier, other: other, mine: conflict.entry,
                    theirs: theirs?.entry))
        }
        return moved
    }
}

extension MergePlan {
    /// The survivor takes identifiers and names.
    fileprivate mutating func join() {
        for held in from.identifiers {
            var held = held
            held.isPrimary = false
            survivor.identifiers.append(held)
        }
        survivor.isPatient = from.isPatient || into.isPatient
        for name in from.names where survivor.learn(name: name) { namesAdded.append(name) }
    }

    /// What patients of the one side gave may be what the other held. Primaries stay where they are as good.
    fileprivate mutating func settle(
        _ transaction: borrowing some ReadTransaction & ~Copyable, _ reading: RecordReading,
        _ organization: OrganizationNumber
    ) throws(VaultError) {
        for (side, other) in [(from, into), (into, from)] where side.isPatient {
            let held = other.identifiers.map(\.identifier)
            let found = try transaction.clinical(held, of: side.id, reading, in: organization)
            survivor.markClinical(found.given) { _ in true }
        }
        survivor.choosePrimaries(preferring: into.primaries + from.primaries)
    }
}
