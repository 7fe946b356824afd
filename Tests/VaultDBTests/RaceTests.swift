// What concurrent callers are promised: one identity for one person, and readers that see a whole state.

import Dispatch
import Foundation
import Synchronization
import Testing

@testable import VaultDB

/// Something that tasks tell each other.
private final class Flag: Sendable {
    let isUp = Atomic<Bool>(false)
}

@Suite("Races") struct RaceTests {
    @Test(arguments: EngineKind.allCases)
    func `tasks that race on a new email get one identity`(_ kind: EngineKind) async throws {
        let vault = try kind.vault()
        for round in 0..<10 {
            let answers = try await withThrowingTaskGroup(of: Resolution.self) { group in
                for _ in 0..<24 {
                    group.addTask {
                        try await vault.resolveAsync(ResolveRequest(email: "p\(round)@example.com"), in: .clinic)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            expectOne(answers)
        }
        #expect(try vault.ledger(in: .clinic).identities == 10)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `threads that race on a new email get one identity`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for round in 0..<10 {
            let answers = Mutex<[Resolution]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                guard let answer = try? vault.resolve("p\(round)@example.com") else { return }
                answers.withLock { $0.append(answer) }
            }
            #expect(answers.withLock(\.count) == 8)
            expectOne(answers.withLock(\.self))
        }
        #expect(try vault.check().isClean)
    }

    private func expectOne(_ answers: [Resolution]) {
        #expect(Set(answers.map(\.identity.id)).count == 1)
        #expect(answers.count { $0.outcome == .created } == 1)
        #expect(answers.count { $0.outcome == .matched(by: .email) } == answers.count - 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `combinations of one email and one phone end as one identity or as one conflict`(_ kind: EngineKind)
        async throws
    {
        let vault = try kind.vault()
        for round in 10..<40 {
            let (email, phone) = ("p\(round)@example.com", "6001234\(round)")
            let requests = [
                ResolveRequest(email: email), ResolveRequest(phone: phone), ResolveRequest(email: email, phone: phone),
                ResolveRequest(email: email, phone: phone),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for request in requests { group.addTask { _ = try await vault.resolveAsync(request, in: .clinic) } }
                try await group.waitForAll()
            }
            let owners = [try vault.find(email), try vault.find(phone)]
            #expect(!owners.contains(nil))
            let conflicts = try vault.openConflicts().filter { $0.identifier.text == "+34\(phone)" }
            #expect(conflicts.count == Set(owners).count - 1)
        }
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `one idempotency key gives all who race on it one answer`(_ kind: EngineKind) async throws {
        let vault = try kind.vault()
        let answers = try await withThrowingTaskGroup(of: Resolution.self) { group in
            for number in 0..<16 {
                let request = ResolveRequest(email: "p\(number)@example.com", idempotencyKey: "same")
                group.addTask { try await vault.resolveAsync(request, in: .clinic) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0 == answers[0] })
        #expect(try vault.ledger(in: .clinic).identities == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `readers see a whole state while others write`(_ kind: EngineKind) async throws {
        let vault = try kind.vault()
        let done = Flag()
        try vault.resolve("p0@example.com")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { () async throws -> Void in
                while !done.isUp.load(ordering: .acquiring) {
                    #expect(try vault.check().faults == [])
                    await Task.yield()
                }
            }
            group.addTask {
                defer { done.isUp.store(true, ordering: .releasing) }
                for number in 0..<120 {
                    let (email, phone) = ("p\(number % 20)@example.com", "6001234\(10 + number % 30)")
                    let draft = RecordDraft(kind: .lead, id: "\(number % 50)", email: email, phone: phone)
                    _ = try await vault.putAsync(draft, in: .clinic)
                    let request = ResolveRequest(email: email, externals: ["ig:\(number % 7)"], name: "Name \(number)")
                    _ = try await vault.resolveAsync(request, in: .clinic)
                }
            }
            try await group.waitForAll()
        }
        #expect(try vault.check().isClean)
    }
}
