internal import VaultDB

/// What an organization's part of the vault holds, and whether it agrees with itself.
extension CommandTable {
    static let careCommands: [Command] = [
        .read("stat", 2, "org", .server, "The organization's counters.") { organization, _ in
            try organization.ledger().json.adding([
                "organization_id": .string(organization.id.text), "region": .string(try organization.region().code),
            ])
        },
        .walk(
            "check", 2, "org", .server, "Compares every entry of the organization with those it must agree with."
        ) { organization, _, goOn in
            try organization.check { (_) throws(VaultError) in try goOn() }.json
        },
    ]
}
