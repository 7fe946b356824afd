/// What an import did, row by row added up.
public struct ImportSummary: Equatable, Sendable {
    public internal(set) var rows = 0
    /// Rows that made a new identity.
    public internal(set) var created = 0
    /// Rows that found an identity.
    public internal(set) var matched = 0
    /// Of the matched ones, those that added an identifier to it.
    public internal(set) var enriched = 0
    /// Rows that brought an identifier which another identity owns.
    public internal(set) var conflicts = 0
    /// Rows whose record was there already and is now different.
    public internal(set) var updated = 0
    /// Rows whose record was there already, just so.
    public internal(set) var unchanged = 0
    /// Rejected rows, by the code of the reason.
    public internal(set) var rejected: [String: Int] = [:]
    /// Whether the import was stopped before the end. What is done is done: a rerun goes on from there.
    public internal(set) var isCancelled = false

    public var rejectedTotal: Int { rejected.values.reduce(0, +) }

    /// Adds up several files.
    public mutating func add(_ other: ImportSummary) {
        rows += other.rows
        created += other.created
        matched += other.matched
        enriched += other.enriched
        conflicts += other.conflicts
        updated += other.updated
        unchanged += other.unchanged
        rejected.merge(other.rejected, uniquingKeysWith: +)
        isCancelled = isCancelled || other.isCancelled
    }

    public init() {}
}
