import Foundation
import VaultDB

/// The sample contacts in a vault that lasts as long as it is looked at.
enum Demo {
    static let organization = UUID(
        uuid: (0x01, 0x98, 0xC0, 0xDE, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0x0C, 0x11, 0x1C, 0))

    private static let samples: [(kind: RecordKind, rows: [UInt8])] = [
        (.lead, PackageResources.leads_csv), (.patient, PackageResources.patients_csv),
        (.follower, PackageResources.followers_csv),
    ]

    /// Makes the vault in a directory of its own, and removes it when `body`, which closes the vault, is done.
    static func withVault(_ options: VaultOptions, _ body: (Vault) throws -> Void) throws {
        try TemporaryDirectory.with("demo", advice: "set TMPDIR to a directory that can be") { path in
            var filling = options
            filling.access = .readWrite
            filling.creates = true
            let vault = try Vault(at: path, options: filling)
            try Blocking.wait { try await fill(vault.organization(organization)) }
            guard options.access == .readOnly else { return try body(vault) }
            vault.close()
            try body(try Vault(at: path, options: options))
        }
    }

    private static func fill(_ organization: Organization) async throws {
        for (kind, rows) in samples {
            var (parser, items): (ImportParser, [ImportItem]) = (ImportParser(format: .csv), [])
            try parser.feed(rows.span, into: &items)
            try parser.finish(into: &items)
            _ = try await organization.importRows(items, of: kind)
        }
    }
}
