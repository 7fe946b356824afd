// What undoing a merge promises: who owns an identifier has the conflicts about it, and what came since stays.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Undoing a merge") struct UnmergeTests {
    let vault: any TestVault
    init() throws { vault = try EngineKind.memory.vault() }

    @discardableResult
    private func person(_ email: String? = nil, phone: String? = nil) throws -> UUID {
        vault.clock.advance()
        return try vault.resolve(email, phone: phone).identity.id
    }

    @discardableResult
    private func put(
        _ kind: RecordKind, _ id: String, _ email: String? = nil, phone: String? = nil, to identity: UUID? = nil
    ) throws -> UUID {
        vault.clock.advance()
        var draft = RecordDraft(kind: kind, id: id, identity: identity, email: email, phone: phone)
        draft.moves = identity != nil
        draft.keepsOthers = draft.moves
        return try vault.put(draft).identity
    }

    private func merge(_ a: UUID, into b: UUID) throws -> UUID {
        vault.clock.advance()
        defer { vault.clock.advance() }
        return try vault.merge(a, into: b).merge
    }

    private func record(_ kind: RecordKind, _ id: String) throws -> Record {
        try #require(try vault.record(kind, id, in: .clinic))
    }

    private func pairs(_ state: Conflict.State = .open) throws -> Set<Set<UUID>> {
        let conflicts = try vault.conflicts(in: state, after: nil, limit: 100, organization: .clinic)
        return Set(conflicts.map { [$0.first, $0.second] })
    }

    // MARK: Order

    @Test(arguments: [true, false])
    func `a merge whose conflict a later one took over can't be undone first`(_ isJoined: Bool) throws {
        let (a, b) = (try person("a@example.com", phone: "600123456"), try person("b@example.com"))
        let (c, d) = (try person("c@example.com"), try person("d@example.com"))
        if isJoined { try person("c@example.com", phone: "600123456") }
        let first = try merge(a, into: b)
        try person("d@example.com", phone: "600123456")
        let second = try merge(d, into: c)
        let error = #expect(throws: VaultError.self) { try vault.unmerge(first) }
        #expect(error?.code == .refused && error?.message.contains(second.text) == true)
        try vault.unmerge(second)
        try vault.unmerge(first)
        let restored: Set<Set<UUID>> = isJoined ? [[a, c], [a, d]] : [[a, d]]
        #expect(try pairs() == restored)
        #expect(try vault.check().faults == [])
    }

    @Test func `the order of merges is that of their events, whatever the clock`() throws {
        let before = try memoryVault()
        before.clock.advance(seconds: 3_600)
        let a = try before.resolve("a@example.com", phone: "600123456").identity.id
        let b = try before.resolve("b@example.com").identity.id
        let first = try before.merge(a, into: b).merge
        // The program is started again under a clock that was set back: its ids are less than those there are.
        let vault = try memoryVault(MemoryEngine(copying: before.engine))
        let c = try vault.resolve("c@example.com").identity.id
        let d = try vault.resolve("d@example.com").identity.id
        try vault.resolve("d@example.com", phone: "600123456")
        let second = try vault.merge(d, into: c).merge
        #expect(second.text < first.text)
        let error = #expect(throws: VaultError.self) { try vault.unmerge(first) }
        #expect(error?.code == .refused && error?.message.contains(second.text) == true)
        try vault.unmerge(second)
        try vault.unmerge(first)
        #expect(try vault.openConflicts().map { Set([$0.first, $0.second]) } == [[a, d]])
        #expect(try vault.check().faults == [])
    }

    @Test func `a joined conflict that was seen less than it should have been is taken apart all the same`() throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let c = try person("c@example.com")
        for _ in 0..<2 { try person("c@example.com", phone: "600123456") }
        let merge = try merge(a, into: b)
        let number = try #require(try vault.number(of: .clinic))
        let pair = ConflictKey(one: b, other: c, identifier: try vault.identifier("600123456")).canonical
        let key = pair.key(in: number)
        let now = vault.clock.now
        let fewer = ConflictEntry(state: .open, source: nil, firstSeen: now, lastSeen: now, count: 1)
        try vault.plant(Tables.conflicts, bytes(key), bytes(fewer.encoded(under: key)))
        try vault.unmerge(merge)
        #expect(try pairs() == [[a, c]])
        #expect(try vault.openConflicts().map(\.count) == [2])
    }

    // MARK: Conflicts

    /// Whose conflict had a source keeps it, and who had none gets none, also where it is seen again without one.
    @Test(arguments: [("web", nil), (nil, "web"), (nil, nil), ("web", "app")] as [(String?, String?)])
    func `sources of conflicts survive a merge and its undoing`(_ mine: String?, _ theirs: String?) throws {
        try person("c@example.com")
        func meet(_ external: String, _ source: String?) throws -> UUID {
            let id = try vault.resolve("\(external)@example.com", externals: ["z:\(external)"]).identity.id
            vault.clock.advance()
            try vault.resolve("c@example.com", externals: ["z:\(external)"], source: source)
            return id
        }
        func sources(of id: UUID) throws -> [String?] {
            try vault.conflicts(in: .open, after: nil, limit: 100, organization: .clinic)
                .filter { $0.first == id || $0.second == id }.map(\.source)
        }
        let (a, b) = (try meet("a", mine), try meet("b", theirs))
        let id = try merge(b, into: a)
        #expect(try sources(of: a) == [theirs ?? mine])
        try vault.resolve("c@example.com", externals: ["z:a"])
        try vault.unmerge(id)
        #expect(try sources(of: a) == [mine])
        #expect(try sources(of: b) == [theirs])
    }

    /// How far the clock is moved after the merge, in seconds.
    static let steps: [Int64] = [0, -2, -30 * 86_400]

    @Test(arguments: steps)
    func `a conflict that came up goes with the identifier, and an erasure then finds it`(_ step: Int64) throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let c = try person("c@example.com")
        let merge = try merge(a, into: b)
        vault.clock.advance(seconds: step)
        try put(.lead, "1", "c@example.com", phone: "600123456")
        #expect(try pairs() == [[b, c]])
        try vault.unmerge(merge)
        #expect(try pairs() == [[a, c]])
        try vault.erase(a)
        #expect(try record(.lead, "1").phone == nil)
        #expect(try vault.check().faults == [])
    }

    @Test func `a conflict that was there before is counted up for who has the identifier`() throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let c = try person("c@example.com")
        try person("c@example.com", phone: "600123456")
        let merge = try merge(a, into: b)
        try person("c@example.com", phone: "600123456")
        try vault.unmerge(merge)
        #expect(try pairs() == [[a, c]])
        #expect(try vault.openConflicts().map(\.count) == [2])
    }

    @Test func `a pair that was kept apart meanwhile stays so for who has the identifier`() throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let c = try person("c@example.com")
        let merge = try merge(a, into: b)
        try put(.lead, "1", "c@example.com", phone: "600123456")
        try vault.keepApart(c, b)
        try vault.unmerge(merge)
        try person("c@example.com", phone: "600123456")
        #expect(try pairs(.keptApart) == [[a, c]])
        #expect(try pairs().isEmpty)
    }

    @Test(arguments: steps)
    func `what a record was given meanwhile and the survivor or a third owns is a conflict`(_ step: Int64) throws {
        let (a, b) = (try put(.lead, "1", "a@example.com"), try person("b@example.com", phone: "600123456"))
        let c = try person("c@example.com")
        let merge = try merge(a, into: b)
        vault.clock.advance(seconds: step)
        try put(.lead, "1", "c@example.com", phone: "600123456")
        try vault.unmerge(merge)
        #expect(try record(.lead, "1").identity == a)
        #expect(try pairs() == [[a, b], [a, c], [b, c]])
        try vault.erase(b)
        try vault.erase(c)
        let lead = try record(.lead, "1")
        #expect(lead.email == nil && lead.phone == nil)
        #expect(try vault.check().faults == [])
    }

    @Test func `what a record was given while the survivor was merged into another is a conflict`() throws {
        let (a, b) = (try put(.lead, "1", "a@example.com"), try person("b@example.com", phone: "600123456"))
        let c = try person("c@example.com")
        let first = try merge(a, into: b)
        let second = try merge(b, into: c)
        #expect(try put(.lead, "1", "a@example.com", phone: "600123456") == c)
        try vault.unmerge(second)
        #expect(try pairs().isEmpty)
        try vault.unmerge(first)
        #expect(try pairs() == [[a, b]])
    }

    @Test func `a conversion gives a record nothing`() throws {
        let (a, b) = (try put(.lead, "1", "a@example.com", phone: "600123456"), try person("b@example.com"))
        try vault.release("600123456")
        try person("c@example.com", phone: "600123456")
        let merge = try merge(a, into: b)
        try put(.patient, "1", "b@example.com")
        #expect(try record(.lead, "1").status == Record.converted)
        try vault.unmerge(merge)
        #expect(try pairs().isEmpty)
    }

    // MARK: What is kept of meanwhile

    @Test(arguments: steps)
    func `a first answer of meanwhile names who has it now, one of before is given again`(_ step: Int64) throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let first = try vault.resolve(phone: "600123456", key: "before")
        let merge = try merge(a, into: b)
        vault.clock.advance(seconds: step)
        #expect(try vault.resolve(phone: "600123456", key: "meanwhile").identity.id == b)
        try vault.unmerge(merge)
        let before = try vault.contents()
        #expect(try vault.resolve("x@example.com", key: "before") == first)
        let again = try vault.resolve("x@example.com", key: "meanwhile")
        #expect(again.identity.id == a && again.matched?.text == "+34600123456")
        #expect(try vault.contents() == before)
        #expect(try vault.check().faults == [])
    }

    @Test func `a repeated key puts nothing again after a merge was undone`() throws {
        let (a, b) = (try put(.lead, "1", phone: "600123456"), try person("b@example.com"))
        let merge = try merge(a, into: b)
        var new = RecordDraft(kind: .lead, id: "2", phone: "600123456")
        new.idempotencyKey = "new"
        var old = RecordDraft(kind: .lead, id: "1", phone: "600123456", status: "CALLED")
        old.idempotencyKey = "old"
        #expect(try vault.put(new).identity == b)
        #expect(try vault.put(old).identity == b)
        try vault.unmerge(merge)
        let before = try vault.contents()
        let kept = try vault.put(new)
        #expect(kept.identity == b && kept.change == .created, "what the survivor gained stays with it")
        #expect(kept.resolution?.outcome == .matched(by: .phone) && kept.resolution?.matched == nil)
        let returned = try vault.put(old)
        #expect(returned.identity == a && returned.change == .updated)
        #expect(returned.resolution?.matched?.text == "+34600123456")
        #expect(try vault.contents() == before)
        #expect(try vault.check().faults == [])
    }

    @Test func `a first answer from before a merge is the same after it was undone`() throws {
        let (a, b) = (try person("a@example.com"), try person("b@example.com"))
        var draft = RecordDraft(kind: .lead, id: "1", email: "b@example.com", phone: "600123456")
        draft.idempotencyKey = "key"
        let first = try vault.put(draft)
        #expect(first.identity == b)
        var moved = RecordDraft(kind: .lead, id: "1", email: "b@example.com")
        moved.identity = a
        moved.moves = true
        #expect(try vault.put(moved).identity == a)
        let merge = try merge(a, into: b)
        #expect(try vault.put(draft) == first)
        try vault.unmerge(merge)
        #expect(try vault.put(draft) == first)
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: steps)
    func `who held an identifier is told in the order in which they did`(_ step: Int64) throws {
        let (a, b) = (try person(phone: "600123456"), try person("b@example.com"))
        let merge = try merge(a, into: b)
        vault.clock.advance(seconds: step)
        try vault.unmerge(merge)
        let held = try vault.holdings(of: vault.identifier("600123456"), in: .clinic)
        #expect(held.map(\.identity) == [a, b, a])
        #expect(held.allSatisfy { $0.from <= $0.until ?? .max })
        #expect(try vault.holdings(by: b, in: .clinic).map(\.identifier.text) == ["b@example.com", "+34600123456"])
        #expect(try vault.check().faults == [])
    }

    @Test func `a name that the survivor was given itself meanwhile stays with it`() throws {
        let a = try vault.resolve("a@example.com", name: "Juan Perez").identity.id
        let b = try vault.resolve("b@example.com", name: "JP").identity.id
        let merge = try merge(a, into: b)
        try vault.put(RecordDraft(kind: .lead, id: "1", firstName: "Eva", email: "a@example.com"))
        try vault.put(
            RecordDraft(kind: .lead, id: "2", firstName: " Juan", lastName: "Perez", email: "b@example.com"))
        try vault.unmerge(merge)
        #expect(try vault.identity(a, in: .clinic)?.names == ["Juan Perez"])
        #expect(try vault.identity(b, in: .clinic)?.names == ["JP", "Juan Perez", "Eva"])
        #expect(Set(try vault.search("juan", limit: 5, in: .clinic).matches.map(\.id)) == [a, b])
        #expect(try vault.check().faults == [])
    }

    @Test func `a display name that the survivor was given itself meanwhile stays`() throws {
        let a = try vault.resolve("a@example.com", name: "Juan Perez").identity.id
        let b = try person("b@example.com")
        let merge = try merge(a, into: b)
        try vault.put(RecordDraft(kind: .lead, id: "1", firstName: "Juan", lastName: "Perez", email: "b@example.com"))
        try vault.unmerge(merge)
        #expect(try vault.identity(b, in: .clinic)?.displayName == "Juan Perez")
        #expect(try vault.check().faults == [])
    }

    // MARK: Records

    @Test func `a record that was deleted and put anew for the survivor stays there`() throws {
        let (a, b) = (try put(.lead, "1", "a@example.com"), try person("b@example.com"))
        let merge = try merge(a, into: b)
        try vault.delete(.lead, "1")
        try put(.lead, "1", "b@example.com")
        #expect(try vault.unmerge(merge).records == 0)
        #expect(try record(.lead, "1").identity == b)
    }

    @Test func `a record that left the survivor and came back stays there`() throws {
        let (a, b) = (try put(.lead, "1", "a@example.com"), try person("b@example.com"))
        let c = try person("c@example.com")
        let merge = try merge(a, into: b)
        try put(.lead, "1", to: c)
        try put(.lead, "1", to: b)
        #expect(try vault.unmerge(merge).records == 0)
        #expect(try record(.lead, "1").identity == b)
        #expect(try pairs().contains([a, b]), "it was given what the other owns again")
        #expect(try vault.find("a@example.com") == a)
    }

    @Test func `a lead that a patient of the survivor converted since is open again`() throws {
        let (a, b) = (try put(.lead, "1", "a@example.com"), try put(.lead, "2", "b@example.com"))
        let merge = try merge(a, into: b)
        #expect(try put(.patient, "1", "b@example.com") == b)
        #expect(try record(.lead, "1").status == Record.converted)
        try vault.unmerge(merge)
        #expect(try record(.lead, "1").status == nil)
        #expect(try record(.lead, "2").status == Record.converted)
        #expect(try vault.check().faults == [])
    }

    @Test func `who has no patient any more is none`() throws {
        let (a, b) = (try put(.patient, "1", "a@example.com"), try person("b@example.com"))
        let c = try person("c@example.com")
        let merge = try merge(a, into: b)
        try put(.patient, "1", to: c)
        try vault.unmerge(merge)
        let identity = try #require(try vault.identity(a, in: .clinic))
        #expect(!identity.isPatient && identity.identifiers.allSatisfy { !$0.isClinical })
        #expect(try vault.check().faults == [])
    }
}
