// Long random sequences of operations, on the vault and on the plain model side by side.

import Foundation
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Against the model") struct ModelTests {
    struct Run: Sendable, CustomTestStringConvertible {
        let engine: EngineKind
        let seed: UInt64
        var testDescription: String { "\(engine), seed \(seed)" }
    }

    static let runs = [
        Run(engine: .memory, seed: 1), Run(engine: .memory, seed: 2), Run(engine: .memory, seed: 3),
        Run(engine: .lmdb, seed: 4), Run(engine: .lmdb, seed: 5),
    ]

    @Test(arguments: runs)
    func `every answer and the whole state are those of the model`(_ run: Run) throws {
        let directory = try TemporaryDirectory()
        let vault: any TestVault = run.engine == .lmdb ? try lmdbVault(in: directory) : try memoryVault()
        var twins = Twins(vault, seed: run.seed)
        for step in 1...3_000 {
            try twins.step()
            if step % 200 == 0 { try twins.compareState() }
            if !twins.agrees { break }
        }
        try #require(twins.report == "", "seed \(run.seed)")
        guard run.engine == .lmdb else { return }
        let before = try vault.contents()
        vault.close()
        let reopened = try lmdbVault(in: directory)
        #expect(try reopened.contents() == before)
        twins.vault = reopened
        try twins.compareState()
        #expect(twins.report == "", "seed \(run.seed), reopened")
    }

    @Test func `the pools are what the normaliser makes of their spellings`() throws {
        let normalizer = Normalizer(spellingCacheSlots: 0)
        for email in Pool.emails {
            for spelling in email.spellings { #expect(normalizer.email(spelling)?.rawValue == email.text) }
        }
        for phone in Pool.phones {
            for spelling in phone.spellings {
                #expect(normalizer.phone(spelling, region: .spain)?.rawValue == phone.text)
                #expect(normalizer.phone(spelling, region: Pool.france)?.rawValue == phone.textInFrance(spelling))
            }
        }
    }
}

/// What random requests are made of. Each identifier comes with ways to write it.
enum Pool {
    struct Email {
        let text: String
        let spellings: [String]
    }

    struct Phone {
        let digits: String
        var text: String { "+34\(digits)" }
        var spellings: [String] {
            ["+34\(digits)", "+34 \(digits.prefix(3))-\(digits.suffix(6))", "0034\(digits)", digits, " \(digits) "]
        }
        /// Without a country code the region decides.
        func textInFrance(_ spelling: String) -> String {
            spelling.hasPrefix("+") || spelling.hasPrefix("0034") ? text : "+33\(digits)"
        }
    }

    static let france = Region("FR") ?? .spain
    static let emails = (0..<24).map { number in
        Email(
            text: "person.\(number)+x@example.com",
            spellings: [
                "person.\(number)+x@example.com", "  Person.\(number)+X@Example.COM\t",
                "Person <person.\(number)+x@example.com>", "mailto:person.\(number)+x@example.com",
            ])
    }
    static let phones = (0..<20).map { Phone(digits: "6001234\($0 + 10)") }
    static let externals = (0..<16).map { ("crm:ID-\($0)", ["crm:ID-\($0)", " CRM : ID-\($0) "]) }
    static let names = (0..<40).map { "Name \($0)" }
    static let sources = ["web", "instagram", "whatsapp"]
    static let badEmails = ["nobody", "@x", "a b@c", ""]
    static let badPhones = ["12", "call me", "+", " "]
}

/// A vault and its models, one for each organization, and what they disagreed on.
private struct Twins {
    var vault: any TestVault
    private(set) var differences: [String] = []
    private var random: SeededGenerator
    private var models: [UUID: Model] = [.clinic: Model(), .studio: Model()]
    private var regions: [UUID: Region] = [.clinic: .spain, .studio: .spain]
    private var hasRegion: Set<UUID> = []
    private var known: Set<UUID> = []
    /// The numbers that the model gave, by the ids that the vault gave.
    private var people: [UUID: Model.Person] = [.nobody: -1]
    private var ids: [UUID: [Model.Person: UUID]] = [.clinic: [:], .studio: [:]]
    private var steps = 0
    private let clock: TestClock

    var agrees: Bool { differences.isEmpty }
    /// The first differences, empty where there is none.
    var report: String { differences.prefix(3).joined(separator: "\n") }

