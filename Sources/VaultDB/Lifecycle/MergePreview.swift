internal import Foundation

/// What a merge would do. Nothing is written.
public struct MergePreview: Equatable, Sendable {
    /// The identity that would become a redirect, and the one that would survive, as they are.
    public let from: Identity
    public let into: Identity
    /// The survivor as it would be: its primaries are those that would stay or be taken.
    public let survivor: Identity
    /// Records that would move, by kind.
    public let records: [Contact.Count]
    /// Names that the survivor would learn.
    public let names: [String]
    /// Ids of leads that would be converted.
    public let convertedLeads: [String]
    /// Conflicts between the two, and those with others that the survivor would take over.
    public let conflictsSettled: Int
    public let conflictsMoved: Int
}

extension MergePlan {
    var preview: MergePreview {
        var counts: [Contact.Count] = []
        for record in records {
            if let known = counts.firstIndex(where: { $0.kind == record.kind }) {
                counts[known].count += 1
            } else {
                counts.append(.init(kind: record.kind, count: 1))
            }
        }
        let settled = conflicts.count { $0.other == into.id }
        return MergePreview(
            from: from, into: into, survivor: survivor, records: counts, names: namesAdded,
            convertedLeads: converted.map(\.record.id), conflictsSettled: settled,
            conflictsMoved: conflicts.count - settled)
    }
}
