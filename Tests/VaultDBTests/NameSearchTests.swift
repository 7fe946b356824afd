// What a search for names promises: exactly those whose names match, best first, at a bounded cost.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Search by name") struct NameSearchTests {
    private func names(_ result: NameSearchResult) -> [String] { result.matches.map { $0.displayName ?? "" } }

    private func vault(_ kind: EngineKind, _ names: [String]) throws -> any TestVault {
        let vault = try kind.vault()
        for (number, name) in names.enumerated() { try vault.resolve("p\(number)@example.com", name: name) }
        return vault
    }

    // MARK: What is found

    @Test(arguments: EngineKind.allCases)
    func `somebody matches who has for each word one that starts with it, best first`(_ kind: EngineKind) throws {
        let vault = try vault(
            kind, ["Juana Pérez", "Juan Pérez García", "JUAN PEREZ", "Pere Juan", "Juan Ruiz", "Peru", "山田 太郎"])
        let found = try vault.search("  Júan per", limit: 10, in: .clinic)
        #expect(names(found) == ["JUAN PEREZ", "Pere Juan", "Juan Pérez García", "Juana Pérez"])
        #expect(found.isComplete)
        #expect(names(try vault.search("per juan", limit: 10, in: .clinic)) == names(found))
        #expect(names(try vault.search("per", limit: 2, in: .clinic)) == ["Peru", "JUAN PEREZ"])
        #expect(names(try vault.search("juan ruiz x", limit: 10, in: .clinic)) == [])
        #expect(names(try vault.search("山", limit: 10, in: .clinic)) == ["山田 太郎"])
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: EngineKind.allCases)
    func `a name that is learnt is found, and organizations are apart`(_ kind: EngineKind) throws {
        let vault = try vault(kind, ["Ana Gil"])
        let ana = try vault.resolve("p0@example.com", name: "Anita de la Peña").identity.id
        for text in ["anita", "ana pena", "gil anita", "PEÑA"] {
            #expect(try vault.search(text, limit: 5, in: .clinic).matches.map(\.id) == [ana])
            #expect(try vault.search(text, limit: 5, in: .studio) == NameSearchResult(matches: [], isComplete: true))
        }
        try vault.resolve("p0@example.com", name: "Ana Gil Pérez", in: .studio)
        #expect(try vault.search("ana perez", limit: 5, in: .clinic).matches == [])
        #expect(try vault.search("ana perez", limit: 5, in: .studio).matches.count == 1)
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: EngineKind.allCases)
    func `names without words and repeated names write nothing to the index`(_ kind: EngineKind) throws {
        let vault = try vault(kind, ["Ana Gil"])
        let before = try vault.contents()["by_name"]
        try vault.resolve("p0@example.com", name: "gil, ANA")
        try vault.resolve("p0@example.com", name: "🙂")
        try vault.resolve("p0@example.com", phone: "600123456")
        #expect(try vault.contents()["by_name"] == before && before?.count == 2)
        #expect(try vault.check().faults == [])
    }

    @Test func `what can't be searched for is refused, also where nobody is`() throws {
        let vault = try memoryVault()
        let eight = "a b c d e f g h"
        for organization in [UUID.clinic, .studio] {
            for text in ["", "  ", "'", "🙂 -", eight + " i", String(repeating: "a", count: 257)] {
                #expect(code { try vault.search(text, limit: 5, in: organization) } == .invalidArgument, "\(text)")
            }
            for limit in [0, -1, 1_001] {
                #expect(code { try vault.search("a", limit: limit, in: organization) } == .invalidArgument)
            }
            for text in [eight, eight + " a", String(repeating: "a", count: 256)] {
                #expect(try vault.search(text, limit: 1_000, in: organization).matches == [])
            }
            try vault.resolve("a@example.com", name: "Zoe")
        }
    }

    // MARK: Against a plain model

    private static let given = [
        "José", "María", "Jose María", "Ana", "Anaïs", "Juan", "Joan", "Mª Ángeles", "Íñigo", "Nuño", "Martín", "Marta",
        "Zoé", "Lluís", "D'Artagnan",
    ]
    private static let surnames = [
        "García", "Garcia", "Garcés", "Pérez", "Pereira", "Peña", "de la Peña", "Núñez", "Martínez", "Marí", "Mas",
        "Gómez-Ríos", "O'Brien", "Güell", "Gal·la", "Zubiri", "Ruiz",
    ]

    private static func name(_ random: inout SeededGenerator) -> String {
        let parts = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in surnames.randomElement(using: &random)
        }
        let name = ([given.randomElement(using: &random) ?? ""] + parts).joined(separator: " ")
        return Bool.random(using: &random) ? name : name.uppercased()
    }

    private struct Person {
        let id: UUID
        let words: [String]
    }

    /// Everybody who matches, in order, by looking at everybody.
    private func scan(_ people: [Person], _ wanted: [String]) -> [UUID] {
        func place(_ person: Person) -> (Int, Int, String, UInt64, UInt64) {
            let whole = wanted.filter(person.words.contains).count
            let text = person.words.joined(separator: " ")
            return (-whole, person.words.count, text, person.id.high, person.id.low)
        }
        return people.filter { person in
            wanted.allSatisfy { word in person.words.contains { $0.hasPrefix(word) } }
        }.sorted { place($0) < place($1) }.map(\.id)
    }

    @Test(arguments: EngineKind.allCases, [1, 2] as [UInt64])
    func `a search finds what a look at everybody finds, in the same order`(_ kind: EngineKind, _ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let vault = try kind.vault()
        var ids: [UUID] = []
        for number in 0..<1_200 {
            ids.append(try vault.resolve("p\(number)@example.com", name: Self.name(&random)).identity.id)
            if number % 5 == 0 { try vault.resolve("p\(number)@example.com", name: Self.name(&random)) }
        }
        let people = try ids.map { id in
            guard let identity = try vault.identity(id, in: .clinic) else { throw Missing() }
            return Person(id: id, words: NameTokens(of: identity).list)
        }
        for round in 0..<120 {
            let source = NameTokens([Self.name(&random) + " " + Self.name(&random)]).list.shuffled(using: &random)
            let wanted = source.prefix(Int.random(in: 1...3, using: &random)).map { word in
                String(word.prefix(Int.random(in: 1...word.count, using: &random)))
            }
            let distinct = NameTokens(wanted).list
            let limit = [1, 7, 50, 1_000][round % 4]
            let expected = scan(people, distinct)
            let budget = NameSearch.Budget(soft: .max, hard: .max, chunk: [1, 7, 256][round % 3])
            let search = try vault.run(
                NameSearch(wanted.joined(separator: ", "), limit: limit, budget: budget), in: .clinic)
            #expect(search.isComplete, "seed \(seed): \(wanted)")
            #expect(search.best.map(\.id) == Array(expected.prefix(limit)), "seed \(seed): \(wanted)")
            let result = try vault.search(wanted.joined(separator: " "), limit: limit, in: .clinic)
            #expect(Set(result.matches.map(\.id)).isSubset(of: expected), "seed \(seed): \(wanted)")
            #expect(result.matches.count == min(limit, expected.count), "seed \(seed): \(wanted)")
        }
        #expect(try vault.check().faults == [])
    }

    // MARK: Cost

    @Test func `a search stops at its budgets`() throws {
        // Sixty with two common words that only three have both.
        let vault = try vault(
            .memory, (0..<60).map { $0 < 3 ? "Ana Gil \($0)" : $0 % 2 == 0 ? "Ana \($0)" : "Gil \($0)" })
        func run(_ text: String, limit: Int, soft: Int, hard: Int, chunk: Int = 4) throws -> NameSearch {
            let search = try NameSearch(text, limit: limit, budget: .init(soft: soft, hard: hard, chunk: chunk))
            return try vault.run(search, in: .clinic)
        }
        let soft = try run("ana", limit: 3, soft: 10, hard: 1_000)
        #expect(soft.visited == 10 && !soft.isComplete && soft.best.count == 3)
        // Short of its limit it goes on, to the end of the shorter range.
        let on = try run("ana gil", limit: 10, soft: 10, hard: 1_000)
        #expect(on.isComplete && on.best.count == 3 && on.visited <= 70)
        let hard = try run("ana gil", limit: 10, soft: 10, hard: 20)
        #expect(hard.visited == 20 && !hard.isComplete && hard.best.count == 3)
        #expect(try run("ana gil", limit: 10, soft: 1_000, hard: 15).visited == 15)
        #expect(try run("ana", limit: 60, soft: 1, hard: 7, chunk: 100).visited == 7)
        // A rare word ends the search, however common the other.
        let rare = try run("59 gil", limit: 10, soft: 1_000, hard: 1_000)
        #expect(rare.isComplete && rare.best.count == 1 && rare.visited <= 5)
        #expect(try run("ana nobody", limit: 10, soft: 1_000, hard: 1_000).visited <= 4)
    }

    // MARK: The index

    @Test func `an update writes and removes only what differs`() throws {
        let engine = MemoryEngine()
        let number = OrganizationNumber(7)
        func named(_ names: [String]) -> Identity {
            var identity = Identity(id: .clinic, createdAt: .max)
            for name in names { _ = identity.learn(name: name) }
            return identity
        }
        func update(_ before: [String], _ after: [String]) throws -> (writes: Int, words: [String]) {
            let writes = try engine.write { (transaction) throws(VaultError) in
                var changes = NameChanges()
                changes.note(from: named(before), to: named(after))
                try transaction.put(changes, in: number)
                return transaction.writeCount
            }
            let entries = engine.contents()["by_name", default: [:]]
            #expect(entries.values.allSatisfy { $0 == NameTokens(after).encoded })
            return (writes, entries.keys.map { String(decoding: $0[4..<$0.count - 17], as: UTF8.self) }.sorted())
        }
        #expect(try update([], ["Ana Gil"]) == (2, ["ana", "gil"]))
        try engine.write { (transaction) throws(VaultError) in
            var changes = NameChanges()
            changes.note(from: named(["Ana Gil"]), to: named(["Ana Gil", "Eva"]))
            changes.note(from: named(["Ana Gil", "Eva"]), to: named(["Eva Maria"]))
            changes.note(from: named(["Eva Maria"]), to: named(["Ana Gil"]))
            try transaction.put(changes, in: number)
            #expect(transaction.writeCount == 0, "several changes are one")
        }
        #expect(try update(["Ana Gil"], ["ANA", "gil"]) == (0, ["ana", "gil"]))
        #expect(try update(["Ana Gil"], ["Ana Gil", "Anita"]) == (3, ["ana", "anita", "gil"]))
        #expect(try update(["Ana Gil", "Anita"], ["Anita Ruiz"]) == (4, ["anita", "ruiz"]))
        #expect(try update(["Anita Ruiz"], []) == (2, []))
    }

    @Test func `changes of many people come in the order of their keys`() throws {
        let number = OrganizationNumber(7)
        var random = SeededGenerator(seed: 1)
        // Some are told apart by their first bytes, some only behind the sixteenth, some by nobody but their ids.
        let words = ["ana", "anabel", "abcdefghijklmnop", "abcdefghijklmnopq", "abcdefghijklmnopqa", "zoe"]
        for isInOrder in [true, false] {
            let ids = (0..<300).map { UUID(high: 1 + UInt64($0 / 7), low: UInt64($0)) }
            var changes = NameChanges()
            for id in isInOrder ? ids : ids.shuffled(using: &random) {
                let before = Identity(id: id, createdAt: .max)
                var after = before
                _ = after.learn(name: words.shuffled(using: &random).prefix(3).joined(separator: " "))
                changes.note(from: before, to: after)
            }
            var keys: [[UInt8]] = []
            var arePuts = true
            try changes.forEachEntry { (word, id, value) throws(VaultError) in
                if value == nil { arePuts = false }
                keys.append(bytes(Key.name(word, of: id, in: number)))
            }
            #expect(arePuts && keys.count == 900)
            #expect(keys == keys.sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    @Test func `a merged identity has no words`() throws {
        var identity = Samples.identity
        #expect(NameTokens(of: identity).list == ["john", "jon", "j"])
        identity.mergedWith = Samples.b
        #expect(NameTokens(of: identity) == .none)
    }

    @Test(arguments: EngineKind.allCases)
    func `the index can be made anew`(_ kind: EngineKind) throws {
        let vault = try vault(kind, (0..<1_500).map { "Ana \($0)" })
        let before = try vault.contents()["by_name"]
        let number = OrganizationNumber(1)
        try vault.plant(Tables.byName, bytes(Key.name("x".utf8.span.bytes, of: .studio, in: number)), [9])
        try vault.rebuildNames(in: number)
        #expect(try vault.contents()["by_name"] == before)
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: [[], [1], [2, 65], [0]] as [[UInt8]])
    func `a damaged entry is an error and never an answer`(_ value: [UInt8]) throws {
        let vault = try vault(.memory, ["Ana"])
        let key = bytes(Key.name("ana".utf8.span.bytes, of: .studio, in: OrganizationNumber(1)))
        try vault.plant(Tables.byName, key, value)
        let code = code { try vault.search("ana", limit: 5, in: .clinic) }
        #expect(code == .corrupted || code == .unknownFormat)
        try vault.plant(Tables.byName, key, Array("\u{1}ana".utf8))
        #expect(VaultDBTests.code { try vault.search("ana", limit: 5, in: .clinic) } == .corrupted)
    }
}
