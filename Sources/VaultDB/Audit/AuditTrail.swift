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
        let key = Key.event(event.sequence, in: scope.organization)
        let value = event.encoded()
        try put(key, value, in: Tables.audit)
        scope.ledger.sequence = event.sequence
        scope.ledger.head = EventFormat.hash(key: key.bytes, value: value.span.bytes)
        return event.sequence
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func event(_ sequence: UInt64, in organization: OrganizationNumber) throws(VaultError) -> Event? {
        guard let bytes = try value(Key.event(sequence, in: organization), in: Tables.audit) else { return nil }
        return try Event(sequence: sequence, bytes)
    }

    /// The organization's events from a sequence number on, oldest first.
    borrowing func events(
        from sequence: UInt64, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Event] {
        var events: [Event] = []
        guard limit > 0 else { return events }
        let start = Key.event(sequence, in: organization)
        try visit(Tables.audit, prefix: Key(organization), from: start) { (key, value) throws(VaultError) in
            events.append(try Event(sequence: try key.sequence(), value))
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
            count += 1
            guard key.byteCount == 12 else {
                note(expected, "an audit key has \(key.byteCount) bytes")
                return faults.count < faultsMax ? .next : .stop
            }
            let sequence = try key.sequence()
            if sequence != expected { note(expected, "event \(expected) is missing before event \(sequence)") }
            if value.byteCount <= EventFormat.hashBytes
                || !value.extracting(1..<1 + EventFormat.hashBytes).equals(hash.span.bytes)
            {
                note(sequence, "event \(sequence) does not follow from the event before it")
            }
            hash = EventFormat.hash(key: key, value: value)
            expected = sequence &+ 1
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

extension RawSpan {
    /// The sequence number that ends an audit key.
    fileprivate func sequence() throws(VaultError) -> UInt64 {
        guard byteCount == 12 else { throw .corrupted("an audit key has \(byteCount) bytes") }
        return UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }
}
