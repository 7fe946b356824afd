internal import Foundation
internal import Storage

/// What a write operation works in: one organization, one moment, and the counters it moves. Read when the operation
/// starts and stored when it ends, in one transaction with everything it did.
struct WriteScope {
    let organization: OrganizationNumber
    let now: Timestamp
    let actor: String?
    let identifiers: UUIDv7Generator
    var ledger: Ledger
    fileprivate let before: Ledger

    func newID() -> UUID { identifiers.next(at: now) }

    fileprivate init(
        _ organization: OrganizationNumber, now: Timestamp, actor: String?, identifiers: UUIDv7Generator,
        ledger: Ledger
    ) {
        self.organization = organization
        self.now = now
        self.actor = actor
        self.identifiers = identifiers
        self.ledger = ledger
        before = ledger
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Runs one operation of an organization and stores its counters if it moved them.
    mutating func operate<Answer>(
        in organization: OrganizationNumber, at now: Timestamp, actor: String?, identifiers: UUIDv7Generator,
        _ body: (inout Self, inout WriteScope) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        var scope = WriteScope(
            organization, now: now, actor: actor, identifiers: identifiers, ledger: try ledger(of: organization))
        let answer = try body(&self, &scope)
        if scope.ledger != scope.before {
            let key = Key(organization)
            try put(key, scope.ledger.encoded(under: key), in: Tables.ledgers)
        }
        return answer
    }
}
