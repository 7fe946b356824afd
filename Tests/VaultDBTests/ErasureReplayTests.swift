// What replaying erasures promises: a restored backup is brought up to date, and nobody else is erased.

import Foundation
import Testing

@testable import VaultDB

@Suite("Replay of erasures") struct ErasureReplayTests {
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
}