    init(_ vault: any TestVault, seed: UInt64) {
        self.vault = vault
        clock = vault.clock
        random = SeededGenerator(seed: seed)
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    private mutating func pick<Element>(_ list: [Element]) -> Element {
        list[Int.random(in: 0..<list.count, using: &random)]
    }

    private mutating func expect<Value: Equatable>(_ real: Value, _ model: Value, _ what: @autoclosure () -> String) {
        guard real != model else { return }
        differences.append("step \(steps), \(what()): \("\(real)".prefix(2_000)) is not \("\(model)".prefix(2_000))")
    }

    // MARK: Steps

    mutating func step() throws {
        steps += 1
        clock.advance(seconds: chance(2) ? 86_400 : 1)
        let organization: UUID = chance(70) ? .clinic : .studio
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60: try resolve(organization)
        case 60..<82: try put(organization)
        case 82..<89: try mark(organization)
        case 89..<98: try release(organization)
        default: try setRegion(organization)
        }
    }

    private mutating func resolve(_ organization: UUID) throws {
        var (request, wanted) = randomRequest(organization)
        let number = Int.random(in: 0..<60, using: &random)
        if chance(15) { request.idempotencyKey = "key \(number)" }
        request.isDryRun = chance(10)
        if wanted.names.isEmpty {
            let error = code { try vault.resolve(request, in: organization) }
            // A known key gives its first answer, whatever comes with it.
            let isKnown = request.idempotencyKey.map { models[organization]?.knows(key: $0) ?? false } ?? false
            return expect(error, isKnown ? nil : .noUsableIdentifier, "resolve of nothing")
        }
        try comparePaths(request, organization)
        var model = models[organization] ?? Model()
        let before = model.nextPerson
        let expected = answer(request, wanted, &model)
        do throws(VaultError) {
            let real = try vault.resolve(request, in: organization)
            if !request.isDryRun { bind(real, before, model, organization) }
            expect(translated(real), expected, "resolve")
        } catch {
            expect(error.code, .noUsableIdentifier, "resolve")
            expect(nil, expected, "resolve")
        }
        if !request.isDryRun { models[organization] = model }
    }

    private func answer(_ request: ResolveRequest, _ wanted: Model.Request, _ model: inout Model) -> Model.Answer? {
        if let key = request.idempotencyKey {
            if request.isDryRun {
                if let known = model.answers[key] { return known.answer }
            } else {
                return try? model.resolve(wanted, key: key, at: clock.now)
            }
        }
        let sequences = model.people.mapValues(\.lastSequence)
        var answer = try? model.resolve(wanted, at: clock.now)
        if request.isDryRun, let person = answer?.person {
            answer?.sequence = sequences[person] ?? 0
            if answer?.isNew == true { answer?.person = -1 }
        }
        return answer
    }

    /// The fast path, where it answers, says what the waterfall says; and the waterfall then changes nothing.
    private mutating func comparePaths(_ request: ResolveRequest, _ organization: UUID) throws {
        guard let paths = try? vault.bothPaths(request, in: organization), let quick = paths.quick else { return }
        expect(quick, paths.plan, "fast path")
        expect(paths.changesNothing, true, "fast path")
    }

    private mutating func put(_ organization: UUID) throws {
        let (request, wanted) = randomRequest(organization, regionOfItsOwn: false)
        let rowName = Model.RowName(
            kind: pick([.lead, .patient, .follower]), id: "row/\(Int.random(in: 0..<60, using: &random))")
        var draft = RecordDraft(
            kind: rowName.kind, id: rowName.id, firstName: request.name, email: request.email, phone: request.phone,
            externals: request.externals, source: request.source, status: chance(50) ? "NEW" : nil)
        if chance(30) { draft.createdAt = Timestamp(microseconds: Int64.random(in: 0..<1 << 40, using: &random)) }
        try put(draft, rowName, wanted, organization)
        if chance(30) { try put(draft, rowName, wanted, organization) }
    }

    private mutating func put(
        _ draft: RecordDraft, _ rowName: Model.RowName, _ wanted: Model.Request, _ organization: UUID
    ) throws {
        var model = models[organization] ?? Model()
        let before = model.nextPerson
        let expected = try? model.put(
            rowName, fields(draft), createdAt: draft.createdAt, wanted, at: clock.now)
        do throws(VaultError) {
            let real = try vault.put(draft, in: organization)
            if let resolution = real.resolution { bind(resolution, before, model, organization) }
            let answer = Model.PutAnswer(
                change: real.change, person: people[real.identity] ?? -2, answer: real.resolution.map(translated))
            expect(answer, expected, "put")
        } catch {
            expect(error.code, .noUsableIdentifier, "put")
            expect(nil, expected, "put")
        }
        if expected != nil { models[organization] = model }
    }

    private func fields(_ draft: RecordDraft) -> [String?] {
        [draft.firstName, draft.lastName, draft.email, draft.phone, draft.source, draft.status, draft.attributes]
            .map { $0?.isEmpty == true ? nil : $0 }
    }

