internal import Foundation
internal import Storage

// The waterfall: find or create one identity from what is known of a person. Step 1, normalisation, has made a
// `ResolveQuery` of the request; the steps below carry the numbers of docs/SEMANTICS.md.
//
// `plan` takes every decision on a read transaction and `apply` carries the plan out, so that a dry run, a hit and a
// write are one path. A writer plans again inside its own transaction: the snapshot a caller planned on may be old.

/// What a resolve has decided to do.
struct ResolvePlan {
    /// Steps 2 and 3: the identity that is known, or nil where one is to be created; and the identifier that led to it,
    /// nil where the identity was given.
    var match: (identity: Identity, by: Identifier?)?
    /// Step 4: usable identifiers that nobody owns.
    var enrich: [Identifier] = []
    /// Step 5: identifiers that another identity owns.
    var conflicts: [Resolution.Conflict] = []
    /// Those of them that are not settled, and so go on the review queue.
    var unsettled: [Resolution.Conflict] = []
    /// Step 6: the name, where the identity does not know it.
    var newName: String?
    var warnings: [Resolution.Warning]

    /// A match that changes nothing writes nothing.
    var changesNothing: Bool {
        match != nil && enrich.isEmpty && unsettled.isEmpty && newName == nil
    }

    private var outcome: Resolution.Outcome {
        guard let match else { return .created }
        return match.by.map { .matched(by: $0.kind) } ?? .linked
    }

    /// The answer, as far as it is known before anything is written.
    var resolution: Resolution {
        Resolution(
            identity: .init(id: match?.identity.id ?? .nobody),
            outcome: outcome, matched: match?.by,
            enriched: match == nil ? [] : enrich, conflicts: conflicts, warnings: warnings,
            sequence: match?.identity.lastSequence ?? 0)
    }
}

/// What one look says of a resolve.
package enum QuickLook<Match> {
    /// It would change nothing: this is its answer.
    case match(Match)
    /// Nobody has the email that the waterfall asks first: there is something to write.
    case unknown
    /// Nothing: the whole waterfall is needed.
    case undecided
}

extension ReadTransaction where Self: ~Copyable {
    /// Decides what a resolve does.
    /// - Parameter known: an identity that is given already, by its id or by a record that belongs to it: it is the
    ///   match, whatever the identifiers say.
    borrowing func plan(
        _ query: ResolveQuery, for known: Identity? = nil, in organization: OrganizationNumber
    ) throws(VaultError) -> ResolvePlan {
        var plan = ResolvePlan(warnings: query.warnings)
        var entries: [(spelling: Identifier, entry: IndexEntry)] = []
        for identifier in query.identifiers {
            if let found = try knownEntry(of: identifier, in: organization) {
                if !entries.contains(where: { $0.spelling == found.spelling }) { entries.append(found) }
            } else if !identifier.variants.contains(where: { plan.enrich.contains($0) }) {
                // Of two spellings that come together the first is stored.
                plan.enrich.append(identifier)
            }
        }
        if let found = try knownEntry(among: query.phoneVariants.map(Identifier.phone), in: organization) {
            entries.append(found)
            plan.warnings.removeAll { $0 == .invalid(.phone) }
        }
        var owned: [(identifier: Identifier, owner: UUID)] = []
        for (identifier, entry) in entries {
            switch entry.state {
            case .owned: owned.append((identifier, entry.holder))
            case .shared: plan.warnings.append(.shared(identifier.kind))
            case .blocked: plan.warnings.append(.blocked(identifier.kind))
            }
        }
        // 2. The first owned identifier that is known gives the identity.
        if let known {
            plan.match = (known, owned.first { $0.owner == known.id }?.identifier)
        } else if let first = owned.first {
            plan.match = (try holder(first.owner, in: organization), first.identifier)
        }
        // 3 and 4. What nobody owns makes a new identity, or enriches the one that matched, as far as it has room.
        if let held = plan.match?.identity.identifiers.count {
            let room = max(Limits.identifiersPerIdentityMax - held, 0)
            if plan.enrich.count > room {
                plan.enrich.removeLast(plan.enrich.count - room)
                plan.warnings.append(.tooManyIdentifiers)
            }
        }
        if try wereErased(plan.enrich, in: organization) { plan.warnings.append(.previouslyErased) }
        guard let match = plan.match else {
            guard !plan.enrich.isEmpty else { throw .noUsableIdentifier }
            plan.newName = query.name
            return plan
        }
        // 5. What somebody else owns is a conflict.
        for (identifier, owner) in owned where owner != match.identity.id {
            let conflict = Resolution.Conflict(identifier: identifier, owner: owner)
            plan.conflicts.append(conflict)
            let pair = ConflictKey(one: match.identity.id, other: owner, identifier: identifier)
            if try self.conflict(pair, in: organization)?.state != .keptApart { plan.unsettled.append(conflict) }
        }
        // 6. A name that is new to it.
        if let name = query.name {
            var identity = match.identity
            if identity.learn(name: name) { plan.newName = name }
        }
        return plan
    }

