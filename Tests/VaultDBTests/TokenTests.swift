// Tokens of the server: what is kept of them, who is let in, and what ends it.

import Foundation
import Logging
import TestSupport
import Testing

@testable import VaultDB

@Suite("Tokens") struct TokenTests {
    private let directory: TemporaryDirectory
    private let vault: Vault

    init() throws {
        directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.logger = .silent
        vault = try Vault(at: directory.file("vault"), options: options)
    }

    @Test(arguments: AccessRole.allCases)
    func `the bearer of a token is who it was made for`(_ role: AccessRole) throws {
        let made = try vault.createTokenBlocking(for: .clinic, role: role, label: "web")
        #expect(try vault.token(shown: made.text) == made.token)
        #expect(made.token.organization == .clinic && made.token.role == role && made.token.label == "web")
        #expect(try vault.tokens() == [made.token])
    }

    @Test func `no text but a token's own lets anybody in`() throws {
        let made = try vault.createTokenBlocking(for: .clinic, role: .admin)
        let other = try vault.createTokenBlocking(for: .clinic, role: .admin)
        let mixed = String(made.text.prefix(13)) + String(other.text.dropFirst(13))
        for text in [
            "", "vdb_", made.token.id, String(made.text.dropLast()), made.text + "a", mixed, made.text.uppercased(),
        ] {
            #expect(try vault.token(shown: text) == nil, "\(text)")
        }
        // Each character counts but for the bits of the last that encode nothing.
        for index in made.text.indices.dropLast() {
            var changed = Array(made.text)
            let place = made.text.distance(from: made.text.startIndex, to: index)
            changed[place] = changed[place] == "a" ? "b" : "a"
            #expect(try vault.token(shown: String(changed)) == nil, "character \(place)")
        }
    }

    @Test func `the file holds no secret`() throws {
        let made = try vault.createTokenBlocking(for: .clinic, role: .admin)
        let secret = try #require(TokenText(made.text)).secret
        var values: [[UInt8]] = []
        try vault.entries(of: "tokens") { (entry) throws(VaultError) in
            values.append(entry.rawValue)
            #expect(!entry.value.text.contains(made.text))
            return true
        }
        #expect(values.count == 1)
        #expect(values[0].hex.contains(SecretDigest(of: secret).bytes.hex))
        #expect(!values[0].hex.contains(secret.hex))
    }

    @Test func `a revoked token is gone, and can be revoked once`() throws {
        let made = try vault.createTokenBlocking(for: .clinic, role: .reader)
        #expect(try vault.revokeTokenBlocking(made.token.id) == made.token)
        #expect(try vault.token(shown: made.text) == nil)
        for id in [made.token.id, "", "nonsense", "aaaaaaaa"] {
            #expect { try vault.revokeTokenBlocking(id) } throws: { ($0 as? VaultError)?.code == .notFound }
        }
    }

    @Test func `check finds a damaged token`() throws {
        let memory = try memoryVault()
        let key = Array("aaaaaaaa".utf8)
        try memory.plant(Tables.tokens, key, [1, 2, 3])
        let report = try memory.check()
        #expect(report.faults.map(\.table) == ["tokens"])
    }

    @Test func `texts come back as they were made`() throws {
        for _ in 0..<100 {
            let text = TokenText()
            #expect(TokenText(text.text) == text)
            #expect(text.text.utf8.count == 4 + 8 + 1 + 52)
        }
    }

    @Test func `a label has a bound`() {
        #expect(throws: VaultError.self) {
            try vault.createTokenBlocking(for: .clinic, role: .reader, label: String(repeating: "x", count: 300))
        }
    }
}
