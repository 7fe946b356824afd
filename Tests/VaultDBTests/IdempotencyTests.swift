// What an idempotency key promises: the first answer again, and nothing written.

import Foundation
import Testing

@testable import VaultDB

@Suite("Idempotency") struct IdempotencyTests {
    @Test(arguments: EngineKind.allCases)
    func `a repeated key gives the first answer and writes nothing`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve(phone: "600123456")
        let created = try vault.resolve("a@example.com", phone: "12", key: "booking-1")
        let conflict = try vault.resolve(
            "a@example.com", phone: "600123456", externals: ["ig:a", "bad"], key: "booking-2")
        let before = try vault.contents()
        #expect(try vault.resolve("a@example.com", phone: "12", key: "booking-1") == created)
        #expect(try vault.resolve("other@example.com", name: "Other", key: "booking-1") == created)
        #expect(try vault.resolve(externals: ["ig:a"], key: "booking-2") == conflict)
        #expect(try vault.resolve("other@example.com", key: "booking-2", dry: true) == conflict)
        #expect(try vault.contents() == before)
        #expect(conflict.enriched.count == 1 && conflict.conflicts.count == 1 && conflict.warnings.count == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `the first answer to a key may be a hit`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let created = try vault.resolve("a@example.com")
        let first = try vault.resolve("a@example.com", key: "k")
        #expect(first.outcome == .matched(by: .email) && first.identity == created.identity)
        #expect(try vault.resolve("b@example.com", key: "k") == first)
        #expect(try vault.events(in: .clinic).count == 1, "the kept answer is no change of the identity")
    }

    @Test(arguments: EngineKind.allCases)
    func `a repeated key writes nothing after what it told of was released`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let created = try vault.resolve("a@example.com", phone: "600123456", key: "created")
        let matched = try vault.resolve(phone: "600123456", key: "matched")
        try vault.release("600123456")
        let before = try vault.contents()
        #expect(try vault.resolve(phone: "600123456", key: "created") == created)
        let again = try vault.resolve(phone: "600123456", key: "matched")
        #expect(again.identity == matched.identity && again.outcome == matched.outcome && again.matched == nil)
        #expect(try vault.contents() == before)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `a repeated put warns as the first one did, also where that had nothing to resolve`(
        _ kind: EngineKind
    ) throws {
        let vault = try kind.vault()
        let id = try vault.resolve("a@example.com").identity.id
        let known = RecordDraft(kind: .lead, id: "known", email: "a@example.com", phone: "12")
        try vault.put(known)
        let cases: [(RecordDraft, [Resolution.Warning])] = [
            (RecordDraft(kind: .lead, id: "named", identity: id, email: "no at sign"), [.invalid(.email)]),
            (known, [.invalid(.phone)]), (RecordDraft(kind: .lead, id: "silent", identity: id), []),
        ]
        for (draft, warnings) in cases {
            var draft = draft
            draft.idempotencyKey = draft.id
            let first = try vault.put(draft)
            #expect(first.resolution == nil && first.warnings == warnings)
            (draft.email, draft.phone, draft.externals) = ("@", "1", ["bad"])
            #expect(try vault.put(draft) == first)
        }
        #expect(try vault.check().isClean)
    }

    @Test func `a repeated key is answered by the writer too, though nothing is usable any more`() async throws {
        let vault = try memoryVault()
        let first = try vault.resolve(phone: "600123456", key: "k")
        try vault.setRegion(try #require(Region("US")), in: .clinic)
        #expect(code { try vault.resolve(phone: "600123456") } == .noUsableIdentifier)
        let request = ResolveRequest(phone: "600123456", idempotencyKey: "k")
        let again: Resolution = try await withCheckedThrowingContinuation { continuation in
            do {
                let answer = try vault.core.submitResolve(request, vault.core.tenant(.clinic), isForWriter: true) {
                    continuation.resume(with: $0)
                }
                if let answer { continuation.resume(returning: answer) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        #expect(again == first)
    }

    @Test(arguments: EngineKind.allCases)
    func `keys are apart from each other and organizations from each other`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let one = try vault.resolve("a@example.com", key: "k")
        #expect(try vault.resolve("b@example.com", key: "K").identity != one.identity)
        #expect(try vault.resolve("b@example.com", key: "k", in: .studio).identity != one.identity)
    }

    @Test(arguments: EngineKind.allCases)
    func `neither a failure nor a dry run takes a key`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        #expect(code { try vault.resolve("@", key: "k") } == .noUsableIdentifier)
        #expect(try vault.resolve("a@example.com", key: "k", dry: true).identity.id == .nobody)
        let real = try vault.resolve("b@example.com", key: "k")
        #expect(real.outcome == .created)
        #expect(try vault.resolve("a@example.com", key: "k") == real)
    }

    @Test(arguments: EngineKind.allCases)
    func `old answers are forgotten as new ones come`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for number in 0..<6 {
            try vault.resolve("a@example.com", key: "old-\(number)")
            vault.clock.advance()
        }
        let week = Int64(Limits.idempotencyDays) * 86_400
        vault.clock.advance(seconds: week)
        try vault.resolve("a@example.com", key: "between")
        vault.clock.advance(seconds: week)
        try vault.resolve("a@example.com", key: "in time")
        #expect(try vault.answersKept() == 8, "the one between is a week old, and no older")
        vault.clock.advance()
        try vault.resolve("a@example.com", key: "later")
        #expect(try vault.answersKept() == 5, "four old ones go with a new one")
        try vault.resolve("a@example.com", key: "last")
        #expect(try vault.answersKept() == 4)
        #expect(try vault.resolve("b@example.com", key: "old-0").outcome == .created)
        #expect(try vault.check().isClean)
    }

    /// By how many seconds the clock is wrong for a while; nil sets it to 1970.
    @Test(arguments: [60 * 86_400, 400 * 86_400, -30 * 86_400, nil] as [Int64?], [true, false])
    func `no answer of this week is forgotten while the clock is wrong, nor when it is right again`(
        _ error: Int64?, _ hasHistory: Bool
    ) throws {
        let vault = try EngineKind.memory.vault()
        if hasHistory {
            for number in 0..<12 {
                try vault.resolve("old-\(number)@example.com", key: "old-\(number)")
                vault.clock.advance(seconds: 2 * 86_400)
            }
        }
        var booked: [String: Resolution] = [:]
        func book(_ count: Int) throws {
            for _ in 0..<count {
                let key = "booking-\(booked.count)"
                booked[key] = try vault.resolve("\(key)@example.com", key: key)
                vault.clock.advance(seconds: 60)
            }
        }
        let error = error ?? -vault.clock.now.microseconds / 1_000_000
        try book(6)
        vault.clock.advance(seconds: error)
        try book(6)
        vault.clock.advance(seconds: -error)
        try book(6)
        for (key, first) in booked { #expect(try vault.resolve("other@example.com", key: key) == first) }
        #expect(try vault.check().isClean)

        for number in 0..<16 {
            if number % 4 == 0 { vault.clock.advance(seconds: Int64(Limits.idempotencyDays) * 86_400) }
            try vault.resolve("late@example.com", key: "late-\(number)")
        }
        #expect(try vault.resolve("other@example.com", key: "booking-0") != booked["booking-0"], "later they go")
    }

    @Test(arguments: ["", String(repeating: "k", count: Limits.idempotencyKeyBytesMax + 1)])
    func `a key out of bounds is refused`(_ key: String) throws {
        let vault = try EngineKind.memory.vault()
        #expect(code { try vault.resolve("a@example.com", key: key) } == .invalidArgument)
        #expect(try vault.number(of: .clinic) == nil)
    }

    @Test(arguments: ["k", String(repeating: "k", count: Limits.idempotencyKeyBytesMax), "\0", "ключ 🔑", "a/b\n"])
    func `a key may consist of any bytes`(_ key: String) throws {
        let vault = try EngineKind.memory.vault()
        let first = try vault.resolve("a@example.com", key: key)
        #expect(try vault.resolve("b@example.com", key: key) == first)
    }
}

extension TestVault {
    /// Each kept answer has three entries where it names one identity.
    fileprivate func answersKept() throws -> Int { (try contents()["idempotency"] ?? [:]).count / 3 }
}
