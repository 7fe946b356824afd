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
        guard previousOfIdentity < event.sequence, previousOfOther < event.sequence else {
            throw .corrupted("an identity's last event is not before the trail's next, \(event.sequence)")
        }
        event.previousOfIdentity = previousOfIdentity
        event.previousOfOther = previousOfOther
        event.previous = scope.ledger.last
        try put(event, scope)
        scope.ledger.sequence = event.sequence
        scope.ledger.last = event.hash(in: scope.organization)
        scope.lastEventIdentity = .some(event.identity)
        return event.sequence
    }

    /// To be called before the trail is read: operations that share the transaction may have appended to it.
    mutating func finishTrail() throws(VaultError) {
        do throws(StorageError) { try finishLastPut(in: Tables.audit) } catch { throw VaultError(storage: error) }
    }

    /// Adds an event to the entry that this transaction put last, or begins another.
    private mutating func put(_ event: Event, _ scope: borrowing WriteScope) throws(VaultError) {
        if let more = try bytesToExtend(with: event, scope) {
            do throws(StorageError) {
                return try extendLastPut(in: Tables.audit, by: more.bytes)
            } catch {
                throw VaultError(storage: error)
            }
        }
        let entry = AuditEntryWriter.beginning(with: event)
        try put(Key.event(event.sequence, in: scope.organization), entry, in: Tables.audit)
    }

    /// What the last entry is to be extended by; nil where it is another organization's, or long enough.
    private borrowing func bytesToExtend(
        with event: Event, _ scope: borrowing WriteScope
    ) throws(VaultError) -> ByteWriter? {
        guard let last = lastPut(in: Tables.audit) else { return nil }
        let key = Key(scope.organization)
        guard last.key.span.bytes.extracting(first: key.count).equals(key.bytes) else { return nil }
        let isOfSameIdentity = scope.lastEventIdentity == .some(event.identity)
        let more = try AuditEntryWriter(continuing: last.value.span.bytes).bytes(
            of: event, isOfSameIdentity: isOfSameIdentity)
        guard last.value.count + more.count <= AuditEntry.bytesMax else { return nil }
        return more
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Lends the entry that has an event, if any has, to `body`; else the one before, if there is one.
    private borrowing func withEntry(
        of sequence: UInt64, in organization: OrganizationNumber,
        _ body: (RawSpan, inout AuditEntry) throws(VaultError) -> Void
    ) throws(VaultError) {
        let start = Key.event(sequence, in: organization)
        try visit(Tables.audit, prefix: Key(organization), from: start, order: .descending) {
            (key, value) throws(VaultError) in
            var entry = try AuditEntry(key: key, value)
            try body(key, &entry)
            return .stop
        }
    }

    /// The events of the entry that has this one, as far as it, the last.
    private borrowing func eventsOfEntry(
        upTo sequence: UInt64, in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        try withEntry(of: sequence, in: organization) { (_, entry) throws(VaultError) in
            try entry.visit { event in
                events.append(event)
                return event.sequence < sequence ? .next : .stop
            }
        }
        return events.last?.sequence == sequence ? events : []
    }

    borrowing func event(_ sequence: UInt64, in organization: OrganizationNumber) throws(VaultError) -> Event? {
        try eventsOfEntry(upTo: sequence, in: organization).last
    }

    /// Whether there is such an event, and it tells of an identity.
    borrowing func hasEvent(
        _ sequence: UInt64, of identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> Bool {
        var isThere = false
        try withEntry(of: sequence, in: organization) { (_, entry) throws(VaultError) in
            while let place = try entry.next() {
                guard place.sequence == sequence else { continue }
                isThere = place.identity == identity || place.other == identity
                return
            }
        }
        return isThere
    }

    /// The key of the entry that has an event, or may have it, where it can't be read as far as that; nil where none has.
    borrowing func keyOfEntry(
        of sequence: UInt64, in organization: OrganizationNumber
    ) throws(VaultError) -> Key? {
        var first: UInt64?
        try visit(
            Tables.audit, prefix: Key(organization), from: Key.event(sequence, in: organization), order: .descending
        ) { (key, value) throws(VaultError) in
            let events = try? AuditEntry.events(key: key, value)
            if events?.contains(where: { $0.sequence == sequence }) ?? true { first = try key.eventSequence() }
            return .stop
        }
        return first.map { Key.event($0, in: organization) }
    }

    /// The organization's events from a sequence number on, oldest first.
    borrowing func events(
        from sequence: UInt64, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        guard limit > 0 else { return events }
        var first = sequence
        try withEntry(of: sequence, in: organization) { (key, _) throws(VaultError) in
            first = try key.eventSequence()
        }
        try visit(Tables.audit, prefix: Key(organization), from: Key.event(first, in: organization)) {
            (key, value) throws(VaultError) in
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
        try history(of: identity.id, upTo: identity.lastSequence, limit: limit, in: organization)
    }

    /// Those from `last`, which must be one of them, back to the one that follows on `first`.
    borrowing func history(
        of identity: UUID, after first: UInt64 = 0, upTo last: UInt64, limit: Int = .max,
        in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        // Of the entry that had the one before: others of the same identity are often in it.
        var nearby: [Event] = []
        var next = last
        while next > first, events.count < limit {
            if !nearby.contains(where: { $0.sequence == next }) {
                nearby = try eventsOfEntry(upTo: next, in: organization)
            }
            guard let event = nearby.first(where: { $0.sequence == next }), event.previous(of: identity) < next
            else { throw .corrupted("the audit trail of an identity is broken at event \(next)") }
            events.append(event)
            next = event.previous(of: identity)
        }
        return events
    }

    /// Walks the chain from its first event to the head that the ledger names: an event that was edited, dropped or
    /// moved breaks it.
    /// - Parameter progress: called for each entry, with the events so far; throws to stop.
    borrowing func verifyAudit(
        of organization: OrganizationNumber, faultsMax: Int = 100, progress: (UInt64) throws(VaultError) -> Void
    ) throws(VaultError) -> AuditVerification {
        let ledger = try ledger(of: organization)
        var (faults, places): ([String], [UInt64]) = ([], [])
        func note(_ sequence: UInt64, _ fault: String) {
            faults.append(fault)
            places.append(sequence)
        }
        var (count, last): (UInt64, UInt64) = (0, 0)
        /// The hash that the next event keeps; nil after an entry that can't be read.
        var hash: EventHash? = EventHash()
        try visit(Tables.audit, prefix: Key(organization)) { (key, value) throws(VaultError) in
            try progress(count)
            let expected = last &+ 1
            guard let sequence = try? key.eventSequence() else {
                note(expected, "an audit key has \(key.byteCount) bytes")
                return faults.count < faultsMax ? .next : .stop
            }
            if hash != nil, sequence != expected {
                note(expected, "event \(expected) is missing before event \(sequence)")
            }
            do throws(VaultError) {
                let links = try AuditEntry.links(key: key, value)
                if let hash, links.previous != hash {
                    note(sequence, "event \(sequence) does not follow from the event before it")
                }
                (last, hash) = (sequence &+ links.count &- 1, links.hash)
                count += links.count
            } catch {
                guard error.isDamage else { throw error }
                note(sequence, "the entry that begins with event \(sequence) can't be read: \(error.message)")
                (last, hash) = (sequence, nil)
                count += 1
            }
            return faults.count < faultsMax ? .next : .stop
        }
        if faults.isEmpty, last != ledger.sequence || hash != ledger.last {
            note(last, "the trail ends at event \(last), not as the ledger says at \(ledger.sequence)")
        }
        return AuditVerification(events: count, faults: faults, places: places)
    }
}
