// What resolve promises: the worked examples, the waterfall, enrichment, names, limits, hits and dry runs.

import Foundation
import Testing

@testable import VaultDB

@Suite("Resolve") struct ResolveTests {
    // MARK: Worked examples

    @Test(arguments: EngineKind.allCases)
    func `a form and a later booking with the same email are two leads of one identity`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let form = try vault.put(RecordDraft(kind: .lead, id: "form", email: "ana@example.com", source: "web"))
        vault.clock.advance(seconds: 2 * 86_400)
        let booking = try vault.put(RecordDraft(kind: .lead, id: "booking", email: "Ana@Example.com"))
        #expect(form.identity == booking.identity)
        #expect(form.resolution?.outcome == .created)
        #expect(booking.resolution?.outcome == .matched(by: .email))
        let ledger = try vault.ledger(in: .clinic)
        #expect(ledger.identities == 1 && ledger.records == 2 && ledger.emails == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `a phone-only booking is enriched by a form with the same phone and an email`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let booking = try vault.put(RecordDraft(kind: .lead, id: "whatsapp", phone: "600 123 456"))
        let form = try vault.put(
            RecordDraft(kind: .lead, id: "instagram", email: "ana@example.com", phone: "+34600123456"))
        #expect(form.identity == booking.identity)
        #expect(form.resolution?.outcome == .matched(by: .phone))
        #expect(form.resolution?.enriched.map(\.text) == ["ana@example.com"])
        let identity = try #require(try vault.identity(form.identity, in: .clinic))
        #expect(identity.primaryEmail == "ana@example.com" && identity.primaryPhone == "+34600123456")
    }

    @Test(arguments: EngineKind.allCases)
    func `a lead and a patient with the same email are one identity`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let lead = try vault.put(RecordDraft(kind: .lead, id: "1", email: "ana@example.com", status: "NEW"))
        let patient = try vault.put(RecordDraft(kind: .patient, id: "1", email: "ana@example.com"))
        #expect(lead.identity == patient.identity)
        #expect(try vault.record(.lead, "1", in: .clinic)?.identity == lead.identity)
        #expect(try vault.record(.patient, "1", in: .clinic)?.identity == lead.identity)
        #expect(try vault.ledger(in: .clinic).identities == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `a form that brings the email of one and the phone of another is a conflict`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let a = try vault.resolve("a@example.com")
        let b = try vault.resolve(phone: "600123456")
        let untouched = try vault.person(b)
        let both = try vault.resolve("a@example.com", phone: "600123456", source: "form")
        #expect(both.identity == a.identity && both.outcome == .matched(by: .email))
        #expect(both.conflicts == [.init(identifier: try vault.identifier("600123456"), owner: b.identity.id)])
        #expect(try vault.person(b) == untouched)
        let queue = try vault.openConflicts()
        #expect(queue.count == 1 && queue[0].count == 1 && queue[0].source == "form")
        #expect(Set([queue[0].first, queue[0].second]) == [a.identity.id, b.identity.id])
    }

    @Test(arguments: EngineKind.allCases)
    func `what is stored is normalised and what is unusable is a warning`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.resolve("  John@Example.COM  ", phone: "600 123 456")
        let identity = try vault.person(answer)
        #expect(identity.primaryEmail == "john@example.com" && identity.primaryPhone == "+34600123456")
        let short = try vault.resolve("john@example.com", phone: "12")
        #expect(short.identity == answer.identity && short.warnings == [.invalid(.phone)])
        #expect(try vault.resolve("no at sign", phone: "600123456").warnings == [.invalid(.email)])
        #expect(try vault.resolve("john@example.com", externals: ["nothing"]).warnings == [.invalid(.external)])
    }

    // MARK: Nothing usable

    struct Unusable: Sendable, CustomTestStringConvertible {
        var email: String?
        var phone: String?
        var externals: [String] = []
        var testDescription: String { "\(email ?? "-") \(phone ?? "-") \(externals)" }
    }

    @Test(arguments: [
        Unusable(), Unusable(email: "", phone: ""), Unusable(email: "@"), Unusable(phone: "12"),
        Unusable(email: " ", phone: "abc", externals: [":"]), Unusable(externals: ["", "x"]),
    ])
    func `without a usable identifier nothing is written`(_ given: Unusable) throws {
        for kind in EngineKind.allCases {
            let vault = try kind.vault()
            let before = try vault.contents()
            let error = code {
                try vault.resolve(given.email, phone: given.phone, externals: given.externals, name: "Ana")
            }
            #expect(error == .noUsableIdentifier)
            #expect(
                code { try vault.put(RecordDraft(kind: .lead, id: "1", email: given.email, phone: given.phone)) }
                    == .noUsableIdentifier)
            #expect(try vault.contents() == before)
            #expect(try vault.check().isClean)
        }
    }

    // MARK: The waterfall

    @Test(arguments: EngineKind.allCases)
    func `external ids come before the email and the email before the phone`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let external = try vault.resolve(externals: ["stripe:1"])
        let email = try vault.resolve("a@example.com")
        let phone = try vault.resolve(phone: "600123456")
        let all = try vault.resolve("a@example.com", phone: "600123456", externals: ["stripe:1"])
        #expect(all.identity == external.identity && all.outcome == .matched(by: .external))
        #expect(all.matched?.text == "stripe:1")
        #expect(all.texts.conflicts == ["a@example.com", "+34600123456"])
        let two = try vault.resolve("a@example.com", phone: "600123456")
        #expect(two.identity == email.identity && two.conflicts.map(\.owner) == [phone.identity.id])
        #expect(try vault.resolve(phone: "600123456", externals: ["stripe:2"]).identity == phone.identity)
    }

    @Test(arguments: EngineKind.allCases)
    func `the first known external id wins over the first given`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let known = try vault.resolve(externals: ["stripe:2"])
        let answer = try vault.resolve(externals: ["stripe:1", "stripe:2", "stripe:1"])
        #expect(answer.identity == known.identity && answer.matched?.text == "stripe:2")
        #expect(answer.texts.enriched == ["stripe:1"])
    }

    @Test(arguments: EngineKind.allCases)
    func `enrichment is primary where there was none of its kind and secondary otherwise`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let created = try vault.resolve("a@example.com", source: "first")
        #expect(created.enriched.isEmpty && created.matched == nil)
        vault.clock.advance()
        try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:ana"], source: "second")
        let last = try vault.resolve("b@example.com", externals: ["ig:ana"], source: "third")
        #expect(last.texts.enriched == ["b@example.com"])
        let identity = try vault.person(created)
        #expect(
            identity.identifiers.map(\.identifier.text) == ["a@example.com", "ig:ana", "+34600123456", "b@example.com"])
        #expect(identity.identifiers.map(\.isPrimary) == [true, true, true, false])
        #expect(identity.identifiers.map(\.source) == ["first", "second", "second", "third"])
        #expect(identity.identifiers[0].firstSeen < identity.identifiers[0].lastSeen)
        #expect(identity.createdAt < identity.updatedAt)
    }

    @Test(arguments: EngineKind.allCases)
    func `a call's own region decides how its phone is read`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let french = try #require(Region("FR"))
        let abroad = try vault.resolve(phone: "600123456", region: french)
        #expect(try vault.person(abroad).primaryPhone == "+33600123456")
        #expect(try vault.resolve(phone: "600123456").outcome == .created)
        #expect(try vault.resolve(phone: "600123456", region: french).identity == abroad.identity)
    }

    // MARK: Names

    @Test(arguments: EngineKind.allCases)
    func `a name fills the display name first and is an alias from then on`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.resolve("a@example.com")
        #expect(try vault.person(answer).displayName == nil)
        for name in ["Ana", "  Ana\tGarcía\u{0} ", "Ana", "Ana García", " \n "] {
            try vault.resolve("a@example.com", name: name)
        }
        let identity = try vault.person(answer)
        #expect(identity.displayName == "Ana" && identity.aliases == ["Ana García"])
        #expect(try vault.events(in: .clinic).map(\.action) == [.identityCreated, .nameAdded, .nameAdded])
    }

    @Test(arguments: EngineKind.allCases)
    func `an identity keeps a bounded number of aliases`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for number in 0..<Limits.aliasesMax + 5 { try vault.resolve("a@example.com", name: "Name \(number)") }
        let before = try vault.contents()
        let answer = try vault.resolve("a@example.com", name: "One more")
        #expect(try vault.person(answer).aliases.count == Limits.aliasesMax)
        #expect(try vault.contents() == before)
    }

    // MARK: Limits

    @Test(arguments: EngineKind.allCases)
    func `identifiers beyond the limit are left out with a warning`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        var answer = try vault.resolve("a@example.com")
        for page in 0..<11 {
            let externals = (0..<99).map { "crm:\(page)-\($0)" }
            answer = try vault.resolve("a@example.com", externals: externals)
        }
        #expect(answer.warnings == [.tooManyIdentifiers] && answer.enriched.count == 9)
        #expect(try vault.person(answer).identifiers.count == Limits.identifiersPerIdentityMax)
        #expect(try vault.ledger(in: .clinic).externals == 999)
        #expect(try vault.check().isClean)
        let before = try vault.contents()
        #expect(try vault.resolve("a@example.com", phone: "600123456").warnings == [.tooManyIdentifiers])
        #expect(try vault.contents() == before)
        _ = try vault.resolve(phone: "600999888")
        for page in 0..<11 {
            answer = try vault.resolve(phone: "600999888", externals: (0..<99).map { "shop:\(page)-\($0)" })
        }
        #expect(try vault.person(answer).identifiers.count == Limits.identifiersPerIdentityMax)
        let written = vault.operationsWritten
        #expect(try vault.resolve("new@example.com", phone: "600999888").warnings == [.tooManyIdentifiers])
        #expect(
            vault.operationsWritten == written, "an email that nobody has is nothing to write where there is no room")
    }

    // MARK: Hits and dry runs

    @Test(arguments: EngineKind.allCases)
    func `a match that changes nothing writes nothing and does not ask the writer`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let created = try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:a"], name: "Ana")
        let (before, written) = (try vault.contents(), vault.operationsWritten)
        let requests: [() throws -> Resolution] = [
            { try vault.resolve("A@example.com ") },
            { try vault.resolve(phone: "600 12 34 56") },
            { try vault.resolve(phone: "+34600123456", name: "Ana") },
            { try vault.resolve("a@example.com", phone: "12", externals: ["IG: a"], source: "other") },
        ]
        for request in requests { #expect(try request().identity == created.identity) }
        #expect(try vault.contents() == before && vault.operationsWritten == written)
    }

    @Test(arguments: EngineKind.allCases)
    func `a dry run says what the real call then says, and writes nothing`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve("a@example.com", name: "Ana")
        try vault.resolve(phone: "600123456")
        let requests = [
            ResolveRequest(email: "new@example.com", phone: "12", name: "New"),
            ResolveRequest(email: "a@example.com", phone: "600123456", externals: ["ig:a"], name: "Anita"),
            ResolveRequest(email: "a@example.com"), ResolveRequest(phone: "600 123 456", externals: ["bad"]),
        ]
        for request in requests {
            let before = try vault.contents()
            var dry = request
            dry.isDryRun = true
            var said = try vault.resolve(dry, in: .clinic)
            #expect(try vault.contents() == before)
            let done = try vault.resolve(request, in: .clinic)
            #expect(said.outcome != .created || (said.identity.id == .nobody && said.sequence == 0))
            if said.outcome == .created { said.identity = done.identity }
            said.sequence = done.sequence
            #expect(said == done)
        }
    }

    @Test(arguments: EngineKind.allCases)
    func `a dry run in an organization nobody knows makes none`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let before = try vault.contents()
        #expect(try vault.resolve("a@example.com", dry: true).outcome == .created)
        #expect(code { try vault.resolve("@", dry: true) } == .noUsableIdentifier)
        #expect(try vault.contents() == before)
    }

    @Test(arguments: EngineKind.allCases)
    func `a dry run where nobody is known fails as the call would`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for isDryRun in [true, false] {
            #expect(code { try vault.resolve(phone: "+55 11 8765-4321", dry: isDryRun) } == .noUsableIdentifier)
        }
        #expect(try vault.resolve("a@example.com", dry: true).outcome == .created)
    }
}
