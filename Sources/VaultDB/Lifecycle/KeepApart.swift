internal import Foundation
internal import Storage

extension WriteTransaction where Self: ~Copyable {
    /// Settles the open conflicts of a pair: they are two people. The same identifiers don't bring the pair up again.
    /// - Returns: the conflicts that were settled.
    mutating func keepApart(_ a: UUID, _ b: UUID, _ scope: inout WriteScope) throws(VaultError) -> [Conflict] {
        var one = try living(a, in: scope.organization).identity
        var other = try living(b, in: scope.organization).identity
        guard one.id != other.id else {
            throw VaultError(
                .refused, "the two are one identity, \(one.id.text)",
                advice: a == b ? "name two identities" : "undo their merge first (unmerge)")
        }
        let open = try conflicts(of: one.id, in: scope.organization).filter {
            $0.state == .open && ($0.first == other.id || $0.second == other.id)
        }
        guard !open.isEmpty else {
            throw VaultError(.notFound, "the two have no open conflict", advice: "see the open ones with conflicts")
        }
        var settled: [Conflict] = []
        for conflict in open {
            var entry = conflict.entry
            entry.state = .keptApart
            let pair = ConflictKey(one: one.id, other: other.id, identifier: conflict.identifier)
            try put(entry, at: pair, &scope)
            settled.append(Conflict(pair.canonical, entry))
        }
        try note(.conflictKeptApart, on: &one, andOf: &other, &scope)
        try put(one, in: scope.organization)
        try put(other, in: scope.organization)
        return settled
    }
}
