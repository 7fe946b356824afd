// Where records, patients, merges and erasures meet: what docs/SEMANTICS.md promises at the edges.

import Foundation
import Testing

@testable import VaultDB

@Suite("Edges of the whole person") struct PersonEdgeTests {
    let vault: any TestVault
    init() throws { vault = try EngineKind.memory.vault() }

    private func put(
        _ kind: RecordKind, _ id: String, _ email: String? = nil, phone: String? = nil, identity: UUID? = nil,
        status: String? = nil, _ change: (inout RecordDraft) -> Void = { _ in }
    ) throws -> UUID {
        vault.clock.advance()
        var draft = RecordDraft(kind: kind, id: id, identity: identity, email: email, phone: phone, status: status)
        change(&draft)
        return try vault.put(draft).identity
    }

    private func identity(_ id: UUID) throws -> Identity { try #require(try vault.identity(id, in: .clinic)) }

    private func clinical(_ id: UUID) throws -> [String] {
        try identity(id).identifiers.filter(\.isClinical).map(\.identifier.text)
    }

    @Test func `putting the first patient again does not make the second one's email primary`() throws {
        let ana = try put(.patient, "1", "a@example.com")
        _ = try put(.patient, "2", "b@example.com", identity: ana)
        _ = try put(.patient, "1", "a@example.com", status: "SEEN")
        #expect(try identity(ana).primaryEmail == "a@example.com")
    }

    @Test func `what a put keeps of a patient is still given by a patient`() throws {
        let ana = try put(.patient, "1", "a@example.com", phone: "+34600123456")
        _ = try put(.patient, "1", phone: "+34600123457") { $0.keepsOthers = true }
        #expect(try clinical(ana) == ["a@example.com", "+34600123457"])
    }

    @Test func `what a patient gave becomes primary when its identity comes to hold it`() throws {
        let other = try vault.resolve("x@example.com").identity.id
        let ana = try put(.lead, "1", "a@example.com")
        _ = try put(.patient, "1", "x@example.com", identity: ana)
        try vault.release("x@example.com")
        _ = try put(.lead, "2", "x@example.com", identity: ana)
        #expect(other != ana)
        #expect(try identity(ana).primaryEmail == "x@example.com")
    }

    @Test func `what the other's patient gave becomes primary by a merge`() throws {
        let bea = try vault.resolve("first@example.com", phone: "600123456").identity.id
        try vault.resolve("x@example.com", phone: "600123456")
        let ana = try put(.lead, "1", phone: "+34600123457")
        _ = try put(.patient, "1", "x@example.com", identity: ana)
        try vault.merge(ana, into: bea)
        #expect(try identity(bea).primaryEmail == "x@example.com")
    }

    @Test func `after unmerge what a patient gave is what its record says now`() throws {
        let ana = try put(.patient, "1", "a@example.com")
        let bea = try vault.resolve("b@example.com").identity.id
        vault.clock.advance()
        let merge = try vault.merge(ana, into: bea).merge
        _ = try put(.patient, "1", "new@example.com")
        try vault.unmerge(merge)
        #expect(try clinical(ana) == [])
        #expect(try clinical(bea) == [])
    }

    @Test func `a patient's phone that changes is not the patient's any more, whatever the region is now`() throws {
        let ana = try put(.patient, "1", phone: "600123456")
        try vault.setRegion(Region("FR") ?? .spain, in: .clinic)
        _ = try put(.patient, "1", phone: "+34600123457")
        #expect(try clinical(ana) == ["+34600123457"])
    }

    @Test func `erasure clears records of others, whatever the region is now`() throws {
        let bea = try vault.resolve(phone: "600123456").identity.id
        _ = try put(.lead, "1", "a@example.com", phone: nil)
        _ = try put(.lead, "1", "a@example.com", phone: "600123456")
        try vault.setRegion(Region("FR") ?? .spain, in: .clinic)
        try vault.erase(bea)
        #expect(try vault.record(.lead, "1", in: .clinic)?.phone == nil)
    }

    @Test func `a lead of an erased person comes back unconverted`() throws {
        let ana = try put(.lead, "1", "a@example.com", status: "NEW")
        _ = try put(.patient, "1", "a@example.com")
        try vault.erase(ana)
        _ = try put(.lead, "1", "a@example.com", status: "NEW")
        #expect(try vault.record(.lead, "1", in: .clinic)?.status == "NEW")
    }

    @Test func `erasing a former holder does not make the present one have held before`() throws {
        let ana = try vault.resolve("a@example.com", phone: "600123456").identity.id
        vault.clock.advance()
        try vault.release("a@example.com")
        vault.clock.advance()
        try vault.resolve("a@example.com", externals: ["crm:1"])
        vault.clock.advance()
        try vault.mark("a@example.com", as: .shared)
        let sharedSince = vault.clock.now
        vault.clock.advance()
        try vault.erase(ana)
        let now = try vault.holdings(of: vault.identifier("a@example.com"), in: .clinic).last
        #expect(now?.state == .shared && now?.from == sharedSince)
    }

    @Test func `where the survivor has none as good it takes the other's primary, not its oldest`() throws {
        let ana = try vault.resolve("old@example.com", phone: "600123456").identity.id
        try vault.mark("old@example.com", as: .shared)
        try vault.resolve("primary@example.com", phone: "600123456")
        try vault.release("old@example.com")
        let bea = try vault.resolve("b@example.com").identity.id
        try vault.mark("b@example.com", as: .shared)
        #expect(try identity(ana).primaryEmail == "primary@example.com")
        try vault.merge(ana, into: bea)
        #expect(try identity(bea).primaryEmail == "primary@example.com")
    }

    @Test func `a merge that a conflict moved on by has to be undone first`() throws {
        let ana = try vault.resolve("a@example.com").identity.id
        let tom = try vault.resolve(phone: "600123456").identity.id
        try vault.resolve("a@example.com", phone: "600123456")
        let (bea, uma) = (
            try vault.resolve("b@example.com").identity.id, try vault.resolve("u@example.com").identity.id
        )
        let first = try vault.merge(ana, into: bea).merge
        let second = try vault.merge(tom, into: uma).merge
        #expect(code { try vault.unmerge(first) } == .refused)
        try vault.unmerge(second)
        try vault.unmerge(first)
        #expect(try vault.openConflicts().map { Set([$0.first, $0.second]) } == [[ana, tom]])
    }

    @Test func `whichever merge the conflict moved on by, undoing both restores it`() throws {
        let ana = try vault.resolve("a@example.com").identity.id
        let tom = try vault.resolve(phone: "600123456").identity.id
        try vault.resolve("a@example.com", phone: "600123456")
        let (bea, uma) = (
            try vault.resolve("b@example.com").identity.id, try vault.resolve("u@example.com").identity.id
        )
        let second = try vault.merge(tom, into: uma).merge
        let first = try vault.merge(ana, into: bea).merge
        #expect(code { try vault.unmerge(second) } == .refused)
        try vault.unmerge(first)
        try vault.unmerge(second)
        #expect(try vault.openConflicts().map { Set([$0.first, $0.second]) } == [[ana, tom]])
    }

    @Test func `unmerge does not turn back the time of a lead that was put since`() throws {
        let ana = try put(.lead, "1", "a@example.com", status: "NEW")
        let bea = try put(.patient, "1", "b@example.com")
        let merge = try vault.merge(ana, into: bea).merge
        _ = try put(.lead, "1", "a@example.com", status: "NEW") { $0.firstName = "Ana" }
        let time = vault.clock.now
        vault.clock.advance()
        try vault.unmerge(merge)
        #expect(try vault.record(.lead, "1", in: .clinic)?.updatedAt == time)
    }

    @Test func `a record put again as it is enriches by an external id that is new`() throws {
        _ = try put(.lead, "1", "a@example.com")
        _ = try put(.lead, "1", "a@example.com") { $0.externals = ["crm:1"] }
        #expect(try vault.find("crm:1") != nil)
    }

    @Test func `erasure reaches a record that moved to a third`() throws {
        let tom = try vault.resolve(phone: "600123456").identity.id
        _ = try put(.lead, "1", "a@example.com")
        _ = try put(.lead, "1", "a@example.com", phone: "600123456")
        let third = try vault.resolve("third@example.com").identity.id
        _ = try put(.lead, "1", identity: third) {
            $0.moves = true
            $0.keepsOthers = true
        }
        try vault.erase(tom)
        #expect(try vault.record(.lead, "1", in: .clinic)?.phone == nil)
    }

    @Test func `a record that is inactive stays so when it moves`() throws {
        _ = try put(.patient, "1", "a@example.com")
        try vault.delete(.patient, "1")
        let bea = try vault.resolve("b@example.com").identity.id
        _ = try put(.patient, "1", "a@example.com", identity: bea) { $0.moves = true }
        #expect(try vault.record(.patient, "1", in: .clinic)?.isActive == false)
    }

    @Test func `erasure of the former identity reaches a record that moved away`() throws {
        let ana = try put(.lead, "1", "a@example.com")
        let bea = try vault.resolve("b@example.com").identity.id
        _ = try put(.lead, "1", identity: bea) {
            $0.moves = true
            $0.keepsOthers = true
        }
        try vault.erase(ana)
        #expect(try vault.record(.lead, "1", in: .clinic)?.email == nil)
    }
}
