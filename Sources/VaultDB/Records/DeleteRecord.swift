public import Foundation
internal import Storage

/// What deleting a record did.
public struct DeleteAnswer: Equatable, Sendable {
    public enum Change: String, Sendable {
        /// It is gone.
        case deleted
        /// It is kept, and no longer active.
        case deactivated
        /// It was inactive already.
        case unchanged
    }

    public let change: Change
    public let kind: RecordKind
    public let id: String
    /// The identity it belonged to.
    public let identity: UUID
}

/// How a record is to be deleted.
public enum Deletion: Sendable {
    /// As its kind asks for: patients softly, all others for good.
    case byKind
    /// Kept, and no longer active.
    case soft
    /// For good. Refused for kinds that are retained.
    case hard
}

extension WriteTransaction where Self: ~Copyable {
    /// - Throws: `notFound` where there is no such record, `refused` where a patient is to be deleted for good.
    mutating func delete(
        _ key: RecordKey, _ deletion: Deletion, _ scope: inout WriteScope
    ) throws(VaultError) -> DeleteAnswer {
        guard let record = try record(key.kind, key.id, in: scope.organization) else {
            throw VaultError(
                .notFound, "there is no \(key.kind) with that id", advice: "check the kind, the id and the organization"
            )
        }
        if deletion == .hard, key.kind.isRetained {
            throw VaultError(
                .refused, "a \(key.kind) is never deleted for good", advice: "delete it softly, or erase its identity")
        }
        guard var identity = try identity(record.identity, in: scope.organization) else {
            throw .corrupted("a record belongs to an identity that is not there")
        }
        let isHard = deletion == .hard || (deletion == .byKind && !key.kind.isRetained)
        var change = DeleteAnswer.Change.unchanged
        if isHard {
            givesBack = true
            try remove(record, &scope)
            // One that is put anew is not the one that a merge moved.
            try changeJournals(of: identity.id, &scope) { $0.records.removeAll { $0 == key } }
            change = .deleted
        } else if record.isActive {
            var inactive = record
            inactive.isActive = false
            inactive.updatedAt = scope.now
            try store(inactive, replacing: record, &scope)
            change = .deactivated
        }
        if change != .unchanged {
            let action: Event.Action = change == .deleted ? .recordDeleted : .recordDeactivated
            try note(action, record: .init(record), on: &identity, &scope)
            try put(identity, in: scope.organization)
        }
        return DeleteAnswer(change: change, kind: key.kind, id: key.id, identity: identity.id)
    }
}
