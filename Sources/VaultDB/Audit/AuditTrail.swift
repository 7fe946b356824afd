internal import Foundation
internal import Storage

/// The result of walking an organization's whole chain.
public struct AuditVerification: Equatable, Sendable {
    public let events: UInt64
    /// What is wrong, one line each; empty where the chain holds.
    public let faults: [String]
    /// The sequence number at which each fault shows.
    var places: [UInt64] = []

    public var isIntact: Bool { faults.isEmpty }
}

extension Key {
    static func event(_ sequence: UInt64, in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(sequence)
        return key
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Appends an event to the organization's chain and links it to the events before of those it happened to.
    /// - Returns: its sequence number.
    @discardableResult
    mutating func append(
        _ event: Event, after previousOfIdentity: UInt64 = 0, ofOther previousOfOther: UInt64 = 0,
        _ scope: inout WriteScope
    ) throws(VaultError) -> UInt64 {
        var event = event
        event.sequence = scope.ledger.sequence + 1
        event.previousOfIdentity = previousOfIdentity
        event.previousOfOther = previousOfOther
        event.previousHash = scope.ledger.head
        try put(event, scope)
        scope.ledger.sequence = event.sequence
        scope.ledger.head = event.hash(in: scope.organization)
        scope.lastEvent = event
        return event.sequence
    }

    /// Adds an event to the entry that this transaction put last, or begins another.
    private mutating func put(_ event: Event, _ scope: WriteScope) throws(VaultError) {
        if let more = try bytesToExtend(with: event, scope) {
            do throws(StorageError) {
                return try extendLastPut(in: Tables.audit, by: more.span.bytes)
            } catch {
                throw VaultError(storage: error)
            }
        }
        let entry = AuditEntryWriter(first: event).beginning(with: event)
        try put(Key.event(event.sequence, in: scope.organization), entry, in: Tables.audit)
    }

    /// What the last entry is to be extended by; nil where it is another organization's, or long enough.
    private borrowing func bytesToExtend(with event: Event, _ scope: WriteScope) throws(VaultError) -> [UInt8]? {
        guard let last = lastPut(in: Tables.audit) else { return nil }
        let key = Key(scope.organization)
        guard last.key.span.bytes.extracting(first: key.count).equals(key.bytes) else { return nil }
        let isOfSameIdentity = scope.lastEvent.map { $0.identity == event.identity } ?? false
        let more = try AuditEntryWriter(continuing: last.value.span.bytes).bytes(
            of: event, isOfSameIdentity: isOfSameIdentity)
        return last.value.count + more.count <= AuditEntry.bytesMax ? more : nil
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Lends the entry that has an event to `body`, if any has.
    private borrowing func withEntry(
        of sequence: UInt64, in organization: OrganizationNumber,
        _ body: (inout AuditEntry) throws(VaultError) -> Void
    ) throws(VaultError) {
        let start = Key.event(sequence, in: organization)
        try visit(Tables.audit, prefix: Key(organization), from: start, order: .descending) {
            (key, value) throws(VaultError) in
            var entry = try AuditEntry(key: key, value)
            try body(&entry)
            return .stop
        }
    }

    borrowing func event(_ sequence: UInt64, in organization: OrganizationNumber) throws(VaultError) -> Event? {
        var found: Event?
        try withEntry(of: sequence, in: organization) { (entry) throws(VaultError) in
            try entry.visit { event in
                if event.sequence == sequence { found = event }
                return event.sequence < sequence ? .next : .stop
            }
        }
        return found
    }

    /// Whether there is such an event, and it tells of an identity.
    borrowing func hasEvent(
        _ sequence: UInt64, of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> Bool {
        var isThere = false
        try withEntry(of: sequence, in: organization) { (entry) throws(VaultError) in
            while let place = try entry.next(), place.sequence <= sequence {
                if place.sequence == sequence { isThere = place.identity == identity || place.other == identity }
            }
        }
        return isThere
    }

    /// The first event of the entry that has an event; the event's own where none has.
    borrowing func firstOfEntry(
        of sequence: UInt64, in organization: OrganizationNumber
    ) throws(VaultError) -> UInt64 {
        var first = sequence
        try withEntry(of: sequence, in: organization) { (entry) throws(VaultError) in
            while let place = try entry.next() { if place.sequence == sequence { first = entry.first } }
        }
        return first
    }

    /// The key of the entry that has the event of a key; nil where that is no event's.
    borrowing func firstKeyOfEntry(_ key: RawSpan) throws(VaultError) -> Key? {
        guard key.byteCount == 12 else { return nil }
        let organization = OrganizationNumber(UInt32(bigEndian: key.unsafeLoadUnaligned(as: UInt32.self)))
        return .event(try firstOfEntry(of: try key.eventSequence(), in: organization), in: organization)
    }

    /// The organization's events from a sequence number on, oldest first.
    borrowing func events(
        from sequence: UInt64, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        guard limit > 0 else { return events }
        let start = Key.event(try firstOfEntry(of: sequence, in: organization), in: organization)
        try visit(Tables.audit, prefix: Key(organization), from: start) { (key, value) throws(VaultError) in
            var entry = try AuditEntry(key: key, value)
            try entry.visit { event in
                if event.sequence >= sequence { events.append(event) }
                return events.count < limit ? .next : .stop
            }
            return events.count < limit ? .next : .stop
        }
        return events
    }

    /// The events of one identity, newest first, along the links between them.
    borrowing func history(
        of identity: Identity, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        var next = identity.lastSequence
        while next > 0, events.count < limit {
            guard let event = try event(next, in: organization), event.previous(of: identity.id) < next else {
                throw .corrupted("the audit trail of an identity is broken at event \(next)")
            }
            events.append(event)
            next = event.previous(of: identity.id)
        }
        return events
    }

    /// Walks the chain from its first event to the head that the ledger names: an event that was edited, dropped or
    /// moved breaks it.
    borrowing func verifyAudit(
        of organization: OrganizationNumber, faultsMax: Int = 100, progress: (UInt64) throws(VaultError) -> Void
    ) throws(VaultError) -> AuditVerification {
        let ledger = try ledger(of: organization)
        var (faults, places): ([String], [UInt64]) = ([], [])
        func note(_ sequence: UInt64, _ fault: String) {
            faults.append(fault)
            places.append(sequence)
        }
        var count: UInt64 = 0
        var expected: UInt64 = 1
        var hash = Ledger().head
        try visit(Tables.audit, prefix: Key(organization)) { (key, value) throws(VaultError) in
            guard let sequence = try? key.eventSequence() else {
                note(expected, "an audit key has \(key.byteCount) bytes")
                return faults.count < faultsMax ? .next : .stop
            }
            if sequence != expected { note(expected, "event \(expected) is missing before event \(sequence)") }
            let links: AuditEntry.Links?
            do throws(VaultError) {
                links = try AuditEntry.links(key: key, value)
            } catch {
                guard error.code == .corrupted || error.code == .unknownFormat else { throw error }
                note(sequence, "the entry that begins with event \(sequence) can't be read: \(error.message)")
                links = nil
            }
            if let links, links.previousHash != hash {
                note(sequence, "event \(sequence) does not follow from the event before it")
            }
            hash = links?.hash ?? []
            count += links?.count ?? 1
            expected = sequence &+ (links?.count ?? 1)
            try progress(count)
            return faults.count < faultsMax ? .next : .stop
        }
        let last = expected &- 1
        if faults.isEmpty, last != ledger.sequence || hash != ledger.head {
            note(last, "the trail ends at event \(last), not as the ledger says at \(ledger.sequence)")
        }
        return AuditVerification(events: count, faults: faults, places: places)
    }
}
