// What merging promises: everything moves, every id goes on answering, and it can be undone.

import Foundation
import Testing

@testable import VaultDB

@Suite("Merging") struct MergeTests {
    /// Two people with an identifier of each kind, records, names and a conflict between them.
    struct Pair {
        let clinic: Clinic
        let a: UUID
        let b: UUID

        init() throws {
            clinic = try Clinic()
            a = try clinic.put(.lead, "1", email: "a@example.com", status: "NEW") { $0.firstName = "Ana" }.identity
            b = try clinic.put(.lead, "2", phone: "600000002") { $0.firstName = "Anita" }.identity
            try clinic.put(.lead, "3", email: "a@example.com", phone: "600000002") { $0.firstName = "Ana María" }
        }

        /// Everything but the trail and what it moves.
        func state() throws -> [String] {
            let organization = clinic.people
            let ids = [a, b]
            let identities = try ids.map { id in
                var identity = try clinic.identity(id)
                identity.updatedAt = identity.createdAt
                identity.lastSequence = 0
                return "\(identity)"
            }
            let records = try ids.flatMap { try organization.records(of: $0).records.map { "\($0)" } }
            let conflicts = try Conflict.State.allCases.flatMap { state in
                try organization.conflictPage(in: state).conflicts.map { "\($0)" }
            }
            let found = try ["a@example.com", "b@example.com"].map {
                "\(String(describing: try organization.find(email: $0)))"
            }
            let names = try ["ana", "anita", "maria"].map { "\(try organization.search($0).matches.map(\.id))" }
            var ledger = try organization.ledger()
            ledger.sequence = 0
            ledger.head = []
            return identities + records + conflicts + found + names + ["\(ledger)"]
        }
    }

    @Test func `all that one had is the other's, and its id redirects`() throws {
        let pair = try Pair()
        let (clinic, people) = (pair.clinic, pair.clinic.people)
        let answer = try people.mergeBlocking(pair.a, into: pair.b)
        #expect(answer.identity == pair.b && answer.records == 2)
        let found = try #require(try people.identity(pair.a))
        #expect(found.redirectedFrom == pair.a && found.identity.id == pair.b)
        #expect(found.identity.displayName == "Anita" && found.identity.aliases == ["Ana", "Ana María"])
        #expect(found.identity.primaryEmail == "a@example.com" && found.identity.primaryPhone == "+34600000002")
        #expect(try people.find(email: "a@example.com") == pair.b)
        #expect(try people.contact(pair.a).totalInteractions == 3)
        #expect(try people.conflictPage().conflicts.isEmpty)
        #expect(try people.conflictPage(in: .merged).conflicts.count == 1)
        #expect(try people.search("ana mar").matches.map(\.id) == [pair.b])
        #expect(try people.historyPage(of: pair.a).events.first?.merge == answer.merge)
        #expect(try people.historyPage(of: pair.b).events.first?.merge == answer.merge)
        #expect(try people.merges().map(\.id) == [answer.merge])
        #expect(try clinic.isClean())
    }

    @Test func `merging and undoing it leaves everything as it was`() throws {
        let pair = try Pair()
        let before = try pair.state()
        let merge = try pair.clinic.people.mergeBlocking(pair.a, into: pair.b).merge
        #expect(try pair.state() != before)
        #expect(try pair.clinic.people.unmergeBlocking(merge).identity == pair.a)
        #expect(try pair.state() == before)
        #expect(try pair.clinic.isClean())
        #expect(code { try pair.clinic.people.unmergeBlocking(merge) } == .notFound)
    }

    @Test func `a preview says what the merge then does, and writes nothing`() throws {
        let pair = try Pair()
        try pair.clinic.put(.patient, "9", email: "a@example.com")
        let people = pair.clinic.people
        let sequence = try people.ledger().sequence
        let preview = try people.previewMerge(pair.a, into: pair.b)
        #expect(try people.ledger().sequence == sequence)
        #expect(preview.records.map(\.count) == [2, 1] && preview.conflictsSettled == 1)
        #expect(preview.convertedLeads == ["2"])
        try people.mergeBlocking(pair.a, into: pair.b)
        let survivor = try pair.clinic.identity(pair.b)
        #expect(preview.survivor.identifiers == survivor.identifiers && preview.survivor.names == survivor.names)
        #expect(try pair.clinic.record(.lead, "2").status == "CONVERTED")
        #expect(try pair.clinic.isClean())
    }

