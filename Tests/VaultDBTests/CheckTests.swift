// What check promises: it finds every entry that contradicts another, and names the table in which it shows.

import Foundation
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Check") struct CheckTests {
    /// A vault with an entry of every sort, and the means to damage it.
    struct Scene {
        let vault: EngineVault<MemoryEngine>
        let number: OrganizationNumber
        /// Owns a@example.com, a phone and an external id; has a record, and a conflict with `b`.
        let a: UUID
        let b: UUID

        /// `c` was merged into `d`, a patient, and `f` into `e`, who was erased.
        let c: UUID
        let d: UUID
        let e: UUID
        let f: UUID

        init() throws {
            vault = try memoryVault()
            a = try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:a"], name: "Ana", key: "k")
                .identity.id
            b = try vault.resolve("b@example.com").identity.id
            try vault.resolve("a2@example.com", phone: "600123456")
            try vault.resolve("a@example.com", externals: ["ig:b"])
            try vault.resolve("b@example.com", phone: "600123456")
            try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
            c = try vault.resolve("c@example.com").identity.id
            d = try vault.resolve("d@example.com").identity.id
            e = try vault.put(RecordDraft(kind: .lead, id: "e", firstName: "Eva", email: "e@example.com")).identity
            f = try vault.resolve("f@example.com").identity.id
            try vault.put(RecordDraft(kind: .patient, id: "d", email: "d@example.com"))
            vault.clock.advance()
            try vault.mark("b@example.com", as: .shared)
            try vault.mark("noreply@example.com", as: .blocked)
            try vault.merge(c, into: d)
            try vault.merge(f, into: e)
            vault.clock.advance()
            try vault.erase(e)
            number = OrganizationNumber(1)
        }

        func key(_ rest: [UInt8]) -> [UInt8] { bytes(Key(number)) + rest }
        func key(_ text: String) -> [UInt8] { key(Array(text.utf8)) }
        func identityKey(_ id: UUID) -> [UInt8] { bytes(Key.identity(id, in: number)) }

        func nameKey(_ word: String, _ id: UUID) -> [UInt8] {
            bytes(Key.name(word.utf8.span.bytes, of: id, in: number))
        }

        func edit(_ id: UUID, _ change: (inout Identity) -> Void) throws {
            guard var identity = try vault.stored(id, in: .clinic) else { throw Missing() }
            change(&identity)
            let key = Key.identity(id, in: number)
            try vault.plant(Tables.identities, bytes(key), bytes(identity.encoded(under: key)))
        }

        func point(_ text: String, in table: Table, _ state: IdentifierState, to holder: UUID) throws {
            let entry = IndexEntry(state: state, holder: holder).encoded
            try vault.plant(table, key(text), (0..<17).map { entry[$0] })
        }

        /// Flips one bit in the only entry, or the one that `chosen` picks.
        func flip(in table: Table, where chosen: ([UInt8]) -> Bool = { _ in true }) throws {
            let entries = try vault.contents()[table.name, default: [:]]
            guard let (key, value) = entries.first(where: { chosen($0.key) && !$0.value.isEmpty }) else {
                throw Missing()
            }
            var damaged = value
            damaged[value.count / 2] ^= 1
            try vault.plant(table, key, damaged)
        }

        func conflictKey() throws -> ConflictKey {
            guard let conflict = try vault.openConflicts().first else { throw Missing() }
            return ConflictKey(one: conflict.first, other: conflict.second, identifier: conflict.identifier)
        }

        /// The keys of a table's entries that `chosen` picks.
        func keys(in table: Table, where chosen: ([UInt8], [UInt8]) -> Bool) throws -> [[UInt8]] {
            let keys = try vault.contents()[table.name, default: [:]].filter { chosen($0.key, $0.value) }.keys
            guard !keys.isEmpty else { throw Missing() }
            return Array(keys)
        }

        /// Takes away the entries whose fifth byte, which tells their sort, is this.
        func drop(_ sort: UInt8, in table: Table) throws {
            for key in try keys(in: table, where: { key, _ in key[4] == sort }) { try vault.plant(table, key, nil) }
        }

        func editMerge(_ change: (MergeJournal) -> MergeJournal) throws {
            guard let merge = try vault.merges(in: .clinic).first(where: { $0.from == c }) else { throw Missing() }
            let key = Key.merge(merge.id, in: number)
            let value = try vault.contents()["merges"]?[bytes(key)] ?? []
            let journal = change(try MergeJournal(key: key.bytes, sealed: value.span.bytes))
            try vault.plant(Tables.merges, bytes(key), bytes(journal.encoded(under: key)))
        }

        func editErasure(_ absorbed: [UUID]) throws {
            let keys = try keys(in: Tables.erasures) { key, _ in key[4] == 0 }
            let name = VaultDBTests.key(keys[0])
            let erasure = Erasure(identity: e, absorbed: absorbed, time: vault.clock.now)
            try vault.plant(Tables.erasures, keys[0], bytes(erasure.encoded(under: name)))
        }

        func editLedger(_ change: (inout Ledger) -> Void) throws {
            var ledger = try vault.ledger(in: .clinic)
            change(&ledger)
            let key = Key(number)
            try vault.plant(Tables.ledgers, bytes(key), bytes(ledger.encoded(under: key)))
        }

        func merge(_ id: UUID, into other: UUID) throws { try edit(id) { $0.mergedWith = other } }

        func record(_ id: String = "1", _ change: (inout Record) -> Void) throws {
            guard var record = try vault.record(.lead, id, in: .clinic) else { throw Missing() }
            change(&record)
            let key = TimelineKey(record).key(in: number)
            try vault.plant(Tables.timeline, bytes(key), bytes(record.encoded(under: key)))
        }

        var lead: Key { Key.record(RecordKey(kind: .lead, id: "1"), in: number) }
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let table: Table
        let testDescription: String
        let plant: @Sendable (Scene) throws -> Void

        init(_ table: Table, _ description: String, _ plant: @escaping @Sendable (Scene) throws -> Void) {
            self.table = table
            testDescription = "\(table.name): \(description)"
            self.plant = plant
        }
    }

    static let ofPeople = ofIdentities + ofIndexes + ofNames + ofRecords + ofConflicts
    static let all = ofPeople + ofDepartures + ofFormerHolders + ofAnswers + ofTheRest

    @Test(arguments: all + ofNobody)
    func `damage is found in its table`(_ damage: Damage) throws {
        let scene = try Scene()
        #expect(try scene.vault.check().faults == [], "the scene itself is clean")
        try damage.plant(scene)
        let report = try scene.vault.check()
        #expect(
            report.faults.map(\.table).contains(damage.table.name),
            "\(report.faults.map { "\($0.table): \($0.message)" })")
        #expect(report.faultCount == report.faults.count && !report.isClean)
    }

    @Test func `a message of a fault names nobody`() throws {
        for damage in Self.all {
            let scene = try Scene()
            try damage.plant(scene)
            for fault in try scene.vault.check().faults {
                // Whole numbers: a hash in a message may well have their first digits.
                for secret in ["@", "600123456", "600999999", "Ana"] {
                    #expect(!fault.message.contains(secret), "\(damage.testDescription): \(fault.message)")
                }
            }
        }
    }

    @Test(arguments: EngineKind.allCases)
    func `a clean vault has no faults`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        #expect(try vault.check() == CheckReport(entries: 0))
        _ = try Secrets.fill(vault, seed: 3)
        let report = try vault.check()
        #expect(report.isClean && report.entries > 500)
    }

    @Test func `an unreadable organization is a fault, and what belongs to it belongs to none`() throws {
        let scene = try Scene()
        try scene.flip(in: Tables.organizations)
        let tables = try scene.vault.check().faults.map(\.table)
        #expect(tables.first == "organizations" && tables.contains("identities"))
    }

    @Test func `whatever can't be read, check goes on and tells of it and of all that it met`() throws {
        let scene = try Scene()
        let token = TokenText()
        try scene.vault.plant(Tables.tokens, Array(token.id.utf8), [1, 2, 3])
        let engine = scene.vault.engine
        for operation in 1...5_000 {
            engine.failOperation(operation, with: .corrupted("a page is damaged"))
            let report = try scene.vault.check()
            let wasMet = engine.operationCount >= operation
            engine.disarm()
            guard wasMet else {
                #expect(report.faults.map(\.table) == ["tokens"] && operation > 100)
                return
            }
            #expect(report.faults.contains { $0.message.contains("a page is damaged") }, "operation \(operation)")
        }
        Issue.record("the check has no end")
    }

    @Test func `check can be stopped`() throws {
        let vault = try memoryVault()
        for page in 0..<12 { try vault.resolve(externals: (0..<100).map { "crm:\(page)-\($0)" }) }
        let stop = VaultError(.cancelled, "stopped")
        #expect(throws: stop) {
            try vault.engine.read { (snapshot) throws(VaultError) in
                try snapshot.check { (_) throws(VaultError) in throw stop }
            }
        }
    }
}