    private mutating func mark(_ organization: UUID) throws {
        let (identifier, name) = try randomIdentifier(organization)
        let state: IdentifierState = chance(50) ? .shared : .blocked
        let change = try vault.mark(identifier, as: state, in: organization)
        let (before, holder) = models[organization]?.mark(name, as: state, at: clock.now) ?? (nil, nil)
        expect(change.before, before, "mark")
        expect(change.after, state, "mark")
        expect(change.holder.map { people[$0] ?? -2 }, holder, "mark")
    }

    private mutating func release(_ organization: UUID) throws {
        let (identifier, name) = try randomIdentifier(organization)
        let expected = try? models[organization]?.release(name, at: clock.now)
        do throws(VaultError) {
            let change = try vault.release(identifier, in: organization)
            expect(change.before, expected?.before, "release")
            expect(change.after, expected?.after, "release")
            expect(change.holder.map { people[$0] ?? -2 }, expected?.2, "release")
        } catch {
            expect(error.code, .notFound, "release")
            expect(expected == nil, true, "release")
        }
    }

    private mutating func setRegion(_ organization: UUID) throws {
        let region = chance(50) ? Pool.france : .spain
        try vault.setRegion(region, in: organization)
        if !hasRegion.contains(organization) || regions[organization] != region {
            models[organization]?.changeRegion(at: clock.now)
        }
        hasRegion.insert(organization)
        regions[organization] = region
    }

    // MARK: Random requests

    private mutating func randomRequest(
        _ organization: UUID, regionOfItsOwn: Bool = true
    ) -> (ResolveRequest, Model.Request) {
        var (request, wanted) = (ResolveRequest(), Model.Request())
        let externals = chance(25) ? [pick(Pool.externals)] + (chance(20) ? [pick(Pool.externals)] : []) : []
        request.externals = externals.map { pick($0.1) }
        for (text, _) in externals where !wanted.names.contains(where: { $0.text == text }) {
            wanted.names.append(.init(kind: .external, text: text))
        }
        if chance(3) {
            request.externals.append("bad")
            wanted.warnings.append("invalid_external")
        }
        addEmail(&request, &wanted)
        addPhone(&request, &wanted, organization, regionOfItsOwn)
        if chance(30) {
            wanted.name = pick(Pool.names)
            request.name = chance(50) ? wanted.name : wanted.name.map { " \($0)\n" }
        }
        if chance(60) { request.source = pick(Pool.sources) }
        wanted.source = request.source
        return (request, wanted)
    }

    private mutating func addEmail(_ request: inout ResolveRequest, _ wanted: inout Model.Request) {
        if chance(5) {
            let bad = pick(Pool.badEmails)
            request.email = bad
            if !bad.isEmpty { wanted.warnings.append("invalid_email") }
        } else if chance(65) {
            let email = pick(Pool.emails)
            request.email = chance(40) ? email.text : pick(email.spellings)
            wanted.names.append(.init(kind: .email, text: email.text))
        }
    }

    private mutating func addPhone(
        _ request: inout ResolveRequest, _ wanted: inout Model.Request, _ organization: UUID, _ regionOfItsOwn: Bool
    ) {
        if chance(5) {
            let bad = pick(Pool.badPhones)
            request.phone = bad
            if bad != " " { wanted.warnings.append("invalid_phone") }
        } else if chance(60) {
            let phone = pick(Pool.phones)
            let spelling = chance(40) ? phone.text : pick(phone.spellings)
            if regionOfItsOwn, chance(10) { request.region = chance(50) ? Pool.france : .spain }
            let region = request.region ?? regions[organization]
            request.phone = spelling
            let text = region == Pool.france ? phone.textInFrance(spelling) : phone.text
            wanted.names.append(.init(kind: .phone, text: text))
        }
    }

    private mutating func randomIdentifier(_ organization: UUID) throws -> (Identifier, Model.Name) {
        let name: Model.Name =
            switch Int.random(in: 0..<3, using: &random) {
            case 0: .init(kind: .email, text: pick(Pool.emails).text)
            case 1: .init(kind: .phone, text: pick(Pool.phones).text)
            default: .init(kind: .external, text: pick(Pool.externals).0)
            }
        return (try vault.identifier(name.text, name.kind, in: organization), name)
    }

    // MARK: From the vault's words to the model's

    /// Remembers which number the model gave to the person the vault has just made.
    private mutating func bind(_ real: Resolution, _ before: Model.Person, _ model: Model, _ organization: UUID) {
        guard model.nextPerson > before, people[real.identity.id] == nil else { return }
        people[real.identity.id] = before
        ids[organization]?[before] = real.identity.id
    }

    private func translated(_ real: Resolution) -> Model.Answer {
        Model.Answer(
            person: people[real.identity.id] ?? -2, matched: real.matched.map(translated),
            enriched: real.enriched.map(translated),
            conflicts: real.conflicts.map { .init(name: translated($0.identifier), owner: people[$0.owner] ?? -2) },
            warnings: real.warnings.map(\.name), sequence: real.sequence)
    }

