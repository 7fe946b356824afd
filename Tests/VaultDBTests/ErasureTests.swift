// What an erasure promises: nothing of the person is left but an id that says so.

import Foundation
import TestSupport
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
        #expect(try !isLeft("551161234567", of: clinic))
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
        #expect(try !isLeft("600123456", of: clinic))
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
        #expect(try !isLeft("600123456", of: clinic))
    }

    @Test func `a record of an erased person that comes back keeps nothing of what it said`() throws {
        let clinic = try Clinic()
        let erased = try clinic.put(.lead, "1", email: "ana@example.com", status: "WON") { $0.source = "web" }.identity
        try clinic.people.eraseBlocking(erased)
        try clinic.put(.lead, "1", email: "eva@example.com") { $0.keepsOthers = true }
        let record = try clinic.record(.lead, "1")
        #expect(record.status == nil && record.source == nil)
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
        #expect(try isLeft("+34600000001", of: clinic) == false)
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
        #expect(try !isLeft("600000001", of: clinic))
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

    /// What is left of a text in the file once it is compacted.
    private func isLeft(_ text: String, of clinic: Clinic) throws -> Bool {
        clinic.vault.close()
        _ = try Vault.compact(at: clinic.path)
        return try Data(contentsOf: URL(filePath: clinic.path)).range(of: Data(text.utf8)) != nil
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
        #expect(try !isLeft("600777001", of: clinic))
        #expect(try !isLeft("600777002", of: clinic))
    }

    @Test func `a journal keeps no primary that its survivor let go of`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person("berta@example.com"))
        try people.mergeBlocking(a, into: b)
        try people.releaseBlocking(people.identifier("berta@example.com", kind: .email))
        try people.eraseBlocking(try clinic.person("berta@example.com"))
        #expect(try !isLeft("berta@example.com", of: clinic))
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
        #expect(try !isLeft("alba@example.com", of: clinic))
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
        #expect(try !isLeft("ana@example.com", of: clinic))
    }

    @Test func `a restored vault is brought up to date from the register`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let ids = try (0..<6).map { try clinic.person("\($0)@example.com") }
        let undone = try people.mergeBlocking(ids[4], into: ids[5]).merge
        let copy = clinic.path + ".backup"
        try clinic.vault.backup(to: copy)
        try people.unmergeBlocking(undone)
        try people.mergeBlocking(ids[1], into: ids[0])
        for id in [ids[1], ids[3], ids[4]] { try people.eraseBlocking(id) }

        let restored = try Clinic.open(copy)
        defer { restored.close() }
        let back = restored.organization(.clinic)
        let replayed = try Dictionary(
            uniqueKeysWithValues: people.erasures().map { ($0.identity, try back.replayBlocking($0)) })
        #expect(replayed == [ids[0]: .erased, ids[3]: .erased, ids[4]: .needsReview])
        for id in [ids[0], ids[1], ids[3]] { #expect(code { try back.identity(id) } == .erased) }
        #expect(try back.identity(ids[5]) != nil, "nobody said that this one was to be erased")
        #expect(try back.replayBlocking(people.erasures()[0]) == .nothingToDo)
        #expect(try restored.check().isClean)
    }

    @Test func `a replay leaves alone who is one person there with somebody else`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, z) = (try clinic.person("alba@example.com"), try clinic.person("zoe@example.com"))
        let merge = try people.mergeBlocking(z, into: a).merge
        let copy = clinic.path + ".backup"
        try clinic.vault.backup(to: copy)
        try people.unmergeBlocking(merge)
        try people.eraseBlocking(a)
        let erasure = try #require(try people.erasures().first)

        let restored = try Clinic.open(copy)
        defer { restored.close() }
        let back = restored.organization(.clinic)
        #expect(try back.replayBlocking(erasure) == .needsReview)
        #expect(try back.find(email: "zoe@example.com") == a)
        try back.unmergeBlocking(merge)
        #expect(try back.replayBlocking(erasure) == .erased)
        #expect(try back.find(email: "zoe@example.com") == z)
        #expect(code { try back.identity(a) } == .erased)
        #expect(try back.replayBlocking(erasure) == .nothingToDo)
        #expect(try restored.check().isClean)
    }

    @Test func `a replay registers when a person was erased, and with whom`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person("berta@example.com"))
        let copies = [clinic.path + ".apart", clinic.path + ".merged"]
        try clinic.vault.backup(to: copies[0])
        try people.mergeBlocking(a, into: b)
        try clinic.vault.backup(to: copies[1])
        try people.eraseBlocking(b)
        let erasure = try #require(try people.erasures().first)

        let apart = try Clinic.open(copies[0])
        defer { apart.close() }
        #expect(try apart.organization(.clinic).replayBlocking(erasure) == .erased)
        let register = try apart.organization(.clinic).erasures()
        #expect(register.map(\.time) == [erasure.time, erasure.time])
        #expect(register.map { Set([$0.identity] + $0.absorbed) } == [[a, b], [a, b]])
        #expect(try apart.check().isClean)

        let merged = try Clinic.open(copies[1])
        defer { merged.close() }
        let outcomes = try register.map { try merged.organization(.clinic).replayBlocking($0) }
        #expect(outcomes == [.erased, .nothingToDo])
    }

    @Test func `two erased people who were one in the backup are erased by a replay of both`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("alba@example.com"), try clinic.person("berta@example.com"))
        let merge = try people.mergeBlocking(a, into: b).merge
        try clinic.vault.backup(to: clinic.path + ".merged")
        try people.unmergeBlocking(merge)
        try people.eraseBlocking(a)
        try people.eraseBlocking(b)
        let merged = try Clinic.open(clinic.path + ".merged")
        defer { merged.close() }
        let back = merged.organization(.clinic)
        let erasures = try people.erasures()
        #expect(try erasures.map { try back.replayBlocking($0) } == [.needsReview, .needsReview])
        let outcomes = try erasures.map { try back.replayBlocking($0, beside: [a, b]) }
        #expect(Set(outcomes) == [.erased, .nothingToDo])
        #expect(try back.find(email: "alba@example.com") == nil && back.find(email: "berta@example.com") == nil)
        #expect(try merged.check().isClean)
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

    @Test func `an export holds all that the contact shows`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let a = try clinic.put(.lead, "1", email: "ana@example.com") { $0.firstName = "Ana" }.identity
        let b = try clinic.put(.patient, "2", phone: "600000001") { $0.firstName = "Anita" }.identity
        try clinic.put(.lead, "3", email: "ana@example.com", phone: "600000001")
        try people.mergeBlocking(a, into: b)
        let text = try people.export(a).text
        let contact = try people.contact(b)
        for record in contact.timeline.records { #expect(text.contains(record.json.text)) }
        for held in contact.identity.identifiers { #expect(text.contains(held.json.text)) }
        for alias in contact.identity.names { #expect(text.contains("\"\(alias)\"")) }
        for event in try people.historyPage(of: a).events + people.historyPage(of: b).events {
            #expect(text.contains(event.json.text))
        }
        for conflict in try people.conflictPage(in: .merged).conflicts { #expect(text.contains(conflict.json.text)) }
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
    }
}
