// What putting a record promises.

import Foundation
import Testing

@testable import VaultDB

@Suite("Records") struct RecordTests {
    static let full = RecordDraft(
        kind: .patient, id: "7", firstName: "Ana", lastName: "García", email: "Ana@Example.com", phone: "600 123 456",
        externals: ["stripe:1"], source: "clinic", status: "NEW", createdAt: Timestamp(iso8601: "2025-01-01T10:00:00Z"),
        attributes: #"{"a":1}"#)

    @Test(arguments: EngineKind.allCases)
    func `a record keeps what was given`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.put(Self.full)
        let record = try #require(try vault.record(.patient, "7", in: .clinic))
        #expect(answer.change == .created && record.identity == answer.identity && record.isActive)
        #expect(record.firstName == "Ana" && record.lastName == "García" && record.name == "Ana García")
        #expect(record.email == "Ana@Example.com" && record.phone == "600 123 456", "as given")
        #expect(record.source == "clinic" && record.status == "NEW" && record.attributes == #"{"a":1}"#)
        #expect(record.createdAt.description == "2025-01-01T10:00:00Z" && record.updatedAt == vault.clock.now)
        let identity = try #require(try vault.identity(answer.identity, in: .clinic))
        #expect(identity.displayName == "Ana García" && identity.primaryEmail == "ana@example.com")
        #expect(identity.lastSequence == answer.resolution?.sequence)
        #expect(try vault.events(in: .clinic).map(\.action) == [.identityCreated, .recordCreated])
    }