    @Test func `what the survivor gained since stays with it`() throws {
        let pair = try Pair()
        let people = pair.clinic.people
        let merge = try people.mergeBlocking(pair.a, into: pair.b).merge
        try pair.clinic.put(.lead, "4", email: "new@example.com", phone: "600000002") { $0.firstName = "Nita" }
        try people.unmergeBlocking(merge)
        #expect(try people.find(email: "new@example.com") == pair.b)
        #expect(try pair.clinic.record(.lead, "4").identity == pair.b)
        #expect(try pair.clinic.identity(pair.b).primaryEmail == "new@example.com")
        #expect(try pair.clinic.identity(pair.b).names == ["Anita", "Nita"])
        #expect(try pair.clinic.identity(pair.a).names == ["Ana", "Ana María"])
        #expect(try pair.clinic.isClean())
    }

    @Test func `a chain reads as its end, and is undone from its end`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let ids = try (0..<4).map { try clinic.person("\($0)@example.com") }
        let merges = try (0..<3).map { try people.mergeBlocking(ids[$0], into: ids[$0 + 1]).merge }
        for id in ids { #expect(try people.identity(id)?.identity.id == ids[3]) }
        for merge in merges.dropLast() {
            let error = #expect(throws: VaultError.self) { try people.unmergeBlocking(merge) }
            #expect(error?.code == .refused && error?.message.contains(merges[2].text) == true)
        }
        #expect(try clinic.isClean())
        for merge in merges.reversed() { try people.unmergeBlocking(merge) }
        for id in ids { #expect(try people.identity(id)?.redirectedFrom == nil) }
        #expect(try people.merges().isEmpty)
        #expect(try clinic.isClean())
    }

    @Test func `what makes no sense is refused, and nothing is written`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b, c) = (try clinic.person("a@x.es"), try clinic.person("b@x.es"), try clinic.person("c@x.es"))
        let foreign = try clinic.vault.organization(.studio).resolveBlocking(ResolveRequest(email: "a@x.es")).identity
            .id
        try people.mergeBlocking(a, into: b)
        try people.eraseBlocking(c)
        let sequence = try people.ledger().sequence
        let refusals: [(UUID, UUID, VaultError.Code)] = [
            (b, b, .refused), (a, b, .refused), (b, a, .refused), (b, UUID(), .notFound), (UUID(), b, .notFound),
            (b, foreign, .notFound), (foreign, b, .notFound), (c, b, .erased), (b, c, .erased),
        ]
        for (one, other, expected) in refusals {
            #expect(code { try people.mergeBlocking(one, into: other) } == expected)
            #expect(code { try people.previewMerge(one, into: other) } == expected)
        }
        #expect(code { try people.unmergeBlocking(UUID()) } == .notFound)
        #expect(try people.ledger().sequence == sequence)
    }

    @Test func `a decision about what is no more between the two is refused, and nothing is written`() async throws {
        let pair = try Pair()
        let people = pair.clinic.people
        let sequence = try people.ledger().sequence
        await #expect(throws: VaultError.self) { try await people.merge(pair.a, into: pair.b, if: { $0.isEmpty }) }
        await #expect(throws: VaultError.self) { _ = try await people.keepApart(pair.a, pair.b, if: { $0.isEmpty }) }
        #expect(try people.ledger().sequence == sequence)
        #expect(try await people.keepApart(pair.b, pair.a) { $0.map(\.state) == [.open] }.count == 1)
        #expect(try await people.merge(pair.a, into: pair.b) { $0.map(\.state) == [.keptApart] }.identity == pair.b)
    }

    @Test func `a pair that is kept apart does not come up again by that identifier, and does by another`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let a = try clinic.person("a@example.com")
        let b = try clinic.person(phone: "600000002", externals: ["crm:2"])
        try clinic.person("a@example.com", phone: "600000002")
        #expect(try people.keepApartBlocking(a, b).map(\.state) == [.keptApart])
        #expect(code { try people.keepApartBlocking(a, b) } == .notFound)
        try clinic.person("a@example.com", phone: "600000002")
        #expect(try people.conflictPage().conflicts.isEmpty)
        try clinic.person(phone: "600000002", externals: ["crm:2"])
        _ = try people.resolveBlocking(ResolveRequest(email: "a@example.com", externals: ["crm:2"]))
        #expect(try people.conflictPage().conflicts.count == 1)
        #expect(try people.historyPage(of: b).events.contains { $0.action == .conflictKeptApart })
        #expect(code { try people.keepApartBlocking(a, a) } == .refused)
        #expect(try clinic.isClean())
    }
}
