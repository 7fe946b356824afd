package import Storage

/// Every table of a vault. docs/FORMAT.md tells their bytes.
package enum Tables {
    /// name → format, normaliser, settings
    package static let meta = Table(ordinal: 0, name: "meta")
    /// UUID → number and settings
    package static let organizations = Table(ordinal: 1, name: "organizations")
    /// organization → counters and the head of the audit chain
    package static let ledgers = Table(ordinal: 2, name: "ledgers", isRewritten: true)
    /// organization, identity → the identity
    package static let identities = Table(ordinal: 3, name: "identities", isCached: true)
    /// organization, email → state and owner
    package static let byEmail = Table(ordinal: 4, name: "by_email", isCached: true, isBuffered: true)
    /// organization, E.164 → state and owner
    package static let byPhone = Table(ordinal: 5, name: "by_phone", isCached: true, isBuffered: true)
    /// organization, namespace:value → state and owner
    package static let byExternal = Table(ordinal: 6, name: "by_external")
    /// organization, kind, record id → where on the timeline it lies
    package static let records = Table(ordinal: 7, name: "records", isBuffered: true)
    /// organization, identity, time, kind, record id → the record
    package static let timeline = Table(ordinal: 8, name: "timeline")
    /// organization, identity, identity, identifier → the conflict
    package static let conflicts = Table(ordinal: 9, name: "conflicts")
    /// organization, sequence → the event and those that its transaction appended after it
    package static let audit = Table(ordinal: 10, name: "audit", isRewritten: true)
    /// organization, hash of the key → first answer; organization, time, hash → nothing; organization, identity,
    /// hash → nothing
    package static let idempotency = Table(ordinal: 11, name: "idempotency")
    /// organization, token of a name, identity → all tokens of its names
    package static let byName = Table(ordinal: 12, name: "by_name", isBuffered: true, isSortedWhereMany: true)
    /// organization, merge → its journal
    package static let merges = Table(ordinal: 13, name: "merges")
    /// organization, identity → when it was erased; organization, keyed hash → nothing; organization → the key
    package static let erasures = Table(ordinal: 14, name: "erasures")
    /// organization, identifier, sequence → who held it until when; organization, identity, sequence, identifier →
    /// nothing
    package static let formerHolders = Table(ordinal: 15, name: "former_holders")

    /// token id → a server credential
    package static let tokens = Table(ordinal: 16, name: "tokens")

    package static let all = [
        meta, organizations, ledgers, identities, byEmail, byPhone, byExternal, records, timeline, conflicts, audit,
        idempotency, byName, merges, erasures, formerHolders, tokens,
    ]
}
