// What the encoding promises: what was written is read, and damage is an error and never a crash.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import VaultDB

/// One value of each sort, under its key, with what reads it.
struct Sample: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let key: [UInt8]
    let value: [UInt8]
    let decode: @Sendable (_ key: [UInt8], _ value: [UInt8]) throws -> String

    /// What is read, in words; it throws where nothing can be read.
    func read(_ value: [UInt8]) throws -> String { try decode(key, value) }
}

enum Samples {
    static let number = OrganizationNumber(7)
    static let a = UUID(high: 0x0197_0000_0000_7001, low: 0x8000_0000_0000_0001)
    static let b = UUID(high: 0x0197_0000_0000_7002, low: 0x8000_0000_0000_0002)
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
        return identity
    }

    static let record = Record(
        kind: .lead, id: "42/x", identity: a, createdAt: time(10), updatedAt: time(20), isActive: true,
        firstName: "John", lastName: nil, email: "John@Example.com", phone: "600 123 456", source: "web",
        status: "NEW", attributes: #"{"a":1}"#)

    static let conflict = Conflict(
        first: a, second: b, identifier: identifier("john@example.com"), state: .keptApart, source: "form",
        firstSeen: time(10), lastSeen: time(20), count: 300)

    static var event: Event {
        var event = Event(
            .recordCreated, at: time(50), identity: a, other: b, kinds: [.email, .external],
            record: .init(kind: "lead", id: "42"), source: "web", actor: "ana")
        event.sequence = 9
        event.previousOfIdentity = 200
        event.previousHash = (0..<32).map { UInt8($0) }
        return event
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
        warnings: [.invalid(.phone), .shared(.email), .blocked(.external), .tooManyIdentifiers], sequence: 300)

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

    static let sealed: [Sample] = {
        let identityKey = Key.identity(a, in: number)
        let recordKey = Key.record(.lead, "42/x", in: number)
        let conflictKey = ConflictKey(one: a, other: b, identifier: conflict.identifier).key(in: number)
        let answerKey = IdempotencyKey("k").answerKey(in: number)
        let organizationKey = Key.organization(b)
        return [
            sample("identity", bytes(identityKey), identity.encoded(under: identityKey), decodeIdentity),
            sample("merged identity", bytes(identityKey), merged.encoded(under: identityKey), decodeIdentity),
            sample("record", bytes(recordKey), record.encoded(under: recordKey)) { key, value in
                "\(try Record(kind: .lead, id: "42/x", sealed: value.span.bytes, under: key.span.bytes))"
            },
            sample("conflict", bytes(conflictKey), conflict.encoded(under: conflictKey)) { key, value in
                "\(try Conflict(key: key.span.bytes, sealed: value.span.bytes))"
            },
            sample("ledger", bytes(Key(number)), ledger.encoded(under: Key(number))) { key, value in
                "\(try Ledger(sealed: value.span.bytes, under: key.span.bytes))"
            },
            sample("answer", bytes(answerKey), resolution.encoded(at: time(60), under: answerKey)) { key, value in
                "\(try Resolution(sealed: value.span.bytes, under: key.span.bytes))"
            },
            sample("meta", bytes(Meta.key), meta.encoded()) { _, value in "\(try Meta(value.span.bytes))" },
            sample("organization", bytes(organizationKey), organization.encoded(under: organizationKey)) { key, value in
                "\(try OrganizationRecord(value.span.bytes, under: key.span.bytes))"
            },
        ]
    }()

    static let unsealed: [Sample] = {
        let entry = IndexEntry(state: .shared, holder: a).encoded
        return [
            sample("event", bytes(Key.event(9, in: number)), event.encoded()) { _, value in
                "\(try Event(sequence: 9, value.span.bytes))"
            },
            sample(
                "index entry", bytes(Key.index(identifier("john@example.com"), in: number)), (0..<17).map { entry[$0] }
            ) {
                _, value in "\(try IndexEntry(value.span.bytes))"
            },
        ]
    }()
}

@Suite("Encoding") struct EncodingTests {
    // MARK: Damage

    @Test(arguments: Samples.sealed + Samples.unsealed)
    func `a value that is cut short is refused`(_ sample: Sample) throws {
        _ = try sample.read(sample.value)
        for count in 0..<sample.value.count {
            #expect(throws: VaultError.self) { try sample.read(Array(sample.value.prefix(count))) }
        }
    }

