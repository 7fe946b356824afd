// What the contact view, lists of records, the change feed and the times of holdings promise.

import Foundation
import Testing

@testable import VaultDB

@Suite("Contacts") struct ContactTests {
    @Test func `a contact has totals, first contact, last activity and one timeline in order of time`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.follower, "f", email: "ana@example.com", at: "2025-03-01T10:00:00Z").identity
        try clinic.put(.patient, "p", email: "ana@example.com", at: "2025-05-01T10:00:00Z")
        try clinic.put(.lead, "l", email: "ana@example.com", at: "2025-01-01T10:00:00Z")
        try clinic.put(RecordKind("payment") ?? .lead, "x", email: "ana@example.com", at: "2025-04-01T10:00:00Z")
        let contact = try clinic.people.contact(id)
        #expect(contact.timeline.records.map(\.id) == ["l", "f", "x", "p"])
        #expect(contact.totalInteractions == 4 && contact.count(of: .lead) == 1)
        #expect(contact.firstContact.description == "2025-01-01T10:00:00Z")
        #expect(contact.lastActivity.description == "2025-05-01T10:00:00Z")
        #expect(contact.records(.patient).map(\.id) == ["p"])
        let newest = try clinic.people.contact(id, order: .newestFirst, limit: 2)
        #expect(newest.timeline.records.map(\.id) == ["p", "x"] && newest.totalInteractions == 4)
        let rest = try clinic.people.contact(id, from: newest.timeline.next, order: .newestFirst, limit: 2)
        #expect(rest.timeline.records.map(\.id) == ["f", "l"] && rest.timeline.next == nil)
    }

    @Test func `without records the identity's own times count`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com")
        let contact = try clinic.people.contact(id)
        #expect(contact.totalInteractions == 0 && contact.timeline.records.isEmpty)
        #expect(contact.firstContact == contact.identity.createdAt)
    }

    @Test func `ten thousand records of one person are paged, each once`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com")
        let rows = (0..<10_000).map {
            #"{"id":"\#($0)","email":"ana@example.com","created_at":"2025-01-\#(10 + $0 % 20)"}"#
        }
        let file = clinic.path + ".jsonl"
        try rows.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        var source = try ImportSource(path: file, format: .jsonLines)
        var listener = SilentListener()
        _ = try clinic.people.importRows(of: .lead, from: &source, &listener)
        var seen: [String] = []
        var cursor: RecordCursor?
        var pages = 0
        repeat {
            // A cursor goes through text, as it does over the network.
            let page = try clinic.people.records(
                of: id, kind: .lead, from: cursor.map { try RecordCursor($0.description) }, limit: 997)
            seen += page.records.map(\.id)
            cursor = page.next
            pages += 1
        } while cursor != nil
        #expect(seen.count == 10_000 && Set(seen).count == 10_000 && pages == 11)
        #expect(try clinic.people.contact(id, limit: 10).totalInteractions == 10_000)
    }

    @Test(arguments: ["", "zz", "00", "ffffffffffffffff6c65616400", String(repeating: "0", count: 2_000)])
    func `a cursor that is none is refused`(_ text: String) {
        #expect(code { try RecordCursor(text) } == .invalidArgument)
    }

    @Test func `bounds and unknown ids are told`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com")
        #expect(code { try clinic.people.contact(id, limit: 0) } == .invalidArgument)
        #expect(code { try clinic.people.records(of: id, limit: 10_001) } == .invalidArgument)
        #expect(code { try clinic.people.contact(UUID()) } == .notFound)
        #expect(code { try clinic.vault.organization(.studio).contact(id) } == .notFound)
        #expect(code { try clinic.people.export(UUID()) } == .notFound)
        let long = "{\"a\":\"\(String(repeating: "x", count: 17_000))\"}"
        #expect(code { try clinic.put(.lead, "1", email: "a@b.es") { $0.attributes = long } } == .invalidArgument)
        #expect(code { try clinic.put(.lead, "1", identity: UUID()) } == .notFound)
        #expect(code { try clinic.people.deleteBlocking(.lead, "1") } == .notFound)
        #expect(try clinic.people.record(.lead, "1") == nil)
    }

    // MARK: Deleting

    @Test func `leads go for good, patients only softly`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let id = try clinic.put(.lead, "1", email: "ana@example.com").identity
        try clinic.put(.patient, "1", email: "ana@example.com")
        #expect(try people.deleteBlocking(.lead, "1").change == .deleted)
        #expect(try people.record(.lead, "1") == nil)
        #expect(code { try people.deleteBlocking(.patient, "1", .hard) } == .refused)
        #expect(try people.deleteBlocking(.patient, "1").change == .deactivated)
        #expect(try people.deleteBlocking(.patient, "1").change == .unchanged)
        #expect(try !clinic.record(.patient, "1").isActive)
        #expect(try clinic.put(.patient, "1", email: "ana@example.com").change == .unchanged, "it stays inactive")
        try clinic.put(.patient, "1", email: "ana@example.com") { $0.isActive = true }
        #expect(try clinic.record(.patient, "1").isActive)
        let actions = try people.historyPage(of: id).events.map(\.action)
        #expect(actions.contains(.recordDeleted) && actions.contains(.recordDeactivated))
        #expect(try clinic.isClean())
    }

    @Test func `a record moves only when it is told to, and both stories say so`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let (a, b) = (try clinic.person("a@example.com"), try clinic.person("b@example.com"))
        try clinic.put(.lead, "1", identity: a)
        #expect(code { try clinic.put(.lead, "1", identity: b) } == .refused)
        #expect(try clinic.record(.lead, "1").identity == a)
        #expect(try clinic.put(.lead, "1", identity: b) { $0.moves = true }.change == .moved)
        #expect(try people.records(of: a).records.isEmpty && people.records(of: b).records.count == 1)
        #expect(try people.historyPage(of: a).events.first?.action == .recordMoved)
        #expect(try people.historyPage(of: b).events.first?.action == .recordMoved)
        #expect(try clinic.isClean())
    }

    @Test func `a put replaces what a record says, or keeps what it is not told`() throws {
        let clinic = try Clinic()
        try clinic.put(.lead, "1", email: "ana@example.com", status: "NEW") { $0.firstName = "Ana" }
        try clinic.put(.lead, "1", status: "LOST") { $0.keepsOthers = true }
        let kept = try clinic.record(.lead, "1")
        #expect(kept.firstName == "Ana" && kept.email == "ana@example.com" && kept.status == "LOST")
        try clinic.put(.lead, "1", status: "NEW")
        #expect(try clinic.record(.lead, "1").firstName == nil)
    }

    @Test func `what was given and not usable is told, also where the identity is known`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com")
        #expect(try clinic.put(.lead, "1", phone: "12", identity: id).warnings == [.invalid(.phone)])
        #expect(try clinic.put(.lead, "2", email: "ana@example.com", phone: "12").warnings == [.invalid(.phone)])
        #expect(try clinic.put(.lead, "3", identity: id).warnings == [])
    }

    @Test func `attributes are kept without white space between their tokens`() throws {
        let clinic = try Clinic()
        try clinic.put(.lead, "1", email: "a@b.es") {
            $0.attributes = "{\n \"a b\" : [ 1, \"\\\" x \\\\\" ],\t\"c\":{} }"
        }
        #expect(try clinic.record(.lead, "1").attributes == #"{"a b":[1,"\" x \\"],"c":{}}"#)
        #expect(
            try clinic.put(.lead, "1", email: "a@b.es") { $0.attributes = #"{"a b":[1,"\" x \\"],"c":{}}"# }.change
                == .unchanged)
    }

    // MARK: Holdings

    @Test func `who owned a phone at a time is answered from when they did`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let phone = try people.identifier("600000001", kind: .phone)
        var times: [Timestamp] = []
        func mark() {
            usleep(20)
            times.append(.now())
            usleep(20)
        }
        mark()
        let a = try clinic.person(phone: "600000001")
        mark()
        let b = try clinic.person("b@example.com")
        let merge = try people.mergeBlocking(a, into: b).merge
        mark()
        try people.unmergeBlocking(merge)
        mark()
        try people.shareBlocking(phone)
        mark()
        try people.releaseBlocking(phone)
        mark()
        try people.releaseBlocking(phone)
        mark()
        let c = try clinic.person(phone: "600000001")
        mark()
        func owner(_ time: Timestamp) throws -> UUID? {
            try people.holdings(of: phone).first { $0.covers(time) && $0.state == .owned }?.identity
        }
        #expect(try times.map(owner) == [nil, a, b, a, nil, a, nil, c])
        #expect(try people.holdings(by: b, at: times[2]).map(\.identifier.text) == ["b@example.com", "+34600000001"])
        #expect(try people.holdings(by: b, at: times[3]).map(\.identifier.text) == ["b@example.com"])
        #expect(try clinic.isClean())
    }

    // MARK: Changes

    @Test func `a reader of changes that stops and goes on misses and repeats nothing`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        for number in 0..<300 { try clinic.person("\(number)@example.com") }
        var seen: [UInt64] = []
        for try await change in people.changes() {
            seen.append(change.sequence)
            if seen.count == 120 { break }
        }
        clinic.vault.close()
        let reopened = try Clinic.open(clinic.path)
        defer { withExtendedLifetime(clinic) { reopened.close() } }
        for try await change in reopened.organization(.clinic).changes(from: (seen.last ?? 0) + 1) {
            seen.append(change.sequence)
            if seen.count == 300 { break }
        }
        #expect(seen == Array(1...300))
    }

    @Test func `a reader of changes waits for the next one, and no longer than it was told`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        try clinic.person("first@example.com")
        async let waiting = people.changes(from: 2, limit: 10, waitMilliseconds: 60_000)
        try clinic.person("second@example.com")
        #expect(try await waiting.map(\.sequence) == [2])
        #expect(try await people.changes(from: 3, limit: 10, waitMilliseconds: 1).isEmpty)
        let reader = Task { () -> Int in
            var count = 0
            for try await _ in people.changes(from: 3) { count += 1 }
            return count
        }
        reader.cancel()
        #expect(try await reader.value == 0)
    }
}
