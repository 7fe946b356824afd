// What an erasure promises: nothing of the person is left but an id that says so.

import Foundation
import Testing

@testable import VaultDB

@Suite("Erasure") struct ErasureTests {
    @Test func `identifiers are free again, records are anonymous, and the id answers erased`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let id = try clinic.put(.lead, "1", email: "ana@example.com", status: "NEW") {
            $0.firstName = "Ana"
            $0.attributes = #"{"note":"secret"}"#
            $0.source = "web"
        }.identity
        try clinic.put(.patient, "2", email: "ana@example.com", phone: "600000001")
        let answer = try people.eraseBlocking(id)
        #expect(answer.identifiers == 2 && answer.records == 2)
        #expect(code { try people.identity(id) } == .erased)
        #expect(code { try people.contact(id) } == .erased)
        #expect(code { try people.eraseBlocking(id) } == .erased)
        #expect(try people.find(email: "ana@example.com") == nil)
        let lead = try clinic.record(.lead, "1")
        #expect(lead.isAnonymous && lead.source == "web" && lead.isActive)
        let patient = try clinic.record(.patient, "2")
        #expect(patient.isAnonymous && !patient.isActive)
        #expect(try people.search("ana").matches.isEmpty)
        #expect(try people.ledger().identities == 0)
        #expect(try people.erasures().map(\.identity) == [id])
        #expect(try clinic.isClean())
    }

    @Test func `what comes back is somebody new, with a warning, until the key is deleted`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let old = try clinic.put(.lead, "1", email: "ana@example.com").identity
        try people.eraseBlocking(old)
        let back = try clinic.put(.lead, "1", email: "Ana@example.com")
        #expect(back.identity != old && back.change == .created)
        #expect(back.resolution?.warnings == [.previouslyErased])
        #expect(try people.records(of: back.identity).records.count == 1)
        try people.eraseBlocking(back.identity)
        #expect(try people.forgetErasuresBlocking() == 1)
        let again = try people.resolveBlocking(ResolveRequest(email: "ana@example.com"))
        #expect(again.warnings.isEmpty && again.outcome == .created)
        #expect(try clinic.isClean())
    }

    @Test func `nothing is said of an erased identifier that there is no room for`() throws {
        let clinic = try Clinic()
        try clinic.people.eraseBlocking(try clinic.person("gone@example.com"))
        let id = try clinic.person("ana@example.com")
        for page in 0..<11 { try clinic.person("ana@example.com", externals: (0..<99).map { "crm:\(page)-\($0)" }) }
        let request = ResolveRequest(email: "gone@example.com", externals: ["crm:0-0"])
        let answer = try clinic.people.resolveBlocking(request)
        #expect(answer.identity.id == id && answer.warnings == [.tooManyIdentifiers])
    }

    @Test func `a record of an erased person needs somebody to belong to`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.lead, "1", email: "ana@example.com").identity
        try clinic.people.eraseBlocking(id)
        #expect(code { try clinic.put(.lead, "1", status: "NEW") } == .noUsableIdentifier)
        #expect(code { try clinic.put(.lead, "2", identity: id) } == .erased)
    }

    @Test func `a record of an erased person that comes back keeps nothing of what it said`() throws {
        let clinic = try Clinic()
        let erased = try clinic.put(.lead, "1", email: "ana@example.com", status: "WON") { $0.source = "web" }.identity
        try clinic.people.eraseBlocking(erased)
        try clinic.put(.lead, "1", email: "eva@example.com") { $0.keepsOthers = true }
        let record = try clinic.record(.lead, "1")
        #expect(record.status == nil && record.source == nil)
    }

    @Test func `who was merged into an erased person is erased too`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let ids = try (0..<4).map { try clinic.person("\($0)@example.com", name: "Name \($0)") }
        // 1 into 0, 2 into 1's place: 3 takes 2 in, and then all of them.
        try people.mergeBlocking(ids[1], into: ids[0])
        try people.mergeBlocking(ids[2], into: ids[3])
        let last = try people.mergeBlocking(ids[3], into: ids[0]).merge
        let answer = try people.eraseBlocking(ids[1])
        #expect(answer.identity == ids[0] && Set(answer.absorbed) == Set(ids[1...]))
        for id in ids { #expect(code { try people.identity(id) } == .erased) }
        #expect(try people.merges().isEmpty)
        #expect(code { try people.unmergeBlocking(last) } == .notFound)
        #expect(try clinic.isClean())
    }

    @Test func `a blocked or shared identifier leaves with who held it, and one that nobody holds stays`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let id = try clinic.person("ana@example.com", phone: "600000001")
        try people.blockBlocking(people.identifier("noreply@example.com", kind: .email))
        try people.blockBlocking(people.identifier("ana@example.com", kind: .email))
        try people.shareBlocking(people.identifier("600000001", kind: .phone))
        let answer = try people.eraseBlocking(id)
        #expect(answer.identifiers == 2 && answer.unblocked == 1)
        #expect(code { try clinic.person("noreply@example.com") } == .noUsableIdentifier)
        for request in [ResolveRequest(email: "ana@example.com"), ResolveRequest(phone: "600000001")] {
            var dry = request
            dry.isDryRun = true
            let back = try people.resolveBlocking(dry)
            #expect(back.outcome == .created && back.warnings == [.previouslyErased])
        }
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("ana@example.com"))
    }

    @Test func `who held an identifier in place of the erased person is forgotten, who claimed it later not`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let a = try clinic.person("alba@example.com", phone: "600111222")
        let (b, c) = (try clinic.person("berta@example.com"), try clinic.person("carla@example.com"))
        let phone = try people.identifier("600111222", kind: .phone)
        let merge = try people.mergeBlocking(a, into: b).merge
        try people.unmergeBlocking(merge)
        try people.releaseBlocking(phone)
        try clinic.person("carla@example.com", phone: "600111222")
        try people.releaseBlocking(phone)
        #expect(try people.holdings(of: phone).map(\.identity) == [a, b, a, c])
        try people.eraseBlocking(a)
        #expect(try people.holdings(of: phone).map(\.identity) == [c])
        #expect(try people.holdings(by: b).map(\.identifier.text) == ["berta@example.com"])
        #expect(try clinic.isClean())
    }
}
