// What the encoding promises: what was written is read, and damage is an error and never a crash.

import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

@testable import VaultDB

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
            // Unused bits of an event's flags mean nothing; verifying the chain finds them.
            if !sample.testDescription.hasPrefix("event") { #expect(read != whole) }
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
            let identityBytes = bytes(identity.encoded(under: identityKey))
            #expect(
                try Identity(id: identity.id, sealed: identityBytes.span.bytes, under: identityKey.bytes) == identity)
            let record = random.record()
            let recordKey = TimelineKey(record).key(in: Samples.number)
            let recordBytes = bytes(record.encoded(under: recordKey))
            #expect(
                try Record(key: recordKey.bytes, sealed: recordBytes.span.bytes) == record)
            let conflict = random.conflict()
            let conflictKey = ConflictKey(one: conflict.first, other: conflict.second, identifier: conflict.identifier)
                .canonical.key(in: Samples.number)
            let conflictBytes = bytes(conflict.entry.encoded(under: conflictKey))
            #expect(try Conflict(key: conflictKey.bytes, sealed: conflictBytes.span.bytes) == conflict)
            let journal = random.journal()
            let mergeKey = Key.merge(journal.id, in: Samples.number)
            let journalBytes = bytes(journal.encoded(under: mergeKey))
            #expect(try MergeJournal(key: mergeKey.bytes, sealed: journalBytes.span.bytes) == journal)
            let holding = random.holding()
            let holder = FormerHolderKey(identifier: holding.identifier, identity: holding.identity, sequence: 9)
            let holdingKey = holder.key(in: Samples.number)
            let holdingBytes = bytes(holding.encoded(under: holdingKey))
            #expect(try Holding(key: holdingKey.bytes, sealed: holdingBytes.span.bytes) == holding)
            let mirrored = holder.mirrored(in: Samples.number)
            #expect(try FormerHolderKey(mirrored: mirrored.bytes).identifier == holding.identifier)
            let event = random.event()
            let eventKey = Key.event(event.sequence, in: Samples.number)
            #expect(try AuditEntry.events(key: eventKey.bytes, event.encoded().bytes) == [event])
            let events = random.events()
            let entryKey = Key.event(events[0].sequence, in: Samples.number)
            let entry = Samples.trailEntry(of: events)
            #expect(try AuditEntry.events(key: entryKey.bytes, entry.span.bytes) == events)
            let ledger = random.ledger()
            let ledgerBytes = bytes(ledger.encoded(under: Key(Samples.number)))
            #expect(try Ledger(sealed: ledgerBytes.span.bytes, under: Key(Samples.number).bytes) == ledger)
            let answer = random.answer()
            let answerKey = IdempotencyKey("k").answerKey(in: Samples.number)
            let answerBytes = bytes(answer.encoded(at: random.time(), under: answerKey))
            #expect(try StoredAnswer.decoded(answerBytes.span.bytes, under: answerKey.bytes).answer == answer)
            var silent = answer
            silent.withhold { _ in true }
            let silentBytes = bytes(silent.encoded(at: random.time(), under: answerKey))
            #expect(try StoredAnswer.decoded(silentBytes.span.bytes, under: answerKey.bytes).answer == silent)
            #expect(silent.resolution?.outcome == answer.resolution?.outcome)
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
        var byTables = Checksum()
        byTables.addByTables(bytes.span.bytes)
        #expect(byTables.value == expected)
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
