// A vault near its largest size takes people until its pages are used, and erasures even then.

import Foundation
import LMDB
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("A full vault") struct FullVaultTests {
    @Test func `uses its pages, and goes on once people are erased`() throws {
        let directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.bytesMax = 8 << 20
        options.logger = .silent
        let vault = try Vault(at: directory.file("vault"), options: options)
        defer { vault.close() }
        let clinic = vault.organization(.clinic)
        func create(_ number: Int) throws(VaultError) -> UUID {
            let name = (0..<20).map { "name\(number)x\($0)" }.joined(separator: " ")
            return try clinic.resolveBlocking(ResolveRequest(email: "\(number)@example.com", name: name)).identity.id
        }
        var people: [UUID] = []
        var failure: VaultError?
        while failure == nil, people.count < 20_000 {
            do throws(VaultError) { people.append(try create(people.count)) } catch { failure = error }
        }
        #expect(failure?.code == .mapFull)
        let full = try vault.statistics()
        #expect(full.pagesFree * 8 < full.pagesUsed)
        // Nor does what the vault does while nobody writes take the room that is left for them.
        let engine = vault.core.engine
        for _ in 0..<5_000 where engine.hasDeferredWork {
            do { try engine.doDeferredWork() } catch { break }
        }
        // Each of them, for it needs room as well.
        for id in people.prefix(200) { _ = try clinic.eraseBlocking(id) }
        #expect(throws: Never.self) { _ = try create(people.count) }
        #expect(try vault.check().isClean)
    }

    /// A page that holds little is joined with another only where an entry is taken out of it.
    @Test func `what is shortened or erased gives its pages back`() throws {
        let directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.logger = .silent
        let vault = try Vault(at: directory.file("vault"), options: options)
        defer { vault.close() }
        let clinic = vault.organization(.clinic)
        func pages(_ table: Table) throws -> Int {
            try #require(vault.statistics().tables.first { $0.name == table.name }).statistics.pages
        }
        func draft(_ number: Int, attributes: String) -> RecordDraft {
            RecordDraft(kind: .lead, id: "\(number)", email: "\(number)@example.com", attributes: attributes)
        }
        let long = #"{"note":"\#(String(repeating: "n", count: 800))"}"#
        var people: [UUID] = []
        for number in 0..<400 { people.append(try clinic.putBlocking(draft(number, attributes: long)).identity) }
        let before = try pages(Tables.timeline)
        for number in 0..<200 { _ = try clinic.putBlocking(draft(number, attributes: "{}")) }
        for id in people[200...] { _ = try clinic.eraseBlocking(id) }
        #expect(try pages(Tables.timeline) * 4 < before)
        #expect(try vault.check().isClean)
    }
}
