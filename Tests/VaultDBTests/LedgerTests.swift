// What a counter costs that damage has made too low: an error that leads to the check, and nothing else.

import Foundation
import Testing

@testable import VaultDB

@Suite("Ledger") struct LedgerTests {
    @Test func `what would count below zero is refused and changes nothing`() throws {
        let vault = try memoryVault()
        let a = try vault.resolve("a@example.com").identity.id
        let b = try vault.resolve(phone: "600123456").identity.id
        try vault.resolve("a@example.com", phone: "600123456")
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        let known = try vault.ledger(in: .clinic)
        var ledger = Ledger()
        (ledger.sequence, ledger.last) = (known.sequence, known.last)
        let key = Key(OrganizationNumber(1))
        try vault.plant(Tables.ledgers, bytes(key), bytes(ledger.encoded(under: key)))
        let before = try vault.contents()
        let operations: [() throws -> Void] = [
            { _ = try vault.erase(a) }, { _ = try vault.merge(a, into: b) }, { _ = try vault.keepApart(a, b) },
            { _ = try vault.release("a@example.com") }, { _ = try vault.delete(.lead, "1", .hard) },
        ]
        for operation in operations {
            let error = #expect(throws: VaultError.self) { try operation() }
            #expect(error?.code == .corrupted && error?.advice.contains("vaultdb check") == true)
        }
        #expect(try vault.contents() == before)
    }
}