    @Test(arguments: EngineKind.allCases)
    func `putting a record again as it is changes nothing`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let first = try vault.put(Self.full)
        vault.clock.advance()
        let before = try vault.contents()
        let again = try vault.put(Self.full)
        #expect(again.change == .unchanged && again.identity == first.identity && again.resolution == nil)
        var untimed = Self.full
        untimed.createdAt = nil
        #expect(try vault.put(untimed).change == .unchanged)
        #expect(try vault.contents() == before)
    }

    @Test(arguments: EngineKind.allCases)
    func `a record is as it was where its bytes are`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let (one, other) = ("caf\u{E9}", "cafe\u{301}")
        var draft = RecordDraft(kind: .lead, id: "1", email: "a@example.com")
        draft.attributes = #"{"\#(one)":1,"\#(other)":2}"#
        try vault.put(draft)
        draft.attributes = #"{"\#(other)":1,"\#(one)":2}"#
        #expect(try vault.put(draft).change == .updated)
        let kept = try #require(try vault.record(.lead, "1", in: .clinic)?.attributes)
        #expect(Array(kept.utf8) == Array(draft.attributes?.utf8 ?? "".utf8))
    }

    @Test(arguments: EngineKind.allCases)
    func `an external id that is another's is a conflict once, also of a record that says nothing else`(
        _ kind: EngineKind
    ) throws {
        let vault = try kind.vault()
        let other = try vault.resolve(externals: ["crm:1"])
        var draft = RecordDraft(kind: .lead, id: "1", email: "a@example.com")
        try vault.put(draft)
        draft.externals = ["crm:1"]
        let again = try vault.put(draft)
        #expect(again.change == .updated && again.resolution?.conflicts.map(\.owner) == [other.identity.id])
        #expect(try vault.put(draft).change == .unchanged)
        #expect(try vault.openConflicts().map(\.count) == [1])
    }

    @Test(arguments: EngineKind.allCases)
    func `an external id that its identity has no room for is no news`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let drafts = (0...10).map { row in
            RecordDraft(
                kind: .lead, id: "\(row)", email: "a@example.com", externals: (0..<100).map { "crm:\(row)-\($0)" })
        }
        for draft in drafts { try vault.put(draft) }
        let before = try vault.contents()
        let changes = try drafts.map { try vault.put($0).change }
        #expect(changes.allSatisfy { $0 == .unchanged })
        #expect(try vault.contents() == before)
    }

    @Test(arguments: EngineKind.allCases)
    func `a phone keeps the region that it was read for`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let drafts = ["600123456", "+34 600 123 456", "0034600123456"].enumerated().map { number, phone in
            RecordDraft(kind: .lead, id: "\(number)", email: "a@example.com", phone: phone)
        }
        for draft in drafts { try vault.put(draft) }
        let regions = try drafts.map { try vault.record(.lead, $0.id ?? "", in: .clinic)?.region }
        #expect(regions == [.spain, nil, .spain])
        try vault.setRegion(try #require(Region("FR")), in: .clinic)
        // The same digits are another number there.
        #expect(try drafts.map { try vault.put($0).change } == [.updated, .unchanged, .unchanged])
        let person = try vault.person(try vault.resolve("a@example.com"))
        #expect(person.texts(.phone) == ["+34600123456", "+33600123456"])
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `a name is learnt without an identifier, and as a whole where the rest of it is kept`(
        _ kind: EngineKind
    ) throws {
        let vault = try kind.vault()
        let ana = try vault.resolve("a@example.com")
        try vault.put(
            RecordDraft(kind: .lead, id: "1", identity: ana.identity.id, firstName: "Zoraida", lastName: "Pérez"))
        #expect(try vault.search("zoraida", limit: 10, in: .clinic).matches.map(\.id) == [ana.identity.id])
        #expect(try vault.events(in: .clinic).map(\.action) == [.identityCreated, .nameAdded, .recordCreated])
        for var draft in [
            RecordDraft(kind: .lead, id: "1", lastName: "Gil"),
            RecordDraft(kind: .lead, id: "1", firstName: "Zora", email: "a@example.com"),
            RecordDraft(kind: .lead, id: "1", status: "WON"),
        ] {
            draft.keepsOthers = true
            try vault.put(draft)
        }
        #expect(try vault.person(ana).names == ["Zoraida Pérez", "Zoraida Gil", "Zora Gil"])
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `empty fields are no fields`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let draft = RecordDraft(
            kind: .lead, id: "1", firstName: "", lastName: "", email: "a@example.com", phone: "", source: "",
            status: "", attributes: "")
        try vault.put(draft)
        #expect(try vault.put(draft).change == .unchanged)
        #expect(try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com")).change == .unchanged)
        #expect(try vault.record(.lead, "1", in: .clinic)?.name == nil)
    }

    @Test(arguments: EngineKind.allCases)
    func `an update keeps the identity and created_at and enriches that identity`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let first = try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        let createdAt = vault.clock.now
        let other = try vault.resolve("b@example.com")
        vault.clock.advance()
        let update = try vault.put(
            RecordDraft(kind: .lead, id: "1", email: "b@example.com", phone: "600123456", status: "WON"))
        #expect(update.change == .updated && update.identity == first.identity)
        #expect(update.resolution?.texts.enriched == ["+34600123456"])
        #expect(update.resolution?.conflicts.map(\.owner) == [other.identity.id])
        let record = try #require(try vault.record(.lead, "1", in: .clinic))
        #expect(record.createdAt == createdAt && record.updatedAt == vault.clock.now && record.status == "WON")
        let bare = try vault.put(RecordDraft(kind: .lead, id: "1", email: "unusable", status: "LOST"))
        #expect(bare.identity == first.identity && bare.resolution == nil)
        #expect(try vault.ledger(in: .clinic).records == 1)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `a new created_at moves the record on the timeline`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        let moved = Timestamp(iso8601: "2020-01-01T00:00:00Z")
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com", createdAt: moved))
        #expect(try vault.record(.lead, "1", in: .clinic)?.createdAt == moved)
        #expect(try vault.contents()["timeline"]?.count == 1)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `kind and id together name a record`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let follower = try #require(RecordKind("follower_2"))
        for (number, kind) in [RecordKind.lead, .patient, .follower, follower].enumerated() {
            #expect(try vault.put(RecordDraft(kind: kind, id: "1", email: "p\(number)@example.com")).change == .created)
        }
        #expect(try vault.record(.follower, "1", in: .clinic)?.email == "p2@example.com")
        #expect(try vault.record(follower, "1", in: .clinic)?.email == "p3@example.com")
        #expect(try vault.record(.lead, "2", in: .clinic) == nil)
        #expect(try vault.record(.lead, "1", in: .studio) == nil)
    }

    @Test(arguments: EngineKind.allCases)
    func `a record whose identifiers are all marked is not kept`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.mark("noreply@example.com", as: .blocked)
        let before = try vault.contents()
        #expect(
            code { try vault.put(RecordDraft(kind: .lead, id: "1", email: "noreply@example.com")) }
                == .noUsableIdentifier)
        #expect(try vault.contents() == before)
    }

    @Test(arguments: ["lead", "a", "x_9", String(repeating: "k", count: Limits.kindBytesMax)])
    func `a kind is a lower-case word`(_ raw: String) { #expect(RecordKind(raw)?.rawValue == raw) }

    @Test(arguments: [
        "", "Lead", "1lead", "_lead", "lead ", "le\0ad", "líder", "lead-1",
        String(repeating: "k", count: Limits.kindBytesMax + 1),
    ])
    func `anything else is no kind`(_ raw: String) { #expect(RecordKind(raw) == nil) }
}
