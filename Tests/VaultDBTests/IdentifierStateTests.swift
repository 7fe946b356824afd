// What share, block and release promise.

import Foundation
import Testing

@testable import VaultDB

@Suite("Identifier states") struct IdentifierStateTests {
    @Test(arguments: EngineKind.allCases, [IdentifierState.shared, .blocked])
    func `a marked identifier identifies nobody`(_ kind: EngineKind, _ state: IdentifierState) throws {
        let vault = try kind.vault()
        let warning: Resolution.Warning = state == .shared ? .shared(.email) : .blocked(.email)
        let family = try vault.resolve("family@example.com")
        let change = try vault.mark("family@example.com", as: state)
        #expect(change.before == .owned && change.after == state && change.holder == family.identity.id)
        #expect(try vault.find("family@example.com") == nil)
        #expect(code { try vault.resolve("family@example.com") } == .noUsableIdentifier)
        let child = try vault.resolve("family@example.com", phone: "600123456")
        #expect(child.outcome == .created && child.warnings == [warning])
        #expect(try vault.person(child).primaryEmail == nil)
        #expect(try vault.person(family).identifiers.map(\.state) == [state])
        #expect(try vault.resolve("family@example.com", phone: "600123456").conflicts.isEmpty)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `a marked identifier is primary only where there is no other of its kind`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.resolve("a@example.com")
        try vault.mark("a@example.com", as: .shared)
        #expect(try vault.person(answer).primaryEmail == "a@example.com")
        try vault.release("a@example.com")
        try vault.resolve("a@example.com", externals: ["ig:a"])
        try vault.resolve("b@example.com", externals: ["ig:a"])
        #expect(try vault.person(answer).primaryEmail == "a@example.com")
        try vault.mark("a@example.com", as: .blocked)
        #expect(try vault.person(answer).primaryEmail == "b@example.com")
        #expect(try vault.person(answer).texts(.email) == ["a@example.com", "b@example.com"])
        try vault.release("a@example.com")
        #expect(try vault.person(answer).primaryEmail == "b@example.com", "what took its place stays")
        #expect(try vault.find("a@example.com") == answer.identity.id, "and it identifies its owner again")
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `an identifier nobody holds can be marked and released`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let change = try vault.mark("noreply@example.com", as: .blocked)
        #expect(change.before == nil && change.after == .blocked && change.holder == nil)
        #expect(try vault.ledger(in: .clinic).emails == 1)
        let freed = try vault.release("noreply@example.com")
        #expect(freed.before == .blocked && freed.after == nil)
        #expect(try vault.ledger(in: .clinic).emails == 0)
        #expect(code { try vault.release("noreply@example.com") } == .notFound)
        #expect(try vault.resolve("noreply@example.com").outcome == .created)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `releasing an owned identifier frees it for somebody else`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let a = try vault.resolve("a@example.com", phone: "600123456")
        let freed = try vault.release("600 123 456")
        #expect(freed.before == .owned && freed.after == nil && freed.holder == a.identity.id)
        #expect(try vault.person(a).primaryPhone == nil)
        let b = try vault.resolve(phone: "600123456")
        #expect(b.outcome == .created && b.identity != a.identity)
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `an owned identifier is the next primary before a marked one`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.resolve("a@example.com", externals: ["ig:a"])
        try vault.resolve("b@example.com", externals: ["ig:a"])
        try vault.resolve("c@example.com", externals: ["ig:a"])
        try vault.mark("b@example.com", as: .shared)
        try vault.release("a@example.com")
        #expect(try vault.person(answer).primaryEmail == "c@example.com")
        try vault.release("c@example.com")
        #expect(try vault.person(answer).primaryEmail == "b@example.com")
        #expect(try vault.check().isClean)
    }

    @Test(arguments: EngineKind.allCases)
    func `setting the state that is there already writes nothing`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.resolve("a@example.com")
        try vault.mark("a@example.com", as: .shared)
        let before = try vault.contents()
        #expect(try vault.mark("a@example.com", as: .shared).before == .shared)
        #expect(try vault.contents() == before)
        try vault.mark("a@example.com", as: .blocked)
        #expect(
            try vault.events(in: .clinic).map(\.action) == [.identityCreated, .identifierShared, .identifierBlocked])
    }

    @Test(arguments: EngineKind.allCases)
    func `an external id and a phone can be marked too`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let answer = try vault.resolve(phone: "600123456", externals: ["crm:1"])
        try vault.mark("crm:1", as: .shared)
        try vault.mark("+34 600 123 456", as: .blocked)
        let warnings = try vault.resolve("a@example.com", phone: "600123456", externals: ["crm:1"]).warnings
        #expect(warnings == [.shared(.external), .blocked(.phone)])
        #expect(try vault.person(answer).identifiers.map(\.state) == [.shared, .blocked])
    }
}
