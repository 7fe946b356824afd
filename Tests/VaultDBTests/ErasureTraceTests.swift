// What others have of an erased person, and what journals, conflicts and first answers told: nothing of it is left.

import Foundation
import Testing

@testable import VaultDB

@Suite("Traces of the erased") struct ErasureTraceTests {
    @Test func `first answers, conflicts and the records of others keep nothing of it`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let other = try clinic.person("eva@example.com")
        let erased = try clinic.person(phone: "600000001")
        try clinic.put(.lead, "1", email: "eva@example.com", phone: "600 000 001")
        var request = ResolveRequest(email: "eva@example.com", phone: "600000001")
        request.idempotencyKey = "k"
        _ = try people.resolveBlocking(request)
        try people.eraseBlocking(erased)
        #expect(try clinic.record(.lead, "1").phone == nil)
        #expect(try clinic.record(.lead, "1").identity == other)
        #expect(try Conflict.State.allCases.flatMap { try people.conflictPage(in: $0).conflicts }.isEmpty)
        #expect(try clinic.isClean())
        let again = try people.resolveBlocking(request)
        #expect(again.conflicts.isEmpty && again.enriched.count == 1, "the key's first answer is gone")
    }

    @Test func `a phone that was dialled in another region goes from the records of others too`() throws {
        let clinic = try Clinic()
        let other = try clinic.person("eva@example.com")
        let erased = try clinic.person(phone: "+5491123456789")
        try clinic.put(.lead, "1", email: "eva@example.com", phone: "011 15 2345 6789") { $0.region = Region("AR") }
        #expect(try clinic.people.conflictPage().conflicts.count == 1)
        try clinic.people.eraseBlocking(erased)
        let record = try clinic.record(.lead, "1")
        #expect(record.identity == other && record.phone == nil && record.region == nil)
        #expect(try clinic.isClean())
    }

    @Test func `the same digits of another country stay in the record of who owns that number`() throws {
        let clinic = try Clinic()
        let erased = try clinic.person(phone: "+33698765432")
        let other = try clinic.put(.lead, "1", email: "eva@example.com", phone: "698765432").identity
        try clinic.person("eva@example.com", phone: "+33698765432")
        #expect(try clinic.people.conflictPage().conflicts.count == 1)
        try clinic.people.eraseBlocking(erased)
        #expect(try clinic.record(.lead, "1").phone == "698765432")
        #expect(try clinic.people.find(phone: "698765432") == other)
        #expect(try clinic.isClean())
    }

    @Test func `a Brazilian mobile without its ninth digit goes from the records of others too`() throws {
        let clinic = try Clinic()
        let erased = try clinic.person(phone: "+5511961234567")
        try clinic.put(.lead, "1", email: "eva@example.com")
        try clinic.put(.lead, "1", email: "eva@example.com", phone: "+551161234567")
        let third = try clinic.person("third@example.com")
        try clinic.put(.lead, "1", identity: third) {
            $0.moves = true
            $0.keepsOthers = true
        }
        #expect(try clinic.people.conflicts(of: third).map(\.identifier.text).contains("+5511961234567"))
        try clinic.people.eraseBlocking(erased)
        #expect(try clinic.record(.lead, "1").phone == nil)
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("551161234567"))
    }

    @Test func `whose record loses what it held of the erased person is told`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let other = try clinic.person("eva@example.com")
        let erased = try clinic.person(phone: "600000001")
        try clinic.put(.lead, "1", email: "eva@example.com", phone: "600 000 001")
        let before = try clinic.identity(other).lastSequence
        try people.eraseBlocking(erased)
        #expect(try clinic.identity(other).lastSequence > before)
        let event = try people.historyPage(of: other).events.first
        #expect(event?.action == .recordUpdated && event?.record?.id == "1")
        #expect(try clinic.isClean())
    }

    @Test func `conflicts about an identifier go with its release, from the journals of both sides too`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, c) = (try clinic.person("alba@example.com"), try clinic.person("carla@example.com"))
        let holder = try clinic.person(phone: "600123456")
        for email in ["alba@example.com", "carla@example.com"] { try clinic.person(email, phone: "600123456") }
        try clinic.put(.lead, "1", email: "dora@example.com")
        let merges = [
            try people.mergeBlocking(c, into: clinic.person("dora@example.com")).merge,
            try people.mergeBlocking(holder, into: clinic.person("berta@example.com")).merge,
        ]
        #expect(try people.conflictPage().conflicts.count == 2)
        try people.releaseBlocking(people.identifier("600123456", kind: .phone))
        #expect(try people.conflicts(of: a).isEmpty)
        #expect(try people.ledger().openConflicts == 0)
        try people.eraseBlocking(try clinic.person(phone: "600123456"))
        for merge in merges { try people.unmergeBlocking(merge) }
        #expect(try Conflict.State.allCases.flatMap { try people.conflictPage(in: $0).conflicts }.isEmpty)
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("600123456"))
    }

    @Test func `a conflict that a merge settled goes with the release of its identifier`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person(phone: "600123456"))
        try clinic.person("alba@example.com", phone: "600123456")
        let merge = try people.mergeBlocking(b, into: a).merge
        #expect(try people.conflictPage(in: .merged).conflicts.count == 1)
        try people.releaseBlocking(people.identifier("600123456", kind: .phone))
        try people.eraseBlocking(try clinic.person(phone: "600123456"))
        try people.unmergeBlocking(merge)
        #expect(try Conflict.State.allCases.flatMap { try people.conflictPage(in: $0).conflicts }.isEmpty)
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("600123456"))
    }

    @Test func `first answers tell no more of an identifier that was released`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let first = try clinic.person("ana@example.com")
        var request = ResolveRequest(email: "ana@example.com", phone: "600000001")
        request.idempotencyKey = "k"
        #expect(try people.resolveBlocking(request).enriched.count == 1)
        _ = try people.releaseBlocking(try #require(PhoneNumber.candidate("+34600000001").map(Identifier.phone)))
        let second = try clinic.person(phone: "600000001")
        try people.eraseBlocking(second)
        #expect(try people.identity(first)?.identity.id == first)
        #expect(try clinic.isLeft("+34600000001") == false)
    }

    @Test func `first answers of before a merge forget what is released after it`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (merged, survivor) = (try clinic.person("ana@example.com"), try clinic.person("berta@example.com"))
        var request = ResolveRequest(email: "ana@example.com", phone: "600000001")
        request.idempotencyKey = "k"
        #expect(try people.resolveBlocking(request).enriched.count == 1)
        try people.mergeBlocking(merged, into: survivor)
        try people.releaseBlocking(people.identifier("600000001", kind: .phone))
        try people.eraseBlocking(try clinic.person(phone: "600000001"))
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("600000001"))
    }

    @Test func `the journals of other people's merges keep nothing of it`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (t, u) = (try clinic.person("tina@example.com"), try clinic.person("uma@example.com"))
        let x = try clinic.person(phone: "600777001")
        try clinic.put(.lead, "1", email: "tina@example.com", phone: "600777001")
        let other = try clinic.person(phone: "600777002")
        let merge = try people.mergeBlocking(t, into: u).merge
        try people.mergeBlocking(other, into: u)
        try people.releaseBlocking(people.identifier("600777002", kind: .phone))
        let second = try clinic.person(phone: "600777002")
        try people.eraseBlocking(x)
        try people.eraseBlocking(second)
        #expect(try clinic.isClean())
        try people.unmergeBlocking(try #require(try people.merges().first).id)
        try people.unmergeBlocking(merge)
        #expect(try clinic.isClean())
        #expect(try !clinic.isLeft("600777001"))
        #expect(try !clinic.isLeft("600777002"))
    }

    @Test func `a journal keeps no primary that its survivor let go of`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person("berta@example.com"))
        try people.mergeBlocking(a, into: b)
        try people.releaseBlocking(people.identifier("berta@example.com", kind: .email))
        try people.eraseBlocking(try clinic.person("berta@example.com"))
        #expect(try !clinic.isLeft("berta@example.com"))
    }

    @Test func `a record that the survivor gained is found after the merge was undone`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person("berta@example.com"))
        let merge = try people.mergeBlocking(a, into: b).merge
        usleep(20)
        try clinic.put(.lead, "1", email: "alba@example.com")
        var keyed = ResolveRequest(email: "alba@example.com")
        keyed.idempotencyKey = "k"
        _ = try people.resolveBlocking(keyed)
        try people.unmergeBlocking(merge)
        #expect(try people.conflictPage().conflicts.count == 1)
        try people.eraseBlocking(a)
        #expect(try clinic.record(.lead, "1").email == nil)
        #expect(try !clinic.isLeft("alba@example.com"))
    }
}
