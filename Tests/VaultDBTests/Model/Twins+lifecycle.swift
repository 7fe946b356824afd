// Merges, keeping apart and erasures that the twins do step by step.

import Foundation
import TestSupport

@testable import VaultDB

extension Twins {
    // MARK: Merge and unmerge

    func merge(_ organization: UUID) {
        let (a, b) = anyPair(organization, inConflict: 40)
        merge(a, into: b, organization)
    }

    private func merge(_ a: Model.Person, into b: Model.Person, _ organization: UUID) {
        let (from, into) = (id(a, organization), id(b, organization))
        let preview = try? vault.previewMerge(from, into: into, in: organization)
        both("merge", organization) { () throws(VaultError) in
            try vault.merge(from, into: into, in: organization)
        } model: { (model) throws(Model.Refusal) in
            try model.merge(a, into: b, at: clock.now)
        } translated: { real in
            bind(real.merge, (models[organization]?.nextMerge ?? 0) - 1, organization)
            compare(preview, with: real, organization)
            return reply(real)
        }
    }

    /// A preview says what the merge then does.
    private func compare(_ preview: MergePreview?, with real: MergeAnswer, _ organization: UUID) {
        let after = (try? vault.identity(real.identity, in: organization)) ?? nil
        expect(preview?.survivor.identifiers, after?.identifiers, "preview of identifiers")
        expect(preview?.survivor.names, after?.names, "preview of names")
        expect(preview?.records.reduce(0) { $0 + $1.count }, real.records, "preview of records")
        if preview?.convertedLeads.isEmpty == false { count("merge converts") }
        if (preview?.conflictsSettled ?? 0) > 0 { count("merge settles") }
        if (preview?.conflictsMoved ?? 0) > 0 { count("merge moves conflicts") }
    }

    private func reply(_ real: MergeAnswer) -> Model.MergeReply {
        .init(merge: mergeNumbers[real.merge] ?? -2, person: person(real.identity), records: real.records)
    }

    func unmerge(_ organization: UUID) {
        guard let model = models[organization] else { return }
        let merge = chance(90) ? model.merges.map(\.merge) : Array(0..<model.nextMerge) + [-1]
        guard !merge.isEmpty else { return }
        unmerge(pick(merge), organization)
    }

    private func unmerge(_ merge: Int, _ organization: UUID) {
        let id = mergeIDs[organization]?[merge] ?? Self.unknown
        both("unmerge", organization) { () throws(VaultError) in
            try vault.unmerge(id, in: organization)
        } model: { (model) throws(Model.Refusal) in
            try model.unmerge(merge, at: clock.now)
        } translated: {
            reply($0)
        }
    }

    /// A merge that is undone at once restores the same logical state.
    func mergeAndBack(_ organization: UUID) throws {
        let (a, b) = anyPair(organization, inConflict: 50)
        guard let before = models[organization], before.people[a]?.isLiving == true, a != b,
            before.people[b]?.isLiving == true
        else { return }
        let state = try logicalState(organization)
        merge(a, into: b, organization)
        clock.advance()
        unmerge((models[organization]?.nextMerge ?? 0) - 1, organization)
        let after = try logicalState(organization)
        expect(after.identities, state.identities, "identities after merge and unmerge")
        expect(after.ledger, state.ledger, "ledger after merge and unmerge")
        for (table, entries) in state.tables {
            expect(after.tables[table] == entries, true, "\(table) after merge and unmerge")
        }
        count("merge and back")
    }

    private struct LogicalState {
        let tables: Dump
        let identities: [UUID: Identity]
        let ledger: Ledger
    }

    /// Everything but the trail, who held what when, and when an identity changed last.
    private func logicalState(_ organization: UUID) throws -> LogicalState {
        var tables = try vault.contents()
        for table in ["identities", "audit", "ledgers", "former_holders"] { tables[table] = nil }
        var identities: [UUID: Identity] = [:]
        for id in (ids[organization] ?? [:]).values {
            guard var identity = try vault.stored(id, in: organization) else { throw Missing() }
            identity.updatedAt = identity.createdAt
            identity.lastSequence = 0
            identities[id] = identity
        }
        var ledger = try vault.ledger(in: organization)
        (ledger.sequence, ledger.head) = (0, [])
        return LogicalState(tables: tables, identities: identities, ledger: ledger)
    }

    // MARK: Keeping apart and erasure

    func keepApart(_ organization: UUID) {
        let (a, b) = anyPair(organization, inConflict: 60)
        both("keep apart", organization) { () throws(VaultError) in
            try vault.keepApart(id(a, organization), id(b, organization), in: organization)
        } model: { (model) throws(Model.Refusal) in
            try model.keepApart(a, b, at: clock.now)
        } translated: { settled in
            expect(settled.allSatisfy { $0.state == .keptApart }, true, "settled conflicts are kept apart")
            return Set(settled.map { name($0.identifier) })
        }
    }

    func erase(_ organization: UUID) {
        let somebody = anybody(organization)
        if models[organization]?.people[somebody]?.survivor != nil { count("erase by a redirect") }
        both("erase", organization) { () throws(VaultError) in
            try vault.erase(id(somebody, organization), in: organization)
        } model: { (model) throws(Model.Refusal) in
            try model.erase(somebody, at: clock.now)
        } translated: { real in
            if !real.absorbed.isEmpty { count("erase after merges") }
            return Model.ErasureReply(
                person: person(real.identity), absorbed: Set(real.absorbed.map(person)),
                identifiers: real.identifiers, unblocked: real.unblocked, records: real.records,
                conflicts: real.conflicts)
        }
    }

    /// One from the register, or one that another copy of the vault might have.
    func replay(_ organization: UUID) {
        let known = models[organization]?.erasures.map { [$0.person] + $0.absorbed.sorted() } ?? []
        let named =
            known.isEmpty || chance(60)
            ? [anybody(organization)] + (chance(40) ? [anybody(organization)] : []) : pick(known)
        let erasure = Erasure(
            identity: id(named[0], organization), absorbed: named.dropFirst().map { id($0, organization) },
            time: clock.now)
        both("replay", organization) { () throws(VaultError) in
            try vault.replay(erasure, in: organization)
        } model: { (model) throws(Model.Refusal) in
            model.replay(named, at: clock.now)
        } translated: {
            count("replay: \($0)")
            return $0
        }
    }

    func forgetErasures(_ organization: UUID) {
        both("forget erasures", organization) { () throws(VaultError) in
            try vault.forgetErasures(in: organization)
        } model: { (model) throws(Model.Refusal) in
            model.forgetErasures(at: clock.now)
        } translated: {
            $0
        }
    }
}
