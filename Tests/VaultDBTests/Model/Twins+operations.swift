// The operations that the twins do step by step.

import Foundation

@testable import VaultDB

extension Twins {
    // MARK: Resolve

    func resolve(_ organization: UUID) throws {
        var (request, wanted) = randomRequest(organization)
        request.idempotencyKey = randomKey()
        request.isDryRun = chance(10)
        comparePaths(request, organization)
        if request.isDryRun { return compareDryRun(request, wanted, organization) }
        both(request.idempotencyKey == nil ? "resolve" : "resolve with a key", organization) { () throws(VaultError) in
            try vault.resolve(request, in: organization)
        } model: { (model) throws(Model.Refusal) in
            if let key = request.idempotencyKey { return try model.resolve(wanted, key: key, at: clock.now) }
            return try model.resolve(wanted, at: clock.now)
        } translated: {
            answer($0)
        }
    }

    /// What it says is what the real one would say, and nothing is changed.
    private func compareDryRun(_ request: ResolveRequest, _ wanted: Model.Request, _ organization: UUID) {
        let before = models[organization]
        both("dry run", organization) { () throws(VaultError) in
            try vault.resolve(request, in: organization)
        } model: { (model) throws(Model.Refusal) in
            if let key = request.idempotencyKey, let known = model.answers[key] {
                guard let answer = known.resolved else { throw Model.Refusal(.refused) }
                return answer
            }
            let sequences = model.people.mapValues(\.lastSequence)
            var answer = try model.resolve(wanted, at: clock.now)
            answer.sequence = answer.person.flatMap { sequences[$0] } ?? 0
            if answer.outcome == "created" { answer.person = -1 }
            return answer
        } translated: {
            answer($0)
        }
        models[organization] = before
    }

    /// The fast path, where it answers, says what the waterfall says; and the waterfall then changes nothing. Where it says
    /// that nobody is known the waterfall creates somebody.
    private func comparePaths(_ request: ResolveRequest, _ organization: UUID) {
        guard let paths = try? vault.bothPaths(request, in: organization) else { return }
        switch paths.quick {
        case .match(let quick):
            expect(quick, paths.plan, "fast path")
            expect(paths.changesNothing, true, "fast path")
        case .unknown:
            count("fast path unknown")
            expect(paths.changesNothing, false, "fast path")
        case .undecided: break
        }
    }

    // MARK: Records

    func put(_ organization: UUID) throws {
        var (draft, name, wish) = randomPut(organization)
        draft.idempotencyKey = randomKey()
        for _ in 0..<(chance(30) ? 2 : 1) {
            both(putName(draft), organization) { () throws(VaultError) in
                try vault.put(draft, in: organization)
            } model: { (model) throws(Model.Refusal) in
                if let key = draft.idempotencyKey { return try model.put(name, wish, key: key, at: clock.now) }
                return try model.put(name, wish, at: clock.now)
            } translated: { real in
                count("put \(real.change)")
                if !real.converted.isEmpty { count("put converts") }
                if real.resolution?.warnings.contains(.previouslyErased) == true { count("put previously erased") }
                return Model.PutAnswer(
                    change: real.change, person: person(real.identity), answer: real.resolution.map(answer),
                    converted: real.converted)
            }
        }
    }

    private func putName(_ draft: RecordDraft) -> String {
        "put" + (draft.identity == nil ? "" : ", named") + (draft.moves ? ", moving" : "")
            + (draft.keepsOthers ? ", keeping" : "") + (draft.idempotencyKey == nil ? "" : ", with a key")
    }

    func delete(_ organization: UUID) {
        let known = (models[organization]?.rows ?? [:]).keys.sorted()
        let name = known.isEmpty || chance(15) ? randomRowName() : pick(known)
        let deletion = pick([Deletion.byKind, .soft, .hard])
        both("delete \(deletion)", organization) { () throws(VaultError) in
            try vault.delete(name.kind, name.id, deletion, in: organization)
        } model: { (model) throws(Model.Refusal) in
            try model.delete(name, deletion, at: clock.now)
        } translated: {
            count("delete: it was \($0.change)")
            return $0.change
        }
    }

    // MARK: States of identifiers

    func mark(_ organization: UUID) throws {
        let (identifier, name) = try randomIdentifier(organization)
        let state: IdentifierState = chance(50) ? .shared : .blocked
        both("\(state)", organization) { () throws(VaultError) in
            try vault.mark(identifier, as: state, in: organization)
        } model: { (model) throws(Model.Refusal) in
            let (before, holder) = model.mark(name, as: state, at: clock.now)
            return [before.map { "\($0)" }, "\(state)", holder.map { "\($0)" }]
        } translated: { change in
            states(change)
        }
    }

    func release(_ organization: UUID) throws {
        let (identifier, name) = try randomIdentifier(organization)
        both("release", organization) { () throws(VaultError) in
            try vault.release(identifier, in: organization)
        } model: { (model) throws(Model.Refusal) in
            let (before, after, holder) = try model.release(name, at: clock.now)
            return ["\(before)", after.map { "\($0)" }, holder.map { "\($0)" }]
        } translated: { change in
            states(change)
        }
    }

    private func states(_ change: IdentifierStateChange) -> [String?] {
        [
            change.before.map { "\($0)" }, change.after.map { "\($0)" }, change.holder.map { "\(person($0))" },
        ]
    }

    func setRegion(_ organization: UUID) throws {
        let region = chance(50) ? Pool.france : .spain
        try vault.setRegion(region, in: organization)
        if !hasRegion.contains(organization) || regions[organization] != region {
            models[organization]?.changeRegion(at: clock.now)
        }
        hasRegion.insert(organization)
        regions[organization] = region
        count("region")
    }
}
