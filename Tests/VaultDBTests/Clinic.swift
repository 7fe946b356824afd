import Foundation
import TestSupport

@testable import VaultDB

/// A vault as programs open it, with one organization, in a directory of its own; closed with the test.
final class Clinic {
    let vault: Vault
    let people: Organization
    let path: String
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("clinic.vault")
        vault = try Self.open(path)
        people = vault.organization(.clinic)
    }

    deinit { vault.close() }

    static func open(_ path: String) throws -> Vault {
        var options = VaultOptions()
        options.durability = .relaxed
        options.logger = .silent
        options.spellingCacheSlots = 64
        return try Vault(at: path, options: options)
    }

    @discardableResult
    func person(
        _ email: String? = nil, phone: String? = nil, externals: [String] = [], name: String? = nil
    ) throws -> UUID {
        try people.resolveBlocking(
            ResolveRequest(email: email, phone: phone, externals: externals, name: name)
        ).identity.id
    }

    @discardableResult
    func put(
        _ kind: RecordKind, _ id: String, email: String? = nil, phone: String? = nil, identity: UUID? = nil,
        status: String? = nil, at time: String? = nil, _ change: (inout RecordDraft) -> Void = { _ in }
    ) throws -> PutAnswer {
        var draft = RecordDraft(
            kind: kind, id: id, identity: identity, email: email, phone: phone, status: status,
            createdAt: time.flatMap(Timestamp.init(iso8601:)))
        change(&draft)
        return try people.putBlocking(draft)
    }

    func identity(_ id: UUID) throws -> Identity {
        guard let found = try people.identity(id) else { throw Missing() }
        return found.identity
    }

    func record(_ kind: RecordKind, _ id: String) throws -> Record {
        guard let record = try people.record(kind, id) else { throw Missing() }
        return record
    }

    func isClean() throws -> Bool { try vault.check().isClean }

    /// Whether a text is left in the file once it is compacted. Closes the vault.
    func isLeft(_ text: String) throws -> Bool {
        vault.close()
        _ = try Vault.compact(at: path)
        return try Data(contentsOf: URL(filePath: path)).range(of: Data(text.utf8)) != nil
    }
}
