// What looking into the tables promises: what `keys` prints is what `get` takes, and no key crashes it.

import Foundation
import Logging
import TestSupport
import Testing

@testable import VaultDB

@Suite("Looking into tables") struct TableTextTests {
    private let directory: TemporaryDirectory
    private let vault: Vault

    init() throws {
        directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.logger = .silent
        vault = try Vault(at: directory.file("vault"), options: options)
        let clinic = vault.organization(.clinic)
        for (number, id) in ["1", "a/b", "//", " ", "é🙂", "\u{1}", String(repeating: "x", count: 200)].enumerated() {
            let draft = RecordDraft(
                kind: .lead, id: id, email: "p\(number)@example.com", phone: "60012345\(number)",
                externals: ["ig:a/b \(number)"], attributes: #"{"a":1}"#)
            _ = try clinic.putBlocking(draft)
        }
        var request = ResolveRequest(email: "p0@example.com", phone: "600123451", externals: ["ig:a/b 2"], name: "Ana")
        request.idempotencyKey = "k"
        _ = try clinic.resolveBlocking(request)
        try clinic.setRegionBlocking(.spain)
        try Self.mergeAndErase(in: clinic)
        _ = try vault.createTokenBlocking(for: .clinic, role: .reader, label: "checks")
        _ = try vault.organization(.studio).resolveBlocking(ResolveRequest(email: "p0@example.com"))
    }

    /// Entries in the tables of merges, of former holders and of erasures.
    private static func mergeAndErase(in clinic: Organization) throws {
        guard let three = try clinic.find(email: "p3@example.com"), let four = try clinic.find(email: "p4@example.com"),
            let five = try clinic.find(email: "p5@example.com")
        else { throw Missing() }
        _ = try clinic.mergeBlocking(three, into: four)
        _ = try clinic.eraseBlocking(five)
    }

    @Test(arguments: Vault.tableNames)
    func `what is printed of a key finds the same entry again`(_ table: String) throws {
        var entries: [StoredEntry] = []
        try vault.entries(of: table) { (entry) throws(VaultError) in
            entries.append(entry)
            return true
        }
        #expect(!entries.isEmpty)
        for entry in entries {
            let found = try vault.entry(of: table, key: entry.key, organization: entry.organization)
            #expect(found?.rawKey == entry.rawKey && found?.rawValue == entry.rawValue, "\(entry.key.debugDescription)")
            #expect(!entry.value.text.contains("fault"))
            #expect((try? JSONSerialization.jsonObject(with: Data(entry.value.text.utf8))) != nil)
            #expect((entry.organization == nil) == ["meta", "organizations", "tokens"].contains(table))
        }
        let perOrganization = try entries.filter { $0.organization == .clinic }.map { entry in
            var first: StoredEntry?
            try vault.entries(of: table, organization: .clinic, prefix: entry.key) { (entry) throws(VaultError) in
                first = entry
                return false
            }
            return first?.rawKey == entry.rawKey
        }
        #expect(!perOrganization.contains(false), "an entry is the first of those that start like it")
    }

    @Test(arguments: Vault.tableNames)
    func `odd keys are refused or find nothing`(_ table: String) throws {
        let odd =
            ["", "/", "//", "///", "zz", "0", "-1", "18446744073709551616", "lead", "lead/", "é", "\0", "@", "+"]
            + InputTests.nasty
        for text in odd {
            let refusal = code { try vault.entry(of: table, key: text, organization: .clinic) }
            #expect(refusal == nil || refusal == .invalidArgument, "\(text.debugDescription)")
            let count = code { try vault.entries(of: table, organization: .clinic, prefix: text) { _ in true } }
            #expect(count == nil || count == .invalidArgument, "\(text.debugDescription)")
        }
    }

    @Test(arguments: ["identities", "timeline", "conflicts", "merges", "idempotency", "erasures", "by_name"])
    func `a prefix lists the keys that are printed with it`(_ table: String) throws {
        let all = try keys(of: table)
        #expect(!all.isEmpty)
        for key in all {
            // As far as the id at its end or its beginning.
            for length in 0...min(36, key.count) {
                let prefix = String(table == "by_name" ? key.dropLast(36 - length) : key.prefix(length))
                #expect(try keys(of: table, prefix: prefix) == all.filter { $0.hasPrefix(prefix) }, "\(prefix)")
            }
        }
    }

    private func keys(of table: String, prefix: String = "") throws -> [String] {
        var keys: [String] = []
        try vault.entries(of: table, organization: .clinic, prefix: prefix) { (entry) throws(VaultError) in
            keys.append(entry.key)
            return true
        }
        return keys
    }

    @Test(arguments: Vault.tableNames + ["ana@example.com"])
    func `a refusal does not hold what was typed`(_ table: String) throws {
        do {
            _ = try vault.entry(of: table, key: "ana@example.com", organization: .clinic)
        } catch {
            #expect(!"\(error)".contains("@example"))
        }
    }

    @Test func `a table that is not there is refused`() {
        #expect(code { try vault.entries(of: "nothing") { _ in true } } == .invalidArgument)
        #expect(code { try vault.entries(of: "identities", prefix: "0") { _ in true } } == .invalidArgument)
    }
}
