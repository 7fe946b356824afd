internal import Foundation
internal import Storage

/// What a write operation works in: one organization, one moment, and the counters it moves. Read when the operation
/// starts and stored when it ends, in one transaction with everything it did.
struct WriteScope {
    let organization: OrganizationNumber
    let now: Timestamp
    let actor: String?
    let reading: RecordReading
    var ledger: Ledger
    var names = NameChanges()
    /// Identities that the operation has created.
    var createdCount = 0
    /// To whom the event happened that the operation appended last; nil where it has appended none.
    var lastEventIdentity: UUID??
    private let ids: UUIDv7Generator
    fileprivate let before: Ledger

    init(
        _ organization: OrganizationNumber, at now: Timestamp, actor: String?, ids: UUIDv7Generator,
        reading: RecordReading, ledger: Ledger
    ) {
        self.organization = organization
        self.now = now
        self.actor = actor
        self.ids = ids
        self.reading = reading
        self.ledger = ledger
        before = ledger
    }

    func newID() -> UUID { ids.next(at: now) }

    /// Refuses what was read for another region than the organization has now.
    func refuse(readFor region: Region?) throws(VaultError) {
        if let region, region != reading.region { throw .regionChanged }
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Runs one operation of an organization, and stores its changes of names and its counters if it moved them.
    mutating func operate<Answer>(
        _ scope: inout WriteScope, _ body: (inout Self, inout WriteScope) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        let answer = try body(&self, &scope)
        try put(scope.names, in: scope.organization)
        if scope.ledger != scope.before {
            let key = Key(scope.organization)
            try put(key, scope.ledger.encoded(under: key), in: Tables.ledgers)
        }
        return answer
    }
}
