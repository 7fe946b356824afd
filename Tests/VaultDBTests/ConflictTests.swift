// What the review queue promises: one conflict for each pair and identifier, counted and read by pages.

import Foundation
import Testing

@testable import VaultDB

@Suite("Conflicts") struct ConflictTests {
    @Test(arguments: EngineKind.allCases)
    func `repeats of a conflict are counted and not queued again`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve("a@example.com")
        try vault.resolve(phone: "600123456")
        let firstSeen = vault.clock.now
        for source in ["one", "two", nil] {
            try vault.resolve("a@example.com", phone: "600123456", source: source)
            vault.clock.advance()
        }
        let queue = try vault.openConflicts()
        #expect(queue.count == 1 && queue[0].count == 3 && queue[0].source == "two")
        #expect(queue[0].firstSeen == firstSeen && queue[0].lastSeen.microseconds == firstSeen.microseconds + 2_000_000)
        #expect(try vault.ledger(in: .clinic).openConflicts == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `a pair has one conflict for each identifier, whichever of the two was matched`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let a = try vault.resolve("a@example.com", externals: ["ig:a"])
        let b = try vault.resolve("b@example.com", externals: ["ig:b"])
        // Matched a, b owns the email; then matched b, a owns the email; then the first again.
        #expect(try vault.resolve("b@example.com", externals: ["ig:a"]).identity == a.identity)
        #expect(try vault.resolve("a@example.com", externals: ["ig:b"]).identity == b.identity)
        #expect(try vault.resolve("b@example.com", externals: ["ig:a"]).conflicts.map(\.owner) == [b.identity.id])
        let queue = try vault.openConflicts()
        #expect(queue.map(\.identifier.text).sorted() == ["a@example.com", "b@example.com"])
        #expect(queue.allSatisfy { $0.first.text < $0.second.text })
        #expect(queue.map(\.count).sorted() == [1, 2])
        // Matched by either side, one identifier keeps one entry.
        try vault.resolve(externals: ["ig:a", "ig:b"])
        try vault.resolve(externals: ["ig:b", "ig:a"])
        #expect(
            try vault.openConflicts().map(\.identifier.text).sorted() == [
                "a@example.com", "b@example.com", "ig:a", "ig:b",
            ])
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `the review queue is read page by page`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve("a@example.com")
        for number in 0..<7 { try vault.resolve(externals: ["ig:\(number)"]) }
        for number in 0..<7 { try vault.resolve("a@example.com", externals: ["ig:\(number)"]) }
        var pages: [Conflict] = []
        while true {
            let page = try vault.conflicts(in: .open, after: pages.last, limit: 3, organization: .clinic)
            if page.isEmpty { break }
            #expect(page.count <= 3)
            pages += page
        }
        #expect(pages == (try vault.openConflicts()) && pages.count == 7)
        #expect(try vault.conflicts(in: .keptApart, after: nil, limit: 3, organization: .clinic).isEmpty)
        #expect(try vault.conflicts(in: .open, after: nil, limit: 0, organization: .clinic).isEmpty)
    }

    @Test(arguments: EngineKind.allCases)
    func `a pair that is kept apart stays apart for that identifier`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve("a@example.com")
        try vault.resolve(phone: "600123456", externals: ["ig:b"])
        try vault.resolve("a@example.com", phone: "600123456")
        let conflict = try #require(try vault.openConflicts().first)
        try vault.keepApart(conflict.first, conflict.second)
        let before = try vault.contents()
        let again = try vault.resolve("a@example.com", phone: "600123456")
        #expect(again.conflicts.count == 1, "the answer still names it")
        #expect(try vault.contents() == before, "and nothing is queued")
        try vault.resolve("a@example.com", phone: "600123456", name: "Ana")
        #expect(try vault.openConflicts().isEmpty)
        try vault.resolve(phone: "600123456", externals: ["ig:b", "ig:c"])
        try vault.resolve("a@example.com", externals: ["ig:d"])
        try vault.resolve("a@example.com", externals: ["ig:d", "ig:b"])
        #expect(try vault.openConflicts().map(\.identifier.text) == ["ig:b"], "another identifier is another matter")
    }
}
