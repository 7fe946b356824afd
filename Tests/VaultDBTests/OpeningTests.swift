// What opening a vault promises: a file that is none, or is not ours to write, is told apart and left alone.

import Foundation
import LMDB
import Logging
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Opening") struct OpeningTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("vault") }

    init() throws { directory = try TemporaryDirectory() }

    private func open(
        _ path: String? = nil, access: VaultOptions.Access = .readWrite, creates: Bool = false
    ) throws(VaultError) -> Vault {
        var options = VaultOptions()
        options.access = access
        options.creates = creates
        options.logger = .silent
        return try Vault(at: path ?? self.path, options: options)
    }

    private func rewriteMeta(_ change: (inout [UInt8]) -> Void, version: String? = nil) throws {
        let environment = try Environment(at: path, tables: Tables.all)
        defer { environment.close() }
        let fresh = Meta(
            createdAt: .now(), region: .spain, bytesMax: 1 << 40, normalizer: version ?? Normalizer.version.description)
        var meta = bytes(fresh.encoded())
        change(&meta)
        try environment.write { (transaction) throws(StorageError) in
            try transaction.put(bytes(Meta.key).span.bytes, meta.span.bytes, in: Tables.meta)
        }
    }

    @Test func `a new vault is made, closed and opened again`() throws {
        let vault = try open(creates: true)
        let created = try vault.organization(.clinic).resolveBlocking(ResolveRequest(email: "a@example.com"))
        #expect(vault.region == .spain && vault.normalizerVersion == Normalizer.version.description)
        vault.close()
        #expect(code { try vault.organization(.clinic).find(email: "a@example.com") } == .misuse)
        #expect(
            code { try vault.organization(.clinic).resolveBlocking(ResolveRequest(email: "b@example.com")) } == .misuse)
        let again = try open()
        #expect(try again.organization(.clinic).find(email: "a@example.com") == created.identity.id)
        #expect(try again.organizations() == [.clinic])
    }

    @Test func `a vault that is not there is not made unless asked for`() {
        #expect(code { try open() } == .notFound)
        #expect(code { try open(access: .readOnly, creates: true) } == .notFound)
        #expect(code { try open(directory.file("no/such/vault"), creates: true) } == .notFound)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a directory is no vault`() {
        #expect(code { try open(directory.path, creates: true) } == .notAVault)
    }

    @Test(arguments: ["hello\n", String(repeating: "text, text, text\n", count: 2_000), "\0"])
    func `a foreign file is no vault and stays as it is`(_ text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        for access in [VaultOptions.Access.readOnly, .readWrite] {
            #expect(code { try open(access: access, creates: true) } == .notAVault)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func `a vault that is cut short is refused`() throws {
        let vault = try open(creates: true)
        for number in 0..<200 {
            _ = try vault.organization(.clinic).resolveBlocking(ResolveRequest(email: "p\(number)@example.com"))
        }
        vault.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in [whole.count / 2, 9_000, 4_096, 100] {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            let error = code { try open() }
            #expect(error == .corrupted || error == .notAVault, "\(count) bytes: \(String(describing: error))")
        }
    }

    @Test func `a damaged page is a fault of its table, and the check goes on`() throws {
        let vault = try open(creates: true)
        for number in 0..<200 {
            _ = try vault.organization(.clinic).resolveBlocking(ResolveRequest(email: "p\(number)@example.com"))
        }
        vault.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var damaged = 0
        for page in stride(from: 2 * 4_096, to: whole.count, by: 4_096) where damaged < 3 {
            let text = whole[page..<page + 4_096]
            // The page of the tables' names is LMDB's, and may have been another's.
            guard text.range(of: Data("@example.com".utf8)) != nil, text.range(of: Data("by_email".utf8)) == nil
            else { continue }
            var bytes = whole
            bytes.replaceSubrange(page..<page + 4_096, with: Data(count: 4_096))
            try bytes.write(to: URL(fileURLWithPath: path))
            let vault = try open()
            let report = try vault.check()
            vault.close()
            // A page that is free now may have an address still.
            if report.isClean { continue }
            damaged += 1
            #expect(report.faults.contains { $0.message.contains("page of another kind") })
        }
        #expect(damaged == 3)
    }

    @Test func `a vault under another normaliser is read and not written until it is rekeyed`() throws {
        let first = try open(creates: true)
        let created = try first.organization(.clinic).resolveBlocking(ResolveRequest(email: "a@example.com"))
        first.close()
        try rewriteMeta({ _ in }, version: "rules 0, libphonenumber 1.0")
        let vault = try open()
        let clinic = vault.organization(.clinic)
        #expect(try clinic.find(email: "A@example.com") == created.identity.id)
        #expect(try clinic.resolveBlocking(ResolveRequest(email: "a@example.com")).outcome == .matched(by: .email))
        let dry = ResolveRequest(email: "b@example.com", isDryRun: true)
        #expect(try clinic.resolveBlocking(dry).outcome == .created)
        let email = try clinic.identifier("a@example.com", kind: .email)
        let writes: [() throws -> Void] = [
            { _ = try clinic.resolveBlocking(ResolveRequest(email: "b@example.com")) },
            { _ = try clinic.resolveBlocking(ResolveRequest(email: "a@example.com", idempotencyKey: "k")) },
            { _ = try clinic.putBlocking(RecordDraft(kind: .lead, id: "1", email: "a@example.com")) },
            { _ = try clinic.shareBlocking(email) }, { _ = try clinic.releaseBlocking(email) },
            { try clinic.setRegionBlocking(.spain) },
        ]
        for write in writes { #expect(code { try write() } == .rekeyRequired) }
        #expect(try vault.check().isClean && clinic.events().count == 1)
    }

    @Test func `a vault of a newer format is refused`() throws {
        try open(creates: true).close()
        try rewriteMeta { $0[0] = Meta.formatVersion + 1 }
        for access in [VaultOptions.Access.readOnly, .readWrite] {
            #expect(code { try open(access: access) } == .unknownFormat)
        }
    }

    @Test(arguments: [2, 3, 4, 5] as [UInt8])
    func `a vault of a format before becomes one of this format`(_ format: UInt8) throws {
        let made = try open(creates: true)
        let known = try made.organization(.clinic).resolveBlocking(ResolveRequest(email: "a@example.com")).identity
        made.close()
        // The entry of the vault as a program of that format wrote it.
        try rewriteMeta { meta in
            meta[0] = format
            let content = Array(meta.dropLast(4))
            let checksum = Checksum.of(key: Meta.key.bytes, value: content.span.bytes)
            meta = content + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) }
        }
        func isOfFormatBefore() throws -> Bool? {
            let environment = try Environment(at: path, tables: Tables.all)
            defer { environment.close() }
            return try environment.read { (snapshot) throws(VaultError) in try snapshot.meta()?.isOfFormatBefore }
        }
        let reading = try open(access: .readOnly)
        #expect(try reading.organization(.clinic).find(email: "a@example.com") == known.id)
        reading.close()
        #expect(try isOfFormatBefore() == true)
        let vault = try open()
        #expect(try vault.organization(.clinic).find(email: "a@example.com") == known.id)
        vault.close()
        #expect(try isOfFormatBefore() == false)
    }

    @Test func `a vault whose first entry is damaged is refused`() throws {
        try open(creates: true).close()
        try rewriteMeta { $0[4] ^= 1 }
        #expect(code { try open() } == .corrupted)
    }

    @Test func `a vault opened for reading reads and does not write`() throws {
        let first = try open(creates: true)
        let created = try first.organization(.clinic).resolveBlocking(ResolveRequest(email: "a@example.com"))
        first.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let vault = try open(access: .readOnly)
        let clinic = vault.organization(.clinic)
        #expect(try clinic.find(email: "a@example.com") == created.identity.id)
        #expect(try clinic.resolveBlocking(ResolveRequest(email: "a@example.com")).identity == created.identity)
        #expect(code { try clinic.resolveBlocking(ResolveRequest(email: "b@example.com")) } == .readOnly)
        #expect(code { try clinic.putBlocking(RecordDraft(kind: .lead, id: "1", email: "a@example.com")) } == .readOnly)
        #expect(code { try clinic.setRegionBlocking(.spain) } == .readOnly)
        vault.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test func `a store without a vault is opened only where one may be made`() throws {
        var options = EnvironmentOptions()
        options.creates = true
        try Environment(at: path, tables: Tables.all, options: options).close()
        #expect(code { try open(access: .readOnly) } == .notAVault)
        #expect(code { try open() } == .notAVault)
        try open(creates: true).close()
        try open(access: .readOnly).close()
    }

    @Test(arguments: [.min, -1, 0, 50_000, (1 << 20) - 1, (16 << 40) + 1, .max] as [Int])
    func `a largest size out of bounds makes no file`(_ bytes: Int) {
        var options = VaultOptions()
        options.logger = .silent
        options.bytesMax = bytes
        #expect(code { try Vault(at: path, options: options) } == .invalidArgument)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `an actor that is too long makes no file`() {
        var options = VaultOptions()
        options.logger = .silent
        options.actor = String(repeating: "x", count: 70)
        #expect(code { try Vault(at: path, options: options) } == .invalidArgument)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: ["-wal0", "-wal1", "-lock", ".compact"])
    func `a backup takes no name that belongs to the vault`(_ suffix: String) throws {
        let vault = try open(creates: true)
        defer { vault.close() }
        let link = directory.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.path)
        for name in [path + suffix, link + "/vault" + suffix] {
            #expect(code { try vault.backup(to: name) } == .invalidArgument)
        }
        #expect(code { try vault.backup(to: path) } == .exists)
        try vault.backup(to: path + ".copy")
    }

    @Test func `what may be opened on a network file system may be compacted there`() throws {
        try open(creates: true).close()
        #expect(try Vault.compact(at: path, allowsNetworkFileSystem: true).after > 0)
        try open().close()
    }

    @Test func `one process opens a vault once`() throws {
        let vault = try open(creates: true)
        #expect(code { try open() } == .misuse)
        vault.close()
        try open().close()
    }
}
