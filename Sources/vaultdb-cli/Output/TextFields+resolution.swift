import VaultDB

/// What the answers of `resolve` and `put` have in common.
extension TextFields {
    mutating func add(_ identity: Identity?) {
        add("name", identity?.displayName)
        add("primary email", identity?.primaryEmail)
        add("primary phone", identity?.primaryPhone)
    }

    /// What came of the identifiers that were given.
    mutating func add(_ resolution: Resolution) {
        add("enriched with", resolution.enriched.map(\.text))
        add(
            "conflict", resolution.conflicts.map { "\($0.identifier.text) belongs to \($0.owner.text)" },
            style: .notable)
    }
}
