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

        init() throws {
            vault = try memoryVault()
            a = try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:a"], name: "Ana", key: "k")
                .identity.id
            b = try vault.resolve("b@example.com").identity.id
            try vault.resolve("a2@example.com", phone: "600123456")
            try vault.resolve("a@example.com", externals: ["ig:b"])
            try vault.resolve("b@example.com", phone: "600123456")
            try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
            try vault.mark("b@example.com", as: .shared)
            try vault.mark("noreply@example.com", as: .blocked)
            number = OrganizationNumber(1)
        }

        func key(_ rest: [UInt8]) -> [UInt8] { bytes(Key(number)) + rest }
        func key(_ text: String) -> [UInt8] { key(Array(text.utf8)) }
        func identityKey(_ id: UUID) -> [UInt8] { bytes(Key.identity(id, in: number)) }

        func nameKey(_ word: String, _ id: UUID) -> [UInt8] {
            bytes(Key.name(word.utf8.span.bytes, of: id, in: number))
        }

        func edit(_ id: UUID, _ change: (inout Identity) -> Void) throws {
            guard var identity = try vault.identity(id, in: .clinic) else { throw Missing() }
            change(&identity)
            let key = Key.identity(id, in: number)
            try vault.plant(Tables.identities, bytes(key), identity.encoded(under: key))
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

        func editLedger(_ change: (inout Ledger) -> Void) throws {
            var ledger = try vault.ledger(in: .clinic)
            change(&ledger)
            let key = Key(number)
            try vault.plant(Tables.ledgers, bytes(key), ledger.encoded(under: key))
        }

        func merge(_ id: UUID, into other: UUID) throws { try edit(id) { $0.mergedWith = other } }

        func record(_ change: (inout Record) -> Void) throws {
            guard var record = try vault.record(.lead, "1", in: .clinic) else { throw Missing() }
            change(&record)
            let key = TimelineKey(record).key(in: number)
            try vault.plant(Tables.timeline, bytes(key), record.encoded(under: key))
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

    static let ofIdentities = [
        Damage(Tables.identities, "a bit is wrong") { try $0.flip(in: Tables.identities) },
        Damage(Tables.identities, "the value is another's") { scene in
            let value = try scene.vault.contents()["identities"]?[scene.identityKey(scene.b)]
            try scene.vault.plant(Tables.identities, scene.identityKey(scene.a), value)
        },
        Damage(Tables.identities, "the value is empty") {
            try $0.vault.plant(Tables.identities, $0.identityKey($0.a), [])
        },
        Damage(Tables.identities, "the key is too long") { scene in
            try scene.vault.plant(Tables.identities, scene.identityKey(scene.a) + [0], [1])
        },
        Damage(Tables.identities, "the format is newer") { scene in
            try scene.vault.plant(
                Tables.identities, scene.identityKey(scene.a), [99] + [UInt8](repeating: 0, count: 80))
        },
        Damage(Tables.identities, "the last event is another's") { scene in
            try scene.edit(scene.a) { $0.lastSequence = 2 }
        },
        Damage(Tables.identities, "the last event is not there") { scene in
            try scene.edit(scene.a) { $0.lastSequence = 99 }
        },
        Damage(Tables.identities, "it redirects to nobody") { try $0.merge($0.a, into: UUID()) },
        Damage(Tables.identities, "it redirects to a redirect") { scene in
            try scene.merge(scene.a, into: scene.b)
            try scene.merge(scene.b, into: scene.a)
        },
        Damage(Tables.identities, "two emails are primary") { scene in
            try scene.edit(scene.a) { for index in $0.identifiers.indices { $0.identifiers[index].isPrimary = true } }
        },
        Damage(Tables.identities, "no phone is primary") { scene in
            try scene.edit(scene.a) { for index in $0.identifiers.indices { $0.identifiers[index].isPrimary = false } }
        },
        Damage(Tables.identities, "its email is in no index") { scene in
            try scene.vault.plant(Tables.byEmail, scene.key("a@example.com"), nil)
        },
        Damage(Tables.identities, "its email is another's in the index") { scene in
            try scene.point("a@example.com", in: Tables.byEmail, .owned, to: scene.b)
        },
        Damage(Tables.identities, "its email is in another state in the index") { scene in
            try scene.point("a@example.com", in: Tables.byEmail, .shared, to: scene.a)
        },
    ]

    static let ofIndexes = [
        Damage(Tables.byEmail, "it is owned by nobody") {
            try $0.point("x@example.com", in: Tables.byEmail, .owned, to: .nobody)
        },
        Damage(Tables.byPhone, "its identity is not there") {
            try $0.point("+34600999999", in: Tables.byPhone, .owned, to: UUID())
        },
        Damage(Tables.byExternal, "its identity does not hold it") {
            try $0.point("ig:z", in: Tables.byExternal, .owned, to: $0.a)
        },
        Damage(Tables.byEmail, "its identity holds it in another state") { scene in
            try scene.point("a@example.com", in: Tables.byEmail, .blocked, to: scene.a)
        },
        Damage(Tables.byPhone, "its identity has been merged") { try $0.merge($0.a, into: $0.b) },
        Damage(Tables.byEmail, "its identity is gone") {
            try $0.vault.plant(Tables.identities, $0.identityKey($0.a), nil)
        },
        Damage(Tables.byEmail, "the value is too short") {
            try $0.vault.plant(Tables.byEmail, $0.key("a@example.com"), [0x10])
        },
        Damage(Tables.byPhone, "the state is unknown") { scene in
            try scene.vault.plant(Tables.byPhone, scene.key("+34600123456"), [0x1F] + [UInt8](repeating: 0, count: 16))
        },
        Damage(Tables.byExternal, "the format is unknown") { scene in
            try scene.vault.plant(Tables.byExternal, scene.key("ig:a"), [0x20] + [UInt8](repeating: 0, count: 16))
        },
        Damage(Tables.byEmail, "the email is not normalised") {
            try $0.point("X@example.com", in: Tables.byEmail, .blocked, to: .nobody)
        },
        Damage(Tables.byPhone, "the phone is not normalised") {
            try $0.point("600123456", in: Tables.byPhone, .blocked, to: .nobody)
        },
        Damage(Tables.byExternal, "the external id is not normalised") {
            try $0.point("IG:a", in: Tables.byExternal, .blocked, to: .nobody)
        },
        Damage(Tables.byEmail, "the key is empty") { try $0.point("", in: Tables.byEmail, .blocked, to: .nobody) },
        Damage(Tables.byEmail, "the key is no UTF-8") { scene in
            let entry = IndexEntry(state: .blocked, holder: .nobody).encoded
            try scene.vault.plant(
                Tables.byEmail, scene.key([0xFF]) + Array("x@example.com".utf8), (0..<17).map { entry[$0] })
        },
    ]

    static let ofNames = [
        Damage(Tables.identities, "a word of its name is in no index") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("ana", scene.a), nil)
        },
        Damage(Tables.identities, "the index has other words of its name") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("ana", scene.a), Array("\u{1}ana maria".utf8))
        },
        Damage(Tables.byName, "its identity has other names") { scene in
            try scene.edit(scene.a) { $0.displayName = "Maria" }
        },
        Damage(Tables.byName, "its identity does not have the word") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("maria", scene.a), Array("\u{1}ana".utf8))
        },
        Damage(Tables.byName, "its identity is not there") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("ana", UUID()), Array("\u{1}ana".utf8))
        },
        Damage(Tables.byName, "its identity has been merged") { try $0.merge($0.a, into: $0.b) },
        Damage(Tables.byName, "a bit is wrong") { try $0.flip(in: Tables.byName) },
        Damage(Tables.byName, "the format is unknown") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("ana", scene.a), Array("\u{2}ana".utf8))
        },
        Damage(Tables.byName, "the value is empty") {
            try $0.vault.plant(Tables.byName, $0.nameKey("ana", $0.a), [])
        },
        Damage(Tables.byName, "the value has no words") {
            try $0.vault.plant(Tables.byName, $0.nameKey("ana", $0.a), [1])
        },
        Damage(Tables.byName, "the key has no word") { scene in
            try scene.vault.plant(Tables.byName, scene.nameKey("", scene.a), Array("\u{1}ana".utf8))
        },
        Damage(Tables.byName, "the key is cut short") {
            try $0.vault.plant(Tables.byName, $0.key("ana\0"), Array("\u{1}ana".utf8))
        },
    ]

    static let ofRecords = [
        Damage(Tables.records, "a bit is wrong") { try $0.flip(in: Tables.records) },
        Damage(Tables.records, "its identity is not there") { try $0.record { $0.identity = UUID() } },
        Damage(Tables.records, "its identity has been merged") { try $0.merge($0.a, into: $0.b) },
        Damage(Tables.records, "it is not on the timeline") { scene in
            for key in try scene.vault.contents()["timeline", default: [:]].keys {
                try scene.vault.plant(Tables.timeline, key, nil)
            }
        },
        Damage(Tables.records, "the key has no kind") { try $0.vault.plant(Tables.records, $0.key("lead"), [1]) },
        Damage(Tables.records, "the id is empty") { try $0.vault.plant(Tables.records, $0.key("lead\0"), [1]) },
        Damage(Tables.records, "the id is too long") { scene in
            try scene.vault.plant(Tables.records, scene.key("lead\0" + String(repeating: "x", count: 490)), [1])
        },
        Damage(Tables.records, "the id is no UTF-8") { scene in
            try scene.vault.plant(Tables.records, scene.key("lead\0") + [UInt8](repeating: 0xFF, count: 200), [1])
        },
        Damage(Tables.timeline, "its record is not there") { scene in
            try scene.vault.plant(Tables.records, bytes(scene.lead), nil)
        },
        Damage(Tables.timeline, "its record says another time") { scene in
            try scene.record { $0.createdAt = Timestamp(microseconds: 5) ?? $0.createdAt }
        },
        Damage(Tables.timeline, "the key is cut short") {
            try $0.vault.plant(Tables.timeline, $0.identityKey($0.a), [])
        },
        Damage(Tables.timeline, "the id is too long") { scene in
            let long = Array(("lead\0" + String(repeating: "x", count: 470)).utf8)
            try scene.vault.plant(
                Tables.timeline, scene.identityKey(scene.a) + [UInt8](repeating: 0, count: 8) + long, [])
        },
    ]

    static let ofConflicts = [
        Damage(Tables.conflicts, "a bit is wrong") { try $0.flip(in: Tables.conflicts) },
        Damage(Tables.conflicts, "the mirror is not there") { scene in
            try scene.vault.plant(Tables.conflicts, bytes(scene.conflictKey().mirrored.key(in: scene.number)), nil)
        },
        Damage(Tables.conflicts, "only the mirror is there") { scene in
            try scene.vault.plant(Tables.conflicts, bytes(scene.conflictKey().canonical.key(in: scene.number)), nil)
        },
        Damage(Tables.conflicts, "the mirror has a value") { scene in
            try scene.vault.plant(Tables.conflicts, bytes(scene.conflictKey().mirrored.key(in: scene.number)), [1])
        },
        Damage(Tables.conflicts, "the value is empty") { scene in
            try scene.vault.plant(Tables.conflicts, bytes(scene.conflictKey().canonical.key(in: scene.number)), [])
        },
        Damage(Tables.conflicts, "an identity is not there") { scene in
            try scene.vault.plant(Tables.identities, scene.identityKey(scene.b), nil)
        },
        Damage(Tables.conflicts, "the key is cut short") {
            try $0.vault.plant(Tables.conflicts, $0.identityKey($0.a), [])
        },
        Damage(Tables.conflicts, "the kind is unknown") { scene in
            let key = scene.identityKey(scene.a) + scene.identityKey(scene.b).dropFirst(4) + [7, 65]
            try scene.vault.plant(Tables.conflicts, key, [])
        },
    ]

    static let ofTheRest = [
        Damage(Tables.idempotency, "a bit is wrong") { try $0.flip(in: Tables.idempotency) },
        Damage(Tables.ledgers, "a bit is wrong") { try $0.flip(in: Tables.ledgers) },
        Damage(Tables.ledgers, "it is gone") { try $0.vault.plant(Tables.ledgers, $0.key([]), nil) },
        Damage(Tables.ledgers, "identities are miscounted") { try $0.editLedger { $0.identities += 1 } },
        Damage(Tables.ledgers, "emails are miscounted") { try $0.editLedger { $0.emails -= 1 } },
        Damage(Tables.ledgers, "phones are miscounted") { try $0.editLedger { $0.phones += 1 } },
        Damage(Tables.ledgers, "external ids are miscounted") { try $0.editLedger { $0.externals += 1 } },
        Damage(Tables.ledgers, "records are miscounted") { try $0.editLedger { $0.records = 0 } },
        Damage(Tables.ledgers, "conflicts are miscounted") { try $0.editLedger { $0.openConflicts += 1 } },
        Damage(Tables.audit, "the sequence goes on") { try $0.editLedger { $0.sequence += 1 } },
        Damage(Tables.audit, "the head is another") { try $0.editLedger { $0.head[0] ^= 1 } },
    ]

    static let ofNobody = Tables.all.filter(TableText.isPerOrganization).map { table in
        Damage(table, "it belongs to no organization") { try $0.vault.plant(table, [0, 0, 0, 9, 1, 2], [1]) }
    }

    @Test(arguments: ofIdentities + ofIndexes + ofNames + ofRecords + ofConflicts + ofTheRest + ofNobody)
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
        let damages =
            Self.ofIdentities + Self.ofIndexes + Self.ofNames + Self.ofRecords + Self.ofConflicts + Self.ofTheRest
        for damage in damages {
            let scene = try Scene()
            try damage.plant(scene)
            for fault in try scene.vault.check().faults {
                #expect(
                    !fault.message.contains("@") && !fault.message.contains("600") && !fault.message.contains("Ana"))
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