    private func translated(_ identifier: Identifier) -> Model.Name {
        .init(kind: identifier.kind, text: identifier.text)
    }

    private func translated(_ identity: Identity) -> Model.Human {
        Model.Human(
            createdAt: identity.createdAt, updatedAt: identity.updatedAt, lastSequence: identity.lastSequence,
            held: identity.identifiers.map { held in
                .init(
                    name: translated(held.identifier), isPrimary: held.isPrimary, state: held.state,
                    source: held.source, firstSeen: held.firstSeen, lastSeen: held.lastSeen)
            },
            displayName: identity.displayName, aliases: identity.aliases)
    }

    // MARK: State

    mutating func compareState() throws {
        expect(try vault.check().faults, [], "check")
        let contents = try vault.contents()
        for (organization, model) in models {
            guard let number = try vault.number(of: organization) else { continue }
            try comparePeople(model, organization)
            try compareIndexes(model, number, contents)
            try compareQuarrels(model, organization)
            try compareRows(model, organization)
            try compareTrail(model, organization)
            let ledger = try vault.ledger(in: organization)
            expect(
                [
                    ledger.sequence, ledger.identities, ledger.emails, ledger.phones, ledger.externals, ledger.records,
                    ledger.openConflicts,
                ], model.ledger, "ledger")
            let answers = contents["idempotency", default: [:]].keys.filter { $0.starts(with: bytes(Key(number))) }
            expect(answers.count, model.answers.count * 2, "idempotency")
        }
        expect(contents["identities", default: [:]].count, models.values.map(\.people.count).reduce(0, +), "identities")
        expect(contents["timeline", default: [:]].count, models.values.map(\.rows.count).reduce(0, +), "timeline")
    }

    private mutating func comparePeople(_ model: Model, _ organization: UUID) throws {
        for (person, human) in model.people {
            let id = ids[organization]?[person] ?? .nobody
            expect(try vault.identity(id, in: organization).map(translated), human, "identity \(person)")
        }
    }

    private mutating func compareIndexes(_ model: Model, _ number: OrganizationNumber, _ contents: Dump) throws {
        var index: [Model.Name: Model.Entry] = [:]
        for kind in IdentifierKind.allCases {
            for (key, value) in contents[kind.table.name, default: [:]] where key.starts(with: bytes(Key(number))) {
                let entry = try IndexEntry(value.span.bytes)
                let holder = entry.holder == .nobody ? nil : people[entry.holder] ?? -2
                let name = Model.Name(kind: kind, text: String(decoding: key.dropFirst(4), as: UTF8.self))
                index[name] = .init(state: entry.state, holder: holder)
            }
        }
        expect(index, model.index, "indexes")
    }

    private mutating func compareQuarrels(_ model: Model, _ organization: UUID) throws {
        var quarrels: [Model.Quarrel: Model.QuarrelState] = [:]
        for conflict in try vault.conflicts(in: .open, after: nil, limit: .max, organization: organization) {
            let pair: Set = [people[conflict.first] ?? -2, people[conflict.second] ?? -2]
            quarrels[.init(pair: pair, name: translated(conflict.identifier))] = .init(
                source: conflict.source, firstSeen: conflict.firstSeen, lastSeen: conflict.lastSeen,
                count: conflict.count)
        }
        expect(quarrels, model.quarrels, "conflicts")
    }

    private mutating func compareRows(_ model: Model, _ organization: UUID) throws {
        for (name, row) in model.rows {
            let record = try vault.record(name.kind, name.id, in: organization)
            let real = record.map { record in
                Model.Row(
                    owner: people[record.identity] ?? -2, createdAt: record.createdAt, updatedAt: record.updatedAt,
                    fields: [
                        record.firstName, record.lastName, record.email, record.phone, record.source, record.status,
                        record.attributes,
                    ])
            }
            expect(real, row, "record \(name)")
        }
    }

    private mutating func compareTrail(_ model: Model, _ organization: UUID) throws {
        let events = try vault.events(in: organization)
        expect(events.map(\.sequence), events.indices.map { UInt64($0 + 1) }, "sequences")
        let happenings = try events.map { event in
            Model.Happening(
                action: event.action, time: event.time, person: event.identity.map { people[$0] ?? -2 },
                other: event.other.map { people[$0] ?? -2 }, kinds: event.kinds,
                row: try event.record.map { .init(kind: try #require(RecordKind($0.kind)), id: $0.id) },
                source: event.source, previous: event.previousOfIdentity)
        }
        expect(happenings, model.happenings, "trail")
        expect(events.allSatisfy { $0.actor == "tester" }, true, "actor")
        expect(try vault.verifyAudit(in: organization), .init(events: UInt64(events.count), faults: []), "audit")
    }
}
