import Foundation
import TestSupport

@testable import VaultDB

/// Values at random, with every optional part there or not, for round trips through the encoding.
struct RandomValues {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func maybe<Value>(_ value: Value) -> Value? { Bool.random(using: &random) ? value : nil }
    private mutating func id() -> UUID { UUID(high: random.next(), low: random.next() | 1) }
    mutating func time() -> Timestamp {
        Timestamp(microseconds: Int64.random(in: 0...Timestamp.max.microseconds, using: &random)) ?? .max
    }

    private mutating func text() -> String {
        let alphabet = [
            "a", "Z", " ", "é", "e\u{301}", "🙂", "שלום", "\u{0}", "\"", "/", String(repeating: "x", count: 150),
        ]
        return (0...number(0..<6)).map { _ in alphabet[number(0..<alphabet.count)] }.joined()
    }

    private mutating func identifier() -> Identifier {
        let tail = number(0..<1 << 40)
        return switch number(0..<3) {
        case 0: Samples.identifier("é\(tail)@example.com")
        case 1: Samples.identifier("+34\(600_000_000 + tail % 99_999_999)")
        default: Samples.identifier("crm:ID \(tail)")
        }
    }

    mutating func identity() -> Identity {
        var identity = Identity(id: id(), createdAt: time())
        for _ in 0..<number(0..<20) { identity.add(identifier(), source: maybe("source \(number(0..<4))"), at: time()) }
        for index in identity.identifiers.indices {
            identity.identifiers[index].state = IdentifierState.allCases[number(0..<3)]
            identity.identifiers[index].isClinical = Bool.random(using: &random)
            identity.identifiers[index].lastSeen = time()
        }
        identity.updatedAt = time()
        identity.lastSequence = random.next()
        identity.mergedWith = maybe(id())
        identity.lastMerge = maybe(id())
        identity.isErased = Bool.random(using: &random)
        identity.isPatient = Bool.random(using: &random)
        identity.displayName = maybe(text())
        identity.aliases = (0..<number(0..<5)).map { _ in text() }
        return identity
    }

    mutating func record() -> Record {
        Record(
            kind: [.lead, .patient, .follower][number(0..<3)], id: "\(number(0..<1 << 30))", identity: id(),
            createdAt: time(), updatedAt: time(), isActive: Bool.random(using: &random), firstName: maybe(text()),
            lastName: maybe(text()), email: maybe(text()), phone: maybe(text()),
            region: maybe([.spain, Region("MX")!][number(0..<2)]), source: maybe(text()),
            givenStatus: maybe(text()), isConverted: Bool.random(using: &random),
            attributes: maybe(String(repeating: "🙂", count: number(1..<4_000))))
    }

    mutating func conflict() -> Conflict {
        let pair = [id(), id()].sorted { $0.text < $1.text }
        return Conflict(ConflictKey(one: pair[0], other: pair[1], identifier: identifier()), conflictEntry())
    }

    mutating func conflictEntry() -> ConflictEntry {
        ConflictEntry(
            state: Conflict.State.allCases[number(0..<3)], source: maybe(text()), firstSeen: time(), lastSeen: time(),
            count: random.next())
    }

    mutating func event() -> Event {
        var event = Event(
            Event.Action.allCases[number(0..<Event.Action.allCases.count)], at: time(), identity: maybe(id()),
            other: maybe(id()), merge: maybe(id()),
            kinds: IdentifierKind.allCases.filter { _ in Bool.random(using: &random) },
            record: maybe(.init(kind: "lead", id: text())), source: maybe(text()), actor: maybe(text()))
        event.sequence = random.next()
        event.previousOfIdentity = random.next()
        if event.other != nil { event.previousOfOther = random.next() }
        event.previousHash = random.bytes(count: 32...32)
        return event
    }

    /// Several that follow from one another.
    mutating func events() -> [Event] {
        var events: [Event] = []
        var hash = EventHash(random.bytes(count: 32...32))
        let sequence = UInt64(number(1..<1_000_000))
        for place in 0..<UInt64(number(1..<12)) {
            var event = event()
            event.sequence = sequence + place
            event.previousOfIdentity %= event.sequence
            event.previousOfOther %= event.sequence
            event.previous = hash
            hash = event.hash(in: Samples.number)
            events.append(event)
        }
        return events
    }

    mutating func ledger() -> Ledger {
        var ledger = Ledger()
        ledger.sequence = random.next()
        ledger.head = random.bytes(count: 32...32)
        for kind in IdentifierKind.allCases { ledger[kind] = random.next() }
        ledger.identities = random.next()
        ledger.records = random.next()
        ledger.openConflicts = random.next()
        return ledger
    }

    mutating func resolution() -> Resolution {
        let matched = maybe(identifier())
        let kinds = IdentifierKind.allCases
        let warnings: [Resolution.Warning] =
            kinds.map { .invalid($0) } + kinds.map { .shared($0) }
            + kinds.map { .blocked($0) } + [.tooManyIdentifiers, .previouslyErased]
        return Resolution(
            identity: .init(id: id()), outcome: matched.map { .matched(by: $0.kind) } ?? maybe(.linked) ?? .created,
            matched: matched,
            enriched: (0..<number(0..<4)).map { _ in identifier() },
            conflicts: (0..<number(0..<4)).map { _ in .init(identifier: identifier(), owner: id()) },
            warnings: warnings.filter { _ in Bool.random(using: &random) }, sequence: random.next())
    }

    mutating func answer() -> StoredAnswer {
        let resolution = maybe(resolution())
        let put = StoredAnswer.Put(
            call: StoredAnswer.Put.Call.allCases[number(0..<4)],
            record: RecordKey(kind: .lead, id: "\(number(0..<1 << 30))"),
            change: PutAnswer.Change.allCases[number(0..<4)], converted: [text()])
        return StoredAnswer(identity: resolution?.identity.id ?? id(), resolution: resolution, put: maybe(put))
    }

    private mutating func recordKey() -> RecordKey { RecordKey(kind: .lead, id: "\(number(0..<1 << 30))") }

    mutating func journal() -> MergeJournal {
        MergeJournal(
            id: id(), into: id(), time: time(), actor: maybe("ana"), from: identity(), previousMerge: maybe(id()),
            primaries: [identifier()], namesAdded: (0..<number(0..<3)).map { _ in text() },
            gaveDisplayName: Bool.random(using: &random),
            redirects: (0..<number(0..<3)).map { _ in id() },
            records: (0..<number(0..<300)).map { _ in recordKey() },
            converted: [.init(record: recordKey(), updatedAt: time())],
            conflicts: (0..<number(0..<3)).map { _ in
                .init(identifier: identifier(), other: id(), mine: conflictEntry(), theirs: maybe(conflictEntry()))
            })
    }

    mutating func holding() -> Holding {
        Holding(
            identifier: identifier(), identity: id(), state: IdentifierState.allCases[number(0..<3)], from: time(),
            until: time())
    }
}
