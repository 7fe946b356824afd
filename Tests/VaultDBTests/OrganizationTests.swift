// What an organization promises: it is apart from all others, and has a region of its own.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Organizations") struct OrganizationTests {
    @Test(arguments: EngineKind.allCases)
    func `nothing is matched, read or counted across organizations`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let clinic = try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:a"])
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        #expect(try vault.find("a@example.com", .email, in: .studio) == nil)
        let studio = try vault.resolve("a@example.com", externals: ["ig:a"], in: .studio)
        #expect(studio.outcome == .created && studio.sequence == 1)
        #expect(try vault.identity(clinic.identity.id, in: .studio) == nil)
        #expect(try vault.identity(studio.identity.id, in: .clinic) == nil)
        #expect(try vault.record(.lead, "1", in: .studio) == nil)
        #expect(try vault.history(of: clinic.identity.id, in: .studio).isEmpty)
        let ledger = try vault.ledger(in: .studio)
        #expect(ledger.identities == 1 && ledger.records == 0 && ledger.phones == 0)
        try vault.mark("a@example.com", as: .blocked)
        #expect(try vault.find("a@example.com", .email, in: .studio) == studio.identity.id)
        #expect(try vault.verifyAudit(in: .studio).events == 1)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `a region counts for what is normalised from now on`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let french = try #require(Region("FR"))
        let spanish = try vault.resolve(phone: "600123456")
        try vault.setRegion(french, in: .clinic)
        #expect(try vault.region(in: .clinic) == french && vault.region(in: .studio) == .spain)
        let abroad = try vault.resolve(phone: "600123456")
        #expect(abroad.outcome == .created)
        #expect(try vault.find("600123456") == abroad.identity.id)
        #expect(try vault.find("+34600123456") == spanish.identity.id)
        let put = try vault.put(RecordDraft(kind: .lead, id: "1", phone: "600123456"))
        #expect(put.identity == abroad.identity.id)
        #expect(try vault.resolve(phone: "600123456", in: .studio).outcome == .created)
        #expect(try vault.find("+34600123456", .phone, in: .studio) != nil)
    }

    @Test func `a region that another process sets is noticed by reads`() throws {
        let engine = MemoryEngine()
        let (vault, other) = (try memoryVault(engine), try memoryVault(engine))
        let french = try #require(Region("FR"))
        let spaniard = try vault.resolve(phone: "600123456").identity.id
        let frenchman = try vault.resolve(phone: "+33600123456").identity.id
        #expect(try vault.find("600123456") == spaniard)
        try other.setRegion(french, in: .clinic)
        let deadline = ContinuousClock.now + .seconds(30)
        while try vault.find("600123456") != frenchman, ContinuousClock.now < deadline {}
        #expect(try vault.find("600123456") == frenchman)
        #expect(try vault.region(in: .clinic) == french)
        // And by writes that they prepare.
        #expect(try vault.resolve(phone: "600123456", name: "Yves").identity.id == frenchman)
    }

    @Test func `a region that another process sets is noticed by the next write`() throws {
        let engine = MemoryEngine()
        let (vault, other) = (try memoryVault(engine), try memoryVault(engine))
        let french = try #require(Region("FR"))
        try vault.resolve("a@example.com")
        try other.resolve("b@example.com")
        try other.setRegion(french, in: .clinic)
        let before = try vault.contents()
        // What was read for the region before stays refused, however often it is tried.
        let (core, tenant) = (vault.core, vault.core.tenant(.clinic))
        let query = try ResolveQuery(ResolveRequest(phone: "600123456"), region: .spain, core.normalizer)
        let prepared = (0..<2).map { _ in core.submit(tenant, core.operation(nil, .success(query))) }
        for pending in prepared { #expect(code { try pending.wait() } == .busy) }
        #expect(try vault.contents() == before)
        let made = try vault.resolve(phone: "600123456")
        #expect(try vault.region(in: .clinic) == french)
        #expect(try other.resolve(phone: "600123456").identity == made.identity)
        #expect(try vault.check().faults == [])
    }

    @Test func `what was read before the region was set here is refused, in a new organization as well`() throws {
        let vault = try memoryVault(MemoryEngine())
        let french = try #require(Region("FR"))
        try vault.resolve("a@example.com")
        for organization in [UUID.clinic, .studio] {
            let (core, tenant) = (vault.core, vault.core.tenant(organization))
            let query = try ResolveQuery(ResolveRequest(phone: "600123456"), region: .spain, core.normalizer)
            let named = try ResolveQuery(
                ResolveRequest(phone: "600123456", region: .spain), region: .spain, core.normalizer)
            let draft = try core.put(RecordDraft(kind: .lead, id: "1", phone: "600123456"), tenant)
            // No phone in Spain, so that nothing is usable.
            let invalid = try core.put(RecordDraft(kind: .lead, id: "2", phone: "0142685300"), tenant)
            try vault.setRegion(french, in: organization)
            let before = try vault.contents()
            #expect(code { try core.submit(tenant, core.operation(nil, .success(query))).wait() } == .busy)
            #expect(code { try core.submit(tenant, draft).wait() } == .busy)
            #expect(code { try core.submit(tenant, invalid).wait() } == .busy)
            #expect(try vault.contents() == before)
            let resolution = try core.submit(tenant, core.operation(nil, .success(named))).wait()
            #expect(resolution.outcome == .created)
        }
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `setting the region that is set already writes nothing`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.setRegion(.spain, in: .clinic)
        let before = try vault.contents()
        try vault.setRegion(.spain, in: .clinic)
        #expect(try vault.contents() == before)
        #expect(try vault.events(in: .clinic).map(\.action) == [.organizationChanged])
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `reading an organization nobody knows finds nothing and makes none`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let before = try vault.contents()
        #expect(try vault.find("a@example.com") == nil)
        #expect(try vault.identity(UUID(), in: .clinic) == nil)
        #expect(try vault.openConflicts().isEmpty && vault.events(in: .clinic).isEmpty)
        #expect(try vault.ledger(in: .clinic) == Ledger() && vault.verifyAudit(in: .clinic).isIntact)
        #expect(try vault.contents() == before)
    }

    @Test(arguments: EngineKind.allCases)
    func `organizations are numbered in the order in which they came`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for number in 1...20 {
            let id = UUID()
            try vault.resolve("a@example.com", in: id)
            #expect(try vault.number(of: id) == OrganizationNumber(UInt32(number)))
        }
        #expect(try vault.check().isClean)
    }
}
