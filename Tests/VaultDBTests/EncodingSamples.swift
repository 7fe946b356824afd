import Foundation
import TestSupport
import Testing

@testable import VaultDB

/// A value under its key, with what reads it.
struct Sample: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let key: [UInt8]
    let value: [UInt8]
    let decode: @Sendable (_ key: [UInt8], _ value: [UInt8]) throws -> String

    /// What is read, in words; it throws where nothing can be read.
    func read(_ value: [UInt8]) throws -> String { try decode(key, value) }
}

/// One value of each sort, for the tests of the encoding.
enum Samples {
    static let number = OrganizationNumber(7)
    static let a = UUID(high: 0x0197_0000_0000_7001, low: 0x8000_0000_0000_0001)
    static let b = UUID(high: 0x0197_0000_0000_7002, low: 0x8000_0000_0000_0002)
    static let c = UUID(high: 0x0197_0000_0000_7003, low: 0x8000_0000_0000_0003)
    static func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) ?? .max }

    static func identifier(_ text: String) -> Identifier {
        let kind: IdentifierKind = text.hasPrefix("+") ? .phone : text.contains("@") ? .email : .external
        guard let identifier = try? Identifier(stored: text, kind: kind) else { preconditionFailure("not normalised") }
        return identifier
    }

    static var identity: Identity {
        var identity = Identity(id: a, createdAt: time(1_000))
        identity.add(identifier("john@example.com"), source: "web", at: time(1_000))
        identity.add(identifier("+34600123456"), source: "crm", at: time(2_000))
        identity.add(identifier("jón@example.com"), source: "web", at: time(999))
        identity.add(identifier("stripe:cus_1"), source: nil, at: time(3_000))
        identity.identifiers[2].state = .shared
        identity.identifiers[1].isClinical = true
        identity.see([identifier("+34600123456")], at: time(4_000))
        identity.updatedAt = time(4_000)
        identity.lastSequence = 300
        identity.displayName = "John"
        identity.aliases = ["Jón", "J."]
        return identity
    }

    static var merged: Identity {
        var identity = Identity(id: a, createdAt: time(1_000))
        identity.mergedWith = b
        identity.lastMerge = c
        return identity
    }

    static let record = Record(
        kind: .lead, id: "42/x", identity: a, createdAt: time(10), updatedAt: time(20), isActive: true,
        firstName: "John", lastName: nil, email: "John@Example.com", phone: "600 123 456", source: "web",
        givenStatus: "NEW", isConverted: true, attributes: #"{"a":1}"#)

    static var recordWithRegion: Record {
        var record = record
        record.region = Region("MX")
        return record
    }

    static let pair = ConflictKey(one: a, other: b, identifier: identifier("john@example.com"))
    static let conflict = ConflictEntry(
        state: .keptApart, source: "form", firstSeen: time(10), lastSeen: time(20), count: 300)

    static var event: Event {
        var event = Event(
            .recordCreated, at: time(50), identity: a, other: b, merge: c, kinds: [.email, .external],
            record: .init(kind: "lead", id: "42"), source: "web", actor: "ana")
        event.sequence = 9
        event.previousOfIdentity = 200
        event.previousOfOther = 130
        event.previousHash = (0..<32).map { UInt8($0) }
        return event
    }

    /// The event, and the same identity's next.
    static var events: [Event] {
        var next = Event(.recordUpdated, at: time(53), identity: a, record: .init(kind: "lead", id: "42"), actor: "ana")
        next.sequence = 10
        next.previousOfIdentity = 9
        var first = event
        first.previousOfIdentity = 5
        first.previousOfOther = 3
        next.previous = first.hash(in: number)
        return [first, next]
    }

    /// The bytes of an entry of the trail.
    static func trailEntry(of events: [Event]) -> [UInt8] {
        let beginning = bytes(AuditEntryWriter.beginning(with: events[0]))
        return zip(events, events.dropFirst()).reduce(into: beginning) { entry, pair in
            guard let writer = try? AuditEntryWriter(continuing: beginning.span.bytes) else { return }
            entry += bytes(writer.bytes(of: pair.1, isOfSameIdentity: pair.0.identity == pair.1.identity))
        }
    }

    static var ledger: Ledger {
        var ledger = Ledger()
        ledger.sequence = 1
        ledger.head = (0..<32).map { UInt8(255 - $0) }
        ledger.identities = 2
        ledger.emails = 3
        ledger.phones = 4
        ledger.externals = 5
        ledger.records = 6
        ledger.openConflicts = 1 << 40
        return ledger
    }

    static let resolution = Resolution(
        identity: .init(id: a), outcome: .matched(by: .email), matched: identifier("john@example.com"),
        enriched: [identifier("stripe:cus_1")], conflicts: [.init(identifier: identifier("+34600123456"), owner: b)],
        warnings: [.invalid(.phone), .shared(.email), .blocked(.external), .tooManyIdentifiers, .previouslyErased],
        sequence: 300)

    static let answer = StoredAnswer(
        identity: a, resolution: resolution,
        put: .init(record: RecordKey(kind: .patient, id: "7"), change: .created, converted: ["42"]))

    static var journal: MergeJournal {
        MergeJournal(
            id: c, into: b, time: time(70), actor: "ana", from: identity, previousMerge: a,
            primaries: [identifier("jane@example.com")], namesAdded: ["John"], gaveDisplayName: true, redirects: [c],
            records: [RecordKey(record)],
            converted: [.init(record: RecordKey(record), updatedAt: time(20))],
            conflicts: [.init(identifier: pair.identifier, other: c, mine: conflict, theirs: conflict)])
    }

    static let holding = Holding(
        identifier: identifier("+34600123456"), identity: a, state: .owned, from: time(10), until: time(20))
    static let erasure = Erasure(identity: a, absorbed: [b], time: time(80))
    static let token = AccessToken(
        id: "abcdefgh", organization: b, role: .resolver, label: "crm", createdAt: time(90),
        digest: SecretDigest(bytes: (0..<32).map { UInt8($0) }))

    static let meta = Meta(createdAt: time(1), region: .spain, bytesMax: 1 << 40, normalizer: "rules 1")
    static let organization = OrganizationRecord(number: number, createdAt: time(2), region: Region("FR"))
    static let answerKey = IdempotencyKey("k").answerKey(in: number)

    private static func sample(
        _ name: String, _ key: [UInt8], _ value: [UInt8],
        _ decode: @escaping @Sendable ([UInt8], [UInt8]) throws -> String
    ) -> Sample {
        Sample(testDescription: name, key: key, value: value, decode: decode)
    }

    private static func decodeIdentity(_ key: [UInt8], _ value: [UInt8]) throws -> String {
        "\(try Identity(id: a, sealed: value.span.bytes, under: key.span.bytes))"
    }

    private static func decodeRecord(_ key: [UInt8], _ value: [UInt8]) throws -> String {
        "\(try Record(key: key.span.bytes, sealed: value.span.bytes))"
    }

    static let sealed: [Sample] = {
        let identityKey = Key.identity(a, in: number)
        let recordKey = TimelineKey(record).key(in: number)
        let conflictKey = pair.key(in: number)
        let answerKey = IdempotencyKey("k").answerKey(in: number)
        let organizationKey = Key.organization(b)
        let mergeKey = Key.merge(c, in: number)
        let holdingKey = FormerHolderKey(identifier: holding.identifier, identity: a, sequence: 9).key(in: number)
        let erasureKey = bytes(Key(number)) + [0] + bytes(Key.organization(a))
        let tokenKey = Array(token.id.utf8)
        return [
            sample("identity", bytes(identityKey), bytes(identity.encoded(under: identityKey)), decodeIdentity),
            sample("merged identity", bytes(identityKey), bytes(merged.encoded(under: identityKey)), decodeIdentity),
            sample("record", bytes(recordKey), bytes(record.encoded(under: recordKey)), decodeRecord),
            sample(
                "record with a region", bytes(recordKey), bytes(recordWithRegion.encoded(under: recordKey)),
                decodeRecord),
            sample("conflict", bytes(conflictKey), bytes(conflict.encoded(under: conflictKey))) { key, value in
                "\(try Conflict(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("ledger", bytes(Key(number)), bytes(ledger.encoded(under: Key(number)))) { key, value in
                "\(try Ledger(sealed: value.span.bytes, under: key.span.bytes))"
            },
            sample("answer", bytes(answerKey), bytes(answer.encoded(at: time(60), under: answerKey))) { key, value in
                "\(try StoredAnswer.decoded(value.span.bytes, under: key.span.bytes))"
            },
            sample("merge", bytes(mergeKey), bytes(journal.encoded(under: mergeKey))) { key, value in
                "\(try MergeJournal(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("former holder", bytes(holdingKey), bytes(holding.encoded(under: holdingKey))) { key, value in
                "\(try Holding(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("erasure", erasureKey, bytes(erasure.encoded(under: key(erasureKey)))) { key, value in
                "\(try Erasure(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("token", tokenKey, bytes(token.encoded(under: key(tokenKey)))) { key, value in
                "\(try AccessToken(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("meta", bytes(Meta.key), bytes(meta.encoded())) { _, value in "\(try Meta(value.span.bytes))" },
            sample("organization", bytes(organizationKey), bytes(organization.encoded(under: organizationKey))) {
                key, value in
                "\(try OrganizationRecord(value.span.bytes, under: key.span.bytes))"
            },
        ]
    }()

    static let unsealed: [Sample] = {
        let entry = IndexEntry(state: .shared, holder: a).encoded
        return [
            sample("place", bytes(Key.record(RecordKey(record), in: number)), bytes(RecordPlace(record).encoded)) {
                _, value in
                "\(try RecordPlace(value.span.bytes))"
            },
            sample("event", bytes(Key.event(9, in: number)), bytes(event.encoded())) { key, value in
                "\(try AuditEntry.events(key: key.span.bytes, value.span.bytes))"
            },
            sample("events", bytes(Key.event(9, in: number)), trailEntry(of: events)) { key, value in
                let events = try AuditEntry.events(key: key.span.bytes, value.span.bytes)
                // One that is cut short between two events is a shorter entry.
                guard events.count == 2 else { throw VaultError.corrupted("it has \(events.count) events") }
                return "\(events)"
            },
            sample(
                "index entry", bytes(Key.index(identifier("john@example.com"), in: number)), (0..<17).map { entry[$0] }
            ) {
                _, value in "\(try IndexEntry(value.span.bytes))"
            },
        ]
    }()
}