    @Test(arguments: Samples.sealed)
    func `a value with any bit wrong is refused`(_ sample: Sample) throws {
        for bit in 0..<sample.value.count * 8 {
            var damaged = sample.value
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: VaultError.self) { try sample.read(damaged) }
        }
    }

    @Test(arguments: Samples.sealed.filter { $0.testDescription != "meta" })
    func `a value under another key is refused`(_ sample: Sample) throws {
        var key = sample.key
        key[3] ^= 1
        #expect(throws: VaultError.self) { try sample.decode(key, sample.value) }
    }

    @Test(arguments: Samples.unsealed)
    func `a bit that is wrong without a checksum is refused or read as something else`(_ sample: Sample) throws {
        let whole = try sample.read(sample.value)
        for bit in 0..<sample.value.count * 8 {
            var damaged = sample.value
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let read = try? sample.read(damaged)
            // Unused bits of an event's flags mean nothing; the chain of hashes finds them.
            if sample.testDescription != "event" { #expect(read != whole) }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random bytes are refused and never crash`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var noise = random.bytes(count: 0...120)
            if Bool.random(using: &random), !noise.isEmpty { noise[0] = 1 }
            for sample in Samples.sealed { #expect(throws: VaultError.self, "seed \(seed)") { try sample.read(noise) } }
            for sample in Samples.unsealed { _ = try? sample.read(noise) }
            _ = try? satisfies(noise)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a damaged value with a right checksum is refused or read, and never crashes`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for sample in Samples.sealed {
            for _ in 0..<2_000 {
                var content = Array(sample.value.dropLast(4))
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    content[Int.random(in: 1..<content.count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
                if Bool.random(using: &random) { content.removeLast(Int.random(in: 0..<content.count, using: &random)) }
                let checksum = Checksum.of(key: sample.key.span.bytes, value: content.span.bytes)
                let sealed = content + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(24 - $0 * 8)) }
                _ = try? sample.read(sealed)
            }
        }
    }

    private func satisfies(_ bytes: [UInt8]) throws -> Bool {
        let request = ResolveRequest(email: "john@example.com", phone: "+34600123456", name: "J.")
        let query = try ResolveQuery(request, region: .spain, Normalizer(spellingCacheSlots: 0))
        return try IdentityView(bytes.span.bytes).satisfies(query)
    }

    @Test func `the view of an identity reads damaged bytes without a crash`() throws {
        let whole = Samples.sealed[0].value
        #expect(try satisfies(whole))
        #expect(try !satisfies(Samples.sealed[1].value), "a merged one satisfies nobody")
        for count in 0..<whole.count { _ = try? satisfies(Array(whole.prefix(count))) }
        for bit in 0..<whole.count * 8 {
            var damaged = whole
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? satisfies(damaged)
        }
    }

    // MARK: Round trips

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `what is written is what is read`(_ seed: UInt64) throws {
        var random = RandomValues(seed: seed)
        for _ in 0..<200 {
            let identity = random.identity()
            let identityKey = Key.identity(identity.id, in: Samples.number)
            let identityBytes = identity.encoded(under: identityKey)
            #expect(
                try Identity(id: identity.id, sealed: identityBytes.span.bytes, under: identityKey.bytes) == identity)
            let record = random.record()
            let recordKey = Key.record(record.kind, record.id, in: Samples.number)
            let recordBytes = record.encoded(under: recordKey)
            #expect(
                try Record(kind: record.kind, id: record.id, sealed: recordBytes.span.bytes, under: recordKey.bytes)
                    == record)
            let conflict = random.conflict()
            let conflictKey = ConflictKey(one: conflict.first, other: conflict.second, identifier: conflict.identifier)
                .canonical.key(in: Samples.number)
            let conflictBytes = conflict.encoded(under: conflictKey)
            #expect(try Conflict(key: conflictKey.bytes, sealed: conflictBytes.span.bytes) == conflict)
            let event = random.event()
            #expect(try Event(sequence: event.sequence, event.encoded().span.bytes) == event)
            let ledger = random.ledger()
            let ledgerBytes = ledger.encoded(under: Key(Samples.number))
            #expect(try Ledger(sealed: ledgerBytes.span.bytes, under: Key(Samples.number).bytes) == ledger)
            let answer = random.resolution()
            let answerKey = IdempotencyKey("k").answerKey(in: Samples.number)
            let answerBytes = answer.encoded(at: random.time(), under: answerKey)
            #expect(try Resolution(sealed: answerBytes.span.bytes, under: answerKey.bytes) == answer)
        }
    }

    // MARK: Checksum

    static let vectors: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E), ((0..<32).reversed().map { $0 }, 0x113F_DB5C),
        (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ]

    @Test(arguments: vectors)
    func `the checksum is CRC-32C`(_ bytes: [UInt8], _ expected: UInt32) {
        var checksum = Checksum()
        checksum.add(bytes.span.bytes)
        #expect(checksum.value == expected)
        for split in 0...bytes.count {
            let (key, value) = (Array(bytes.prefix(split)), Array(bytes.dropFirst(split)))
            #expect(Checksum.of(key: key.span.bytes, value: value.span.bytes) == expected)
        }
    }
}

@Suite("Ids") struct UUIDv7Tests {
    @Test func `an id has the version, the variant and the time`() throws {
        let generator = UUIDv7Generator()
        let time = Samples.time(1_750_000_000)
        for _ in 0..<1_000 {
            let id = generator.next(at: time)
            #expect(id.high >> 12 & 0xF == 7 && id.low >> 62 == 0b10)
        }
        #expect(UUIDv7Generator().next(at: time).high >> 16 == 1_750_000_000_000)
    }

    @Test func `ids ascend though the clock stands still, overflows or goes back`() {
        let generator = UUIDv7Generator()
        var last = generator.next(at: Samples.time(100))
        for step in 0..<20_000 {
            let next = generator.next(at: Samples.time(step % 3 == 0 ? 99 : 100))
            #expect(last.text < next.text)
            last = next
        }
    }

    @Test func `ids of many threads are all different and ascend in each`() {
        let generator = UUIDv7Generator()
        let all = Mutex<Set<UUID>>([])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            let ids = (0..<2_000).map { _ in generator.next(at: Samples.time(100)) }
            #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.text < $1.text })
            all.withLock { $0.formUnion(ids) }
        }
        #expect(all.withLock(\.count) == 16_000)
    }
}

/// Values at random, with every optional part there or not.
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
            identity.identifiers[index].lastSeen = time()
        }
        identity.updatedAt = time()
        identity.lastSequence = random.next()
        identity.mergedWith = maybe(id())
        identity.displayName = maybe(text())
        identity.aliases = (0..<number(0..<5)).map { _ in text() }
        return identity
    }

    mutating func record() -> Record {
        Record(
            kind: [.lead, .patient, .follower][number(0..<3)], id: "\(number(0..<1 << 30))", identity: id(),
            createdAt: time(), updatedAt: time(), isActive: Bool.random(using: &random), firstName: maybe(text()),
            lastName: maybe(text()), email: maybe(text()), phone: maybe(text()), source: maybe(text()),
            status: maybe(text()), attributes: maybe(String(repeating: "🙂", count: number(1..<4_000))))
    }

    mutating func conflict() -> Conflict {
        let pair = [id(), id()].sorted { $0.text < $1.text }
        return Conflict(
            first: pair[0], second: pair[1], identifier: identifier(), state: Conflict.State.allCases[number(0..<3)],
            source: maybe(text()), firstSeen: time(), lastSeen: time(), count: random.next())
    }

    mutating func event() -> Event {
        var event = Event(
            Event.Action.allCases[number(0..<Event.Action.allCases.count)], at: time(), identity: maybe(id()),
            other: maybe(id()), kinds: IdentifierKind.allCases.filter { _ in Bool.random(using: &random) },
            record: maybe(.init(kind: "lead", id: text())), source: maybe(text()), actor: maybe(text()))
        event.sequence = random.next()
        event.previousOfIdentity = random.next()
        event.previousHash = random.bytes(count: 32...32)
        return event
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
            + kinds.map { .blocked($0) } + [.tooManyIdentifiers]
        return Resolution(
            identity: .init(id: id()), outcome: matched.map { .matched(by: $0.kind) } ?? .created, matched: matched,
            enriched: (0..<number(0..<4)).map { _ in identifier() },
            conflicts: (0..<number(0..<4)).map { _ in .init(identifier: identifier(), owner: id()) },
            warnings: warnings.filter { _ in Bool.random(using: &random) }, sequence: random.next())
    }
}
