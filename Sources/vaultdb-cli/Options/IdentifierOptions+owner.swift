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
        throw try notFound(kind, raw, organization, vault, region)
    }

    private func notFound(
        _ kind: IdentifierKind, _ raw: String, _ organization: Organization, _ vault: Vault, _ region: Region?
    ) throws -> Failure {
        let nobody = Failure(
            .notFound, "no identity has that \(kind.noun)", advice: "vaultdb resolve finds or creates one")
        guard region == nil else { return nobody }
        let normalized: Identifier
        do throws(VaultError) {
            normalized = try organization.identifier(raw, kind: kind)
        } catch {
            guard error.code == .invalidArgument else { throw error }
            return Failure(.notFound, error.message, advice: "check how it is written")
        }
        let entry = try vault.entry(of: "by_\(kind)", key: normalized.text, organization: organization.id)
        if entry == nil { return nobody }
        return Failure(
            .notFound, "that \(kind.noun) is shared or blocked, so it identifies nobody",
            advice: "vaultdb get by_\(kind) \(DisplayText.shellWord(normalized.text)) shows it")
    }
}
