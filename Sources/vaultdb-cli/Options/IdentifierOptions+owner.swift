import Foundation
import VaultDB

extension IdentifierOptions {
    /// The identity that owns the identifier that was given; nil where none was given.
    /// - Throws: not found, with the reason: nobody has it, it identifies nobody, or it is no identifier at all.
    func owner(in organization: Organization, _ vault: Vault, region: Region? = nil) throws -> UUID? {
        guard let (kind, raw) = given.first else { return nil }
        let owner =
            switch kind {
            case .email: try organization.find(email: raw)
            case .phone: try organization.find(phone: raw, region: region)
            case .external: try organization.find(external: raw)
            }
        if let owner { return owner }
        throw try notFound(try soughtIdentifier(in: organization, region: region), organization, vault)
    }

    private func notFound(
        _ identifier: Identifier, _ organization: Organization, _ vault: Vault
    ) throws -> Failure {
        let kind = identifier.kind
        guard try vault.entry(of: "by_\(kind)", key: identifier.text, organization: organization.id) != nil else {
            return Failure(
                .notFound, "no identity has that \(kind.noun)", advice: "vaultdb resolve finds or creates one")
        }
        // It is no option.
        let mark = identifier.text.utf8.first == UInt8(ascii: "-") ? "-- " : ""
        return Failure(
            .notFound, "that \(kind.noun) is shared or blocked, so it identifies nobody",
            advice: "vaultdb get by_\(kind) \(mark)\(DisplayText.shellWord(identifier.text)) shows it")
    }
}
