import VaultDB

extension GlobalOptions {
    /// What `share`, `block` and `release` have in common: changes one identifier's state and prints the change.
    func changeIdentifier(
        _ options: IdentifierOptions,
        _ change: (Organization, Identifier) throws(VaultError) -> IdentifierStateChange
    ) throws {
        try withOrganization(.readWrite) { organization, _ in
            let result = try change(organization, try options.identifier(in: organization))
            if json { return try Output.document(result.json) }
            var fields = TextFields()
            fields.add(result.identifier.kind.description, result.identifier.text, style: .bold)
            fields.add("before", result.before?.description ?? "not known")
            fields.add("now", result.after?.description ?? "free", style: .good)
            fields.add("identity", result.holder?.text)
            try fields.print()
        }
    }
}