    /// What is known of an identifier under the spelling that was given, or else under another one of it. What is stored
    /// keeps its spelling, and the other one is not stored beside it.
    borrowing func knownEntry(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> (spelling: Identifier, entry: IndexEntry)? {
        if let entry = try entry(of: identifier, in: organization) { return (identifier, entry) }
        return try knownEntry(among: identifier.variants, in: organization)
    }

    /// What is known of the first of some spellings that is stored.
    borrowing func knownEntry(
        among spellings: [Identifier], in organization: OrganizationNumber
    ) throws(VaultError) -> (spelling: Identifier, entry: IndexEntry)? {
        for spelling in spellings {
            if let entry = try entry(of: spelling, in: organization) { return (spelling, entry) }
        }
        return nil
    }

    /// The answer to a resolve that would change nothing, found without a plan and without a copy: one look into the
    /// index for the identifier that the waterfall asks first, and one at its identity, which holds all the others.
    ///
    /// The record and the indexes change in the same transactions (`check` compares them), so an identifier that the
    /// record says is owned needs no look into the index of its own.
    /// - Returns: `unknown` only where nobody has the phone either, so that there is somebody to create.
    @inline(__always)
    borrowing func look(
        _ query: borrowing ResolveQuery, in organization: OrganizationNumber
    ) throws(VaultError) -> QuickLook<Resolution> {
        // What an invalid phone may stand for is for the whole waterfall to ask.
        guard query.phoneVariants.isEmpty, let first = query.first else { return .undecided }
        guard let entry = try entry(of: first, in: organization) else {
            guard first.kind == .email else { return .undecided }
            let isPhoneKnown = try query.phone.map { phone throws(VaultError) in
                try self.entry(of: .phone(phone), in: organization) != nil
            }
            return isPhoneKnown == true ? .undecided : .unknown
        }
        guard entry.state == .owned else { return .undecided }
        let match = try withValue(Key.identity(entry.holder, in: organization), in: Tables.identities) {
            (bytes) throws(VaultError) -> Resolution? in
            let identity = try IdentityView(bytes)
            guard try identity.satisfies(query) else { return nil }
            return Resolution(
                identity: .init(id: entry.holder), outcome: .matched(by: first.kind), matched: first, enriched: [],
                conflicts: [], warnings: query.warnings, sequence: identity.lastSequence)
        }
        if case let match?? = match { return .match(match) }
        return .undecided
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Steps 2 to 6 and their events, on this transaction.
    mutating func resolve(_ query: ResolveQuery, _ scope: inout WriteScope) throws(VaultError) -> Resolution {
        try scope.refuse(readFor: query.organizationRegion)
        let plan = try plan(query, in: scope.organization)
        if plan.changesNothing { return plan.resolution }
        let (resolution, identity) = try apply(plan, query, &scope)
        try put(identity, in: scope.organization)
        return resolution
    }

    /// Does what was planned, all but storing the identity itself: the caller does, after what it has to add.
    mutating func apply(
        _ plan: ResolvePlan, _ query: ResolveQuery, _ scope: inout WriteScope
    ) throws(VaultError) -> (Resolution, Identity) {
        var resolution = plan.resolution
        var identity = plan.match?.identity ?? Identity(id: scope.newID(), createdAt: scope.now)
        resolution.identity = .init(id: identity.id)

        // 3 and 4. Claim what nobody owns.
        for identifier in plan.enrich {
            identity.add(identifier, source: query.source, at: scope.now)
            try put(IndexEntry(state: .owned, holder: identity.id), of: identifier, in: scope.organization)
            scope.ledger[identifier.kind] += 1
        }
        if identity.isPatient, !plan.enrich.isEmpty {
            try markGivenByPatients(plan.enrich, of: &identity, scope)
        }
        let kinds = plan.enrich.map(\.kind).distinct()
        if plan.match == nil {
            scope.ledger.identities += 1
            scope.createdCount += 1
            try note(.identityCreated, kinds: kinds, source: query.source, on: &identity, &scope)
        } else if !kinds.isEmpty {
            try note(.identityEnriched, kinds: kinds, source: query.source, on: &identity, &scope)
        }
        // 5. Queue the conflicts.
        for conflict in plan.unsettled {
            let pair = ConflictKey(one: identity.id, other: conflict.owner, identifier: conflict.identifier)
            guard try enqueue(pair, source: query.source, &scope) else { continue }
            try note(
                .conflictSeen, other: conflict.owner, kinds: [conflict.identifier.kind], source: query.source,
                on: &identity, &scope)
        }
        // 6. Learn the name.
        if let name = plan.newName {
            if plan.match != nil {
                try learn(name, source: query.source, on: &identity, &scope)
            } else {
                let before = identity
                identity.displayName = name
                if let tokens = query.nameTokens {
                    scope.names.note(tokens, of: identity.id)
                } else {
                    scope.names.note(from: before, to: identity)
                }
                expectNames(of: scope.names, in: scope.organization)
            }
        }
        if let match = plan.match {
            identity.see(query.identifiers + [match.by].compactMap(\.self), at: scope.now)
        }
        resolution.sequence = identity.lastSequence
        return (resolution, identity)
    }

    /// Teaches an identity that is about to be stored a name, unless it knows it or has as many as it may.
    mutating func learn(
        _ name: String, source: String?, on identity: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        let before = identity
        guard identity.learn(name: name) else { return }
        try note(.nameAdded, source: source, on: &identity, &scope)
        scope.names.note(from: before, to: identity)
        expectNames(of: scope.names, in: scope.organization)
    }

    /// What an identity gains may be what one of its patients was given before somebody else let go of it.
    private borrowing func markGivenByPatients(
        _ added: [Identifier], of identity: inout Identity, _ scope: WriteScope
    ) throws(VaultError) {
        let found = try clinical(added, of: identity.id, scope.reading, in: scope.organization)
        identity.markClinical(found.given) { _ in true }
        identity.choosePrimaries()
    }

    /// Appends an event of an identity that is about to be stored.
    mutating func note(
        _ action: Event.Action, other: UUID? = nil, merge: UUID? = nil, kinds: [IdentifierKind] = [],
        record: Event.RecordReference? = nil, source: String? = nil, on identity: inout Identity,
        _ scope: inout WriteScope
    ) throws(VaultError) {
        let event = Event(
            action, at: scope.now, identity: identity.id, other: other, merge: merge, kinds: kinds, record: record,
            source: source, actor: scope.actor)
        identity.lastSequence = try append(event, after: identity.lastSequence, &scope)
        identity.updatedAt = max(identity.updatedAt, scope.now)
    }

    /// Appends an event that belongs to the stories of two identities, which are both about to be stored.
    mutating func note(
        _ action: Event.Action, merge: UUID? = nil, record: Event.RecordReference? = nil, source: String? = nil,
        on identity: inout Identity, andOf other: inout Identity, _ scope: inout WriteScope
    ) throws(VaultError) {
        let event = Event(
            action, at: scope.now, identity: identity.id, other: other.id, merge: merge, record: record,
            source: source, actor: scope.actor)
        let sequence = try append(event, after: identity.lastSequence, ofOther: other.lastSequence, &scope)
        identity.lastSequence = sequence
        other.lastSequence = sequence
        identity.updatedAt = max(identity.updatedAt, scope.now)
        other.updatedAt = max(other.updatedAt, scope.now)
    }
}

extension Array where Element: Equatable {
    /// Each element once, in the order of its first place.
    package func distinct() -> [Element] {
        reduce(into: []) { list, element in if !list.contains(element) { list.append(element) } }
    }
}
