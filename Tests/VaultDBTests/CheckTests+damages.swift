// Every sort of damage that check is to find, by the table in which it shows.

import Foundation
import Storage

@testable import VaultDB

extension CheckTests {
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
        Damage(Tables.byEmail, "the email has not the form of one") {
            try $0.point("x.example.com", in: Tables.byEmail, .blocked, to: .nobody)
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
        Damage(Tables.timeline, "its identity is not there") { try $0.record { $0.identity = UUID() } },
        Damage(Tables.timeline, "its identity has been merged") { try $0.merge($0.a, into: $0.b) },
        Damage(Tables.timeline, "its identity was erased, and it names somebody") {
            try $0.record("e") { $0.firstName = "Eva" }
        },
        Damage(Tables.timeline, "its identity was erased, and it holds attributes") {
            try $0.record("e") { $0.attributes = "{}" }
        },
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
        Damage(Tables.conflicts, "an identity was merged") { try $0.merge($0.b, into: $0.d) },
        Damage(Tables.conflicts, "an identity was erased") { scene in
            try scene.edit(scene.b) { $0.isErased = true }
        },
        Damage(Tables.conflicts, "the key is cut short") {
            try $0.vault.plant(Tables.conflicts, $0.identityKey($0.a), [])
        },
        Damage(Tables.conflicts, "the kind is unknown") { scene in
            let key = scene.identityKey(scene.a) + scene.identityKey(scene.b).dropFirst(4) + [7, 65]
            try scene.vault.plant(Tables.conflicts, key, [])
        },
    ]

    static let ofDepartures = [
        Damage(Tables.identities, "it was merged and still holds an email") { scene in
            try scene.edit(scene.c) { $0.add(Samples.identifier("c@example.com"), source: nil, at: $0.createdAt) }
        },
        Damage(Tables.identities, "it was erased and still has a name") { scene in
            try scene.edit(scene.e) { $0.displayName = "Eva" }
        },
        Damage(Tables.identities, "it says that it has a patient, and has none") { scene in
            try scene.edit(scene.a) { $0.isPatient = true }
        },
        Damage(Tables.timeline, "its identity does not know that it has a patient") { scene in
            try scene.edit(scene.d) { $0.isPatient = false }
        },
        Damage(Tables.identities, "its last merge is not there") { scene in
            for key in try scene.keys(in: Tables.merges, where: { _, _ in true }) {
                try scene.vault.plant(Tables.merges, key, nil)
            }
        },
        Damage(Tables.merges, "a bit is wrong") { try $0.flip(in: Tables.merges) },
        Damage(Tables.merges, "the key is cut short") { try $0.vault.plant(Tables.merges, $0.key([1]), [1]) },
        Damage(Tables.merges, "its identity redirects elsewhere") { try $0.merge($0.c, into: $0.a) },
        Damage(Tables.merges, "an earlier redirect is not there") { scene in
            try scene.editMerge { $0.with(redirects: [UUID()]) }
        },
        Damage(Tables.merges, "its survivor is not there") { scene in
            try scene.vault.plant(Tables.identities, scene.identityKey(scene.d), nil)
        },
        Damage(Tables.merges, "its survivor was erased") { scene in
            try scene.edit(scene.d) { identity in
                identity.isErased = true
                identity.identifiers = []
            }
        },
        Damage(Tables.erasures, "a bit is wrong") { try $0.flip(in: Tables.erasures) { $0[4] == 0 } },
        Damage(Tables.erasures, "a bit of the key of the hashes is wrong") {
            try $0.flip(in: Tables.erasures) { $0[4] == 2 }
        },
        Damage(Tables.erasures, "its identity is not erased") { scene in
            try scene.edit(scene.e) { $0.isErased = false }
        },
        Damage(Tables.erasures, "its identity is not there") { scene in
            try scene.vault.plant(Tables.identities, scene.identityKey(scene.e), nil)
        },
        Damage(Tables.erasures, "who was merged into it redirects elsewhere") { try $0.editErasure([$0.c]) },
    ]

    static let ofFormerHolders = [
        Damage(Tables.formerHolders, "a bit is wrong") { try $0.flip(in: Tables.formerHolders) },
        Damage(Tables.formerHolders, "the entry by identity is not there") { try $0.drop(1, in: Tables.formerHolders) },
        Damage(Tables.formerHolders, "only the entry by identity is there") {
            try $0.drop(0, in: Tables.formerHolders)
        },
        Damage(Tables.formerHolders, "the key is cut short") {
            try $0.vault.plant(Tables.formerHolders, $0.key([0, 0, 65]), [1])
        },
        Damage(Tables.formerHolders, "its identity was erased") { scene in
            try scene.edit(scene.c) { identity in
                identity.mergedWith = nil
                identity.isErased = true
            }
        },
    ]

    static let ofAnswers = [
        Damage(Tables.idempotency, "a bit is wrong") { try $0.flip(in: Tables.idempotency) },
        Damage(Tables.idempotency, "the answer is not there") { try $0.drop(0, in: Tables.idempotency) },
        Damage(Tables.idempotency, "the entry by time is not there") { try $0.drop(1, in: Tables.idempotency) },
        Damage(Tables.idempotency, "the entry by identity is not there") { try $0.drop(2, in: Tables.idempotency) },
        Damage(Tables.idempotency, "the entry by time says another time") { scene in
            let key = IdempotencyKey("k").ageKey(Samples.time(1), in: scene.number)
            try scene.vault.plant(Tables.idempotency, bytes(key), [])
        },
        Damage(Tables.idempotency, "the entry by time names an event to come") { scene in
            for key in try scene.keys(in: Tables.idempotency, where: { key, _ in key[4] == 1 }) {
                try scene.vault.plant(Tables.idempotency, key, bytes(IdempotencyKey.ageValue(1_000)))
            }
        },
        Damage(Tables.idempotency, "the entry by identity names somebody else") { scene in
            let key = IdempotencyKey("k").identityKey(scene.b, in: scene.number)
            try scene.vault.plant(Tables.idempotency, bytes(key), [])
        },
        Damage(Tables.idempotency, "the key is cut short") { try $0.vault.plant(Tables.idempotency, $0.key([0]), []) },
        Damage(Tables.idempotency, "the sort is unknown") {
            try $0.vault.plant(Tables.idempotency, $0.key([9] + [UInt8](repeating: 0, count: 16)), [])
        },
    ]

    static let ofTheRest = [
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
}

extension MergeJournal {
    fileprivate func with(redirects: [UUID]) -> MergeJournal {
        MergeJournal(
            id: id, into: into, time: time, actor: actor, from: from, previousMerge: previousMerge,
            primaries: primaries, namesAdded: namesAdded, gaveDisplayName: gaveDisplayName,
            redirects: redirects, records: records, converted: converted, conflicts: conflicts)
    }
}
