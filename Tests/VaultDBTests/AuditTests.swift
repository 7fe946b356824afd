// What the audit trail promises: any tampering is found, it names nobody, and each identity's history is whole.

import Foundation
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Audit") struct AuditTests {
    /// Twelve events, of three identities and of none.
    static func scene(_ kind: EngineKind) throws -> (vault: any TestVault, ids: [UUID]) {
        let vault = try kind.vault()
        var ids: [UUID] = []
        for email in ["a@example.com", "b@example.com", "c@example.com"] {
            ids.append(try vault.resolve(email, source: "web").identity.id)
            vault.clock.advance()
        }
        try vault.resolve("a@example.com", phone: "600123456", name: "Ana", source: "form")
        try vault.resolve("b@example.com", phone: "600123456")
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com", source: "crm"))
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com", source: "crm", status: "WON"))
        try vault.mark("c@example.com", as: .shared)
        try vault.release("c@example.com")
        try vault.mark("noreply@example.com", as: .blocked)
        try vault.setRegion(Region("FR") ?? .spain, in: .clinic)
        return (vault, ids)
    }

    struct Tampering: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (any TestVault, _ key: (UInt64) -> [UInt8], _ count: UInt64) throws -> Void
    }

    static let tamperings = [
        Tampering(testDescription: "the first event is dropped") { vault, key, _ in
            try vault.plant(Tables.audit, key(1), nil)
        },
        Tampering(testDescription: "an event in the middle is dropped") { vault, key, _ in
            try vault.plant(Tables.audit, key(6), nil)
        },
        Tampering(testDescription: "the last event is dropped") { vault, key, count in
            try vault.plant(Tables.audit, key(count), nil)
        },
        Tampering(testDescription: "every event is dropped") { vault, key, count in
            for sequence in 1...count { try vault.plant(Tables.audit, key(sequence), nil) }
        },
        Tampering(testDescription: "two events are swapped") { vault, key, _ in
            let entries = try vault.contents()["audit", default: [:]]
            try vault.plant(Tables.audit, key(4), entries[key(6)])
            try vault.plant(Tables.audit, key(6), entries[key(4)])
        },
        Tampering(testDescription: "an event is made up at the end") { vault, key, count in
            let entries = try vault.contents()["audit", default: [:]]
            try vault.plant(Tables.audit, key(count + 1), entries[key(count)])
        },
        Tampering(testDescription: "an event is put far away") { vault, key, count in
            let entries = try vault.contents()["audit", default: [:]]
            try vault.plant(Tables.audit, key(.max), entries[key(count)])
        },
        Tampering(testDescription: "a key of another length is put in") { vault, key, count in
            try vault.plant(Tables.audit, key(3) + [0], [1, 2, 3])
        },
        Tampering(testDescription: "the second event of an entry is cut off") { vault, key, _ in
            let entry = try #require(try vault.contents()["audit"]?[key(4)])
            let first = try #require(try vault.events(in: .clinic).first { $0.sequence == 4 })
            let cut = bytes(AuditEntryWriter.beginning(with: first))
            #expect(entry.starts(with: cut) && entry.count > cut.count)
            try vault.plant(Tables.audit, key(4), cut)
        },
        Tampering(testDescription: "an event is written in another way that says the same") { vault, key, _ in
            var entry = try #require(try vault.contents()["audit"]?[key(6)])
            // A number with a byte more than it needs.
            entry[entry.count - 1] |= 0x80
            try vault.plant(Tables.audit, key(6), entry + [0])
        },
        Tampering(testDescription: "an event is emptied") { vault, key, _ in try vault.plant(Tables.audit, key(6), [1])
        },
        Tampering(testDescription: "the last event is cut short") { vault, key, count in
            let entries = try vault.contents()["audit", default: [:]]
            try vault.plant(Tables.audit, key(count), entries[key(count)]?.dropLast())
        },
    ]

    @Test(arguments: EngineKind.allCases, tamperings)
    func `tampering with the trail is found`(_ kind: EngineKind, _ tampering: Tampering) throws {
        let (vault, _) = try Self.scene(kind)
        let number = try #require(try vault.number(of: .clinic))
        let before = try vault.verifyAudit(in: .clinic)
        #expect(before == AuditVerification(events: 12, faults: []))
        try tampering.change(vault, { bytes(Key.event($0, in: number)) }, before.events)
        #expect(try !vault.verifyAudit(in: .clinic).isIntact)
        let tables = try vault.check().faults.map(\.table)
        #expect(tables.contains("audit"))
    }

    @Test func `a change of any bit of any event is found`() throws {
        let (vault, _) = try Self.scene(.memory)
        for (key, value) in try vault.contents()["audit", default: [:]] {
            for bit in stride(from: 0, to: value.count * 8, by: 3) {
                var damaged = value
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                try vault.plant(Tables.audit, key, damaged)
                #expect(try !vault.verifyAudit(in: .clinic).isIntact)
            }
            try vault.plant(Tables.audit, key, value)
        }
        #expect(try vault.verifyAudit(in: .clinic).isIntact)
    }

    @Test(arguments: EngineKind.allCases)
    func `each event says what happened, when, to whom, from where and by whom`(_ kind: EngineKind) throws {
        let (vault, ids) = try Self.scene(kind)
        let events = try vault.events(in: .clinic)
        #expect(events.map(\.sequence) == Array(1...12))
        #expect(
            events.map(\.action) == [
                .identityCreated, .identityCreated, .identityCreated, .identityEnriched, .nameAdded, .conflictSeen,
                .recordCreated, .recordUpdated, .identifierShared, .identifierReleased, .identifierBlocked,
                .organizationChanged,
            ])
        #expect(events.map(\.identity) == [0, 1, 2, 0, 0, 1, 0, 0, 2, 2, nil, nil].map { $0.map { ids[$0] } })
        #expect(events[5].other == ids[0] && events.count { $0.other != nil } == 1)
        #expect(events[3].kinds == [.phone] && events[0].kinds == [.email] && events[7].kinds == [])
        #expect(events[7].record == .init(kind: "lead", id: "1"))
        let sources = ["web", "web", "web", "form", "form", nil, "crm", "crm", nil, nil, nil, nil]
        #expect(events.map(\.source) == sources)
        #expect(events.allSatisfy { $0.actor == "tester" })
        let seconds = events.map { ($0.time.microseconds - events[0].time.microseconds) / 1_000_000 }
        #expect(seconds == [0, 1, 2] + [Int64](repeating: 3, count: 9))
    }

    @Test(arguments: EngineKind.allCases)
    func `an identity's history is its events, newest first`(_ kind: EngineKind) throws {
        let (vault, ids) = try Self.scene(kind)
        let all = try vault.events(in: .clinic)
        for id in ids {
            let history = try vault.history(of: id, in: .clinic)
            #expect(history == all.filter { $0.identity == id }.reversed())
            #expect(history.last?.action == .identityCreated && history.last?.previousOfIdentity == 0)
            #expect(history.first?.sequence == (try vault.identity(id, in: .clinic)?.lastSequence))
        }
        #expect(try vault.history(of: UUID(), in: .clinic).isEmpty)
    }

    @Test func `a broken link in a history is an error and no endless walk`() throws {
        let (vault, ids) = try Self.scene(.memory)
        let number = try #require(try vault.number(of: .clinic))
        let last = try #require(try vault.history(of: ids[0], in: .clinic).first)
        var event = last
        event.previousOfIdentity = last.sequence
        try vault.plant(Tables.audit, bytes(Key.event(last.sequence, in: number)), bytes(event.encoded()))
        #expect(code { try vault.history(of: ids[0], in: .clinic) } == .corrupted)
        try vault.plant(Tables.audit, bytes(Key.event(last.sequence, in: number)), nil)
        #expect(code { try vault.history(of: ids[0], in: .clinic) } == .corrupted)
    }

    /// Runs operations in one transaction.
    private static func together(_ vault: some TestVault, _ drafts: [RecordDraft]) throws {
        let tenant = vault.core.tenant(.clinic)
        let operations = try drafts.map { vault.core.operation(tenant, try vault.core.put($0, tenant)) }
        try vault.engine.write { (transaction) throws(VaultError) in
            for operation in operations { _ = try operation(&transaction) }
        }
    }

    private static func drafts(_ range: Range<Int>) -> [RecordDraft] {
        range.map { number in
            RecordDraft(
                kind: .lead, id: "\(number)", firstName: "Ana", email: "p\(number / 2)@example.com",
                source: number % 5 == 0 ? "crm" : "web")
        }
    }

    @Test(arguments: EngineKind.allCases)
    func `events of one transaction share entries, and each is found`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.put(Self.drafts(0..<1)[0])
        try Self.together(vault, Self.drafts(1..<200))
        let entries = try vault.contents()["audit", default: [:]]
        let events = try vault.events(in: .clinic)
        #expect(events.count > 290 && entries.count < events.count / 10)
        #expect(entries.values.allSatisfy { $0.count <= AuditEntry.bytesMax })
        #expect(events.map(\.sequence) == Array(1...UInt64(events.count)))
        #expect(Set(events.map(\.source)) == ["crm", "web"])
        #expect(try vault.verifyAudit(in: .clinic) == .init(events: UInt64(events.count), faults: []))
        #expect(try vault.check().isClean)
        for id in Set(events.compactMap(\.identity)) {
            #expect(try vault.history(of: id, in: .clinic) == events.filter { $0.identity == id }.reversed())
        }
        for sequence in 0...UInt64(events.count) + 1 {
            let some = try vault.events(from: sequence, limit: 3, in: .clinic)
            #expect(some == Array(events.drop { $0.sequence < sequence }.prefix(3)))
        }
    }

    @Test(arguments: EngineKind.allCases)
    func `a trail with an entry for each event is read, and goes on`(_ kind: EngineKind) throws {
        let (vault, ids) = try Self.scene(kind)
        let number = try #require(try vault.number(of: .clinic))
        let events = try vault.events(in: .clinic)
        // As programs wrote it before entries had several.
        for event in events {
            try vault.plant(Tables.audit, bytes(Key.event(event.sequence, in: number)), bytes(event.encoded()))
        }
        #expect(try vault.contents()["audit"]?.count == events.count)
        #expect(try vault.events(in: .clinic) == events)
        #expect(try vault.verifyAudit(in: .clinic) == .init(events: 12, faults: []))
        try vault.resolve("a@example.com", phone: "600123499", name: "Eva", source: "form")
        #expect(try vault.verifyAudit(in: .clinic) == .init(events: 14, faults: []))
        #expect(try vault.history(of: ids[0], in: .clinic).map(\.sequence) == [14, 13, 8, 7, 5, 4, 1])
        #expect(try vault.check().isClean)
    }

    @Test func `what is damaged in an entry is told once, and hides nothing before it`() throws {
        let (vault, ids) = try Self.scene(.memory)
        let number = try #require(try vault.number(of: .clinic))
        let events = try vault.events(in: .clinic)
        let key = bytes(Key.event(4, in: number))
        try vault.plant(Tables.audit, key, try #require(try vault.contents()["audit"]?[key]).dropLast())
        #expect(try vault.events(from: 4, limit: 1, in: .clinic) == [events[3]])
        #expect(code { try vault.events(from: 4, limit: 2, in: .clinic) } == .corrupted)
        #expect(code { try vault.history(of: ids[0], in: .clinic) } == .corrupted)
        let faults = try vault.verifyAudit(in: .clinic).faults
        #expect(faults.count == 1 && faults[0].contains("begins with event 4"), "\(faults)")
        #expect(try vault.check().faults.map(\.table) == ["audit"])
    }

    @Test func `a vault without an actor names none`() throws {
        let vault = try EngineKind.memory.vault(actor: nil)
        try vault.resolve("a@example.com")
        #expect(try vault.events(in: .clinic).map(\.actor) == [nil])
        #expect(code { try EngineKind.memory.vault(actor: String(repeating: "a", count: 65)) } == .invalidArgument)
    }

    @Test func `no event holds an email, a phone or a name`() throws {
        let vault = try EngineKind.memory.vault()
        let seed: UInt64 = 11
        let secrets = try Secrets.fill(vault, seed: seed)
        let trail = try vault.contents()["audit", default: [:]].values.map { String(decoding: $0, as: UTF8.self) }
        #expect(trail.count > 300)
        for secret in secrets { #expect(!trail.contains { $0.contains(secret) }, "\(secret), seed \(seed)") }
    }
}

/// A random run over texts that must not show up in the trail or in the logs.
enum Secrets {
    /// - Returns: the texts.
    static func fill(_ vault: any TestVault, seed: UInt64) throws -> [String] {
        var random = SeededGenerator(seed: seed)
        let emails = (0..<20).map { "Secret.person\($0)@mail\($0).example" }
        let phones = (0..<20).map { "6551234\($0 + 10)" }
        let externals = (0..<10).map { "crm:Handle-\($0)" }
        let names = (0..<20).map { "Hidden Name\($0)" }
        for step in 0..<400 {
            let email = Int.random(in: 0..<4, using: &random) == 0 ? nil : emails.randomElement(using: &random)
            let phone = Int.random(in: 0..<3, using: &random) == 0 ? nil : phones.randomElement(using: &random)
            let external = Int.random(in: 0..<4, using: &random) == 0 ? externals.randomElement(using: &random) : nil
            let name = names.randomElement(using: &random)
            if step % 3 == 0 {
                let draft = RecordDraft(
                    kind: .lead, id: "\(step % 90)", firstName: name, email: email, phone: phone, source: "crm",
                    attributes: #"{"note":"Hidden note"}"#)
                _ = try? vault.put(draft)
            } else {
                _ = try? vault.resolve(
                    email, phone: phone, externals: external.map { [$0] } ?? [], name: name, source: "web",
                    key: step % 5 == 0 ? "Hidden key \(step)" : nil)
            }
            if step % 40 == 7, let email { _ = try? vault.mark(email, as: .shared) }
            if step % 40 == 17, let phone { _ = try? vault.release(phone) }
            vault.clock.advance()
        }
        return emails + emails.map { $0.lowercased() } + phones + externals + externals.map { $0.lowercased() }
            + names + ["Hidden", "Handle", "Secret", "secret"]
    }
}
