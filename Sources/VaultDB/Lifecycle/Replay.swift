internal import Foundation
internal import Storage

/// What doing an erasure again did.
public enum Replay: String, Sendable, CaseIterable {
    case erased
    /// It was erased here already, or is not known here.
    case nothingToDo = "nothing_to_do"
    /// Here its id redirects to an identity that the erasure does not name: somebody has to decide.
    case needsReview = "needs_review"
}

extension WriteTransaction where Self: ~Copyable {
    /// Erases each id of an erasure that lives here. One that redirects to somebody else is left alone: the merge it
    /// stems from was undone before the erasure.
    mutating func replay(_ erasure: Erasure, _ scope: inout WriteScope) throws(VaultError) -> Replay {
        let ids = [erasure.identity] + erasure.absorbed
        var outcome = Replay.nothingToDo
        for id in ids {
            guard let identity = try identity(id, in: scope.organization), !identity.isErased else { continue }
            if let survivor = identity.mergedWith {
                if !ids.contains(survivor) { outcome = .needsReview }
                continue
            }
            _ = try erase(id, &scope)
            if outcome == .nothingToDo { outcome = .erased }
        }
        return outcome
    }
}

extension Core {
    func replay(_ erasure: Erasure, _ tenant: Tenant) throws(VaultError) -> Replay {
        try writeBlocking(tenant) { (transaction, scope) throws(VaultError) in
            try transaction.replay(erasure, &scope)
        }
    }
}
