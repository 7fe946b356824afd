internal import Foundation
internal import Storage

/// The rules of merges, erasures, former holders and first answers.
extension Check {
    /// An identity that was merged or erased.
    func departed(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ identity: Identity
    ) throws(VaultError) {
        try require(identity.identifiers.isEmpty && identity.names.isEmpty, "it is gone and still holds something")
        guard let survivor = identity.mergedWith else {
            let isRegistered = try snapshot.isErasureRegistered(of: identity.id, in: organization)
            return try require(isRegistered, "it is erased, and the register does not say so")
        }
        let target = try snapshot.identity(survivor, in: organization)
        try require(target.map { !$0.isMerged } ?? false, "it redirects to an identity that is not there")
    }

    func merge(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        let journal = try MergeJournal(key: key, sealed: value)
        let into = try snapshot.identity(journal.into, in: organization)
        let end =
            try into?.mergedWith.map { id throws(VaultError) in try snapshot.identity(id, in: organization) } ?? into
        guard let survivor = end, survivor.isLiving else { throw .corrupted("its survivor is not there or was erased") }
        for earlier in [journal.previousMerge, journal.from.lastMerge].compactMap(\.self) {
            try require(try snapshot.merge(earlier, in: organization) != nil, "the merge before it is not there")
        }
        for id in [journal.from.id] + journal.redirects {
            let redirect = try snapshot.identity(id, in: organization)
            try require(redirect?.mergedWith == survivor.id, "identity \(id.text) does not redirect to the survivor")
        }
    }

    func erasure(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        guard let erasure = try Erasure.read(key: key, value) else { return }
        let identity = try snapshot.identity(erasure.identity, in: organization)
        try require(identity?.isErased == true, "its identity is not erased")
        for id in erasure.absorbed {
            // One that a replay names may be unknown here, or have been erased by itself.
            guard let asked = try snapshot.identity(id, in: organization) else { continue }
            let end = try snapshot.identity(asked.mergedWith ?? id, in: organization)
            try require(end?.isErased == true, "identity \(id.text) is not erased")
        }
    }

    func formerHolder(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        if FormerHolderKey.isMirrored(key) {
            let name = try FormerHolderKey(mirrored: key)
            let other = name.key(in: organization)
            guard let bytes = try snapshot.value(other, in: Tables.formerHolders) else {
                throw .corrupted("its other side is not there")
            }
            try require(
                try Holding(key: other.bytes, sealed: bytes).identity == name.identity, "its other side differs")
            return
        }
        let holding = try Holding(key: key, sealed: value)
        let name = FormerHolderKey(
            identifier: holding.identifier, identity: holding.identity,
            sequence: try FormerHolderKey.identifier(key).sequence)
        let mirror = try snapshot.value(name.mirrored(in: organization), in: Tables.formerHolders)
        try require(mirror != nil, "its other side is not there")
        let identity = try snapshot.identity(holding.identity, in: organization)
        try require(identity?.isErased == false, "its identity is not there or erased")
    }

    func answer(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        switch try IdempotencyKey.entry(key) {
        case .answer(let name):
            let (time, answer) = try StoredAnswer.decoded(value, under: key)
            let age = try snapshot.value(name.ageKey(time, in: organization), in: Tables.idempotency)
            try require(age != nil, "its entry by time is not there")
            for identity in answer.identities {
                let entry = try snapshot.value(name.identityKey(identity, in: organization), in: Tables.idempotency)
                try require(entry != nil, "its entry by identity is not there")
            }
        case .age(let time, let name):
            let answer = try snapshot.storedAnswer(to: name, in: organization)
            try require(answer?.time == time, "its answer is not there or of another time")
            try require(
                try IdempotencyKey.sequence(ofAge: value) <= ledger?.sequence ?? .max,
                "it was given after an event that is not there")
        case .naming(let identity, let name):
            let answer = try snapshot.storedAnswer(to: name, in: organization)?.answer
            try require(answer?.identities.contains(identity) == true, "its answer is not there or names others")
        }
    }
}
