internal import Foundation
internal import Storage

/// What doing an erasure again did.
public enum Replay: String, Sendable, CaseIterable {
    case erased
    /// It was erased here already, or is not known here.
    case nothingToDo = "nothing_to_do"
    /// Here one of its ids is one person with an id that the erasure does not name: somebody has to decide.
    case needsReview = "needs_review"
}

extension WriteTransaction where Self: ~Copyable {
    /// Erases who lives here behind the ids of an erasure. Who is one person here with an id that it does not name is
    /// left alone: the merge that this stems from was undone before the erasure.
    /// - Parameter others: ids that further erasures name, who are to be erased as well.
    mutating func replay(
        _ erasure: Erasure, beside others: Set<UUID>, _ scope: inout WriteScope
    ) throws(VaultError) -> Replay {
        let named = ([erasure.identity] + erasure.absorbed).distinct()
        var (gone, people): ([UUID], [UUID]) = ([], [])
        for id in named {
            guard let asked = try identity(id, in: scope.organization),
                let person = try identity(asked.mergedWith ?? id, in: scope.organization), !person.isErased
            else {
                gone.append(id)
                continue
            }
            let absorbed = try merges(into: person, deeply: true, in: scope.organization).map(\.from.id)
            let isNamed = ([person.id] + absorbed).allSatisfy { named.contains($0) || others.contains($0) }
            guard isNamed else { continue }
            gone.append(id)
            people.append(person.id)
        }
        for id in people.distinct() {
            let rest = gone.filter { $0 != id }
            _ = try erase(id, as: Erasure(identity: id, absorbed: rest, time: erasure.time), &scope)
        }
        if gone.count < named.count { return .needsReview }
        return people.isEmpty ? .nothingToDo : .erased
    }
}
