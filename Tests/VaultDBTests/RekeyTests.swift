// What rekey promises: identifiers follow the rules of the day, nobody is lost, and nothing is claimed twice.

import Foundation
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Rekey") struct RekeyTests {
    /// Today's rules, but for the spellings named here. Nil makes one invalid.
    private static func rules(_ other: [String: String?]) -> RekeyRules {
        let usual = RekeyRules(Normalizer(spellingCacheSlots: 0))
        return RekeyRules(
            identifier: { stored, region in
                guard let changed = other[stored.text] else { return usual.identifier(stored, region) }
                return changed.flatMap { try? Identifier(stored: $0, kind: stored.kind) }
            },
            phone: { raw, region in
                guard let phone = usual.phone(raw, region) else { return nil }
                guard let changed = other[phone.rawValue] else { return phone }
                return changed.flatMap { PhoneNumber(stored: $0.utf8.span) }
            })
    }

    @discardableResult
    private func rekey(
        _ vault: EngineVault<some Any>, _ rules: [String: String?], isDryRun: Bool = false
    ) throws -> [String] {
        let report = try vault.core.rekey(isDryRun: isDryRun, Self.rules(rules)) { (_) throws(VaultError) in }
        return report.changes.map { "\($0.kind.rawValue) \($0.identifier.text)" }
    }

    @Test func `a vault that reads as it is stored does not change`() throws {
        let vault = try memoryVault()
        try vault.resolve("a@example.com", phone: "600123456", externals: ["ig:a"])
        let before = try vault.contents()
        #expect(try rekey(vault, [:]) == [])
        #expect(try vault.contents() == before)
    }

    @Test func `an identifier that is spelled otherwise moves`() throws {
        let vault = try memoryVault()
        let person = try vault.resolve("a@example.com", phone: "600123456")
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == ["changed +34600123456"])
        let after = try vault.person(person)
        #expect(after.primaryPhone == "+34700123456" && after.primaryEmail == "a@example.com")
        #expect(try vault.find("+34700123456") == person.identity.id)
        #expect(try vault.find("+34600123456") == nil)
        #expect(try vault.events(in: .clinic).last?.action == .identifierRekeyed)
        #expect(try vault.check().faults == [])
    }

    @Test func `a block moves with its identifier, whoever holds it`() throws {
        let vault = try memoryVault()
        let person = try vault.resolve("a@example.com", phone: "600123456")
        for phone in ["600123456", "600123457"] { try vault.mark(phone, as: .blocked) }
        let rules: [String: String?] = ["+34600123456": "+34700123456", "+34600123457": "+34700123457"]
        #expect(try rekey(vault, rules) == ["changed +34600123456", "changed +34600123457"])
        #expect(try vault.person(person).texts(.phone) == ["+34700123456"])
        #expect(try vault.person(person).identifiers.map(\.state) == [.owned, .blocked])
        for phone in ["700123456", "700123457"] {
            #expect(code { try vault.resolve(phone: phone) } == .noUsableIdentifier)
        }
        #expect(try vault.check().faults == [])
    }

    @Test func `a block stays where it is if its new spelling is taken`() throws {
        let vault = try memoryVault()
        try vault.mark("600123456", as: .blocked)
        let other = try vault.resolve(phone: "700123456").identity.id
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == [])
        #expect(try vault.find("700123456") == other)
        #expect(code { try vault.resolve(phone: "600123456") } == .noUsableIdentifier)
        #expect(try vault.check().faults == [])
    }

    @Test func `an email that older rules let in is read, and moves`() throws {
        let vault = try memoryVault()
        let id = try vault.resolve("ana@example.com").identity.id
        let number = try #require(try vault.number(of: .clinic))
        let old = try Identifier(stored: "Ana@Example.com", kind: .email)
        let new = try vault.identifier("ana@example.com")
        var person = try #require(try vault.identity(id, in: .clinic))
        person.replace(new, with: old)
        let entry = IndexEntry(state: .owned, holder: id).encoded
        let key = Key.identity(id, in: number)
        try vault.plant(Tables.identities, bytes(key), bytes(person.encoded(under: key)))
        try vault.plant(Tables.byEmail, bytes(Key.index(new, in: number)), nil)
        try vault.plant(Tables.byEmail, bytes(Key.index(old, in: number)), entry.indices.map { entry[$0] })
        #expect(try vault.check().faults == [])
        #expect(try vault.find("Ana@Example.com") == nil)
        #expect(try rekey(vault, [:]) == ["changed Ana@Example.com"])
        #expect(try vault.find("Ana@Example.com") == id)
        #expect(try vault.identity(id, in: .clinic)?.primaryEmail == "ana@example.com")
        #expect(try vault.check().faults == [])
    }

    @Test func `two spellings of one identity become one`() throws {
        let vault = try memoryVault()
        let person = try vault.resolve("a@example.com", phone: "600123456")
        try vault.resolve("a@example.com", phone: "700123456")
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == ["joined +34600123456"])
        #expect(try vault.person(person).texts(.phone) == ["+34700123456"])
        #expect(try vault.person(person).primaryPhone == "+34700123456")
        #expect(try vault.check().faults == [])
    }

    @Test func `a collision is taken out of matching and goes on the review queue`() throws {
        let vault = try memoryVault()
        let one = try vault.resolve(phone: "600123456")
        let other = try vault.resolve(phone: "700123456")
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == ["collided +34600123456"])
        #expect(try vault.find("+34700123456") == other.identity.id)
        #expect(try vault.find("+34600123456") == nil)
        #expect(try vault.person(one).identifiers.map(\.state) == [.blocked])
        let pairs = try vault.openConflicts().map { Set([$0.first, $0.second]) }
        #expect(pairs == [[one.identity.id, other.identity.id]])
        #expect(try vault.check().faults == [])
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == [], "and is settled")
    }

    @Test func `of two spellings that become a new one the first moves, and the other collides with it`() throws {
        let vault = try memoryVault()
        let one = try vault.resolve(phone: "600123456").identity.id
        let other = try vault.resolve(phone: "600123457")
        let rules: [String: String?] = ["+34600123456": "+34700123456", "+34600123457": "+34700123456"]
        let told = ["changed +34600123456", "collided +34600123457"]
        #expect(try rekey(vault, rules, isDryRun: true) == told)
        #expect(try rekey(vault, rules) == told)
        #expect(try vault.find("+34700123456") == one)
        #expect(try vault.person(other).identifiers.map(\.state) == [.blocked])
        let pairs = try vault.openConflicts().map { Set([$0.first, $0.second]) }
        #expect(pairs == [[one, other.identity.id]])
        #expect(try vault.check().faults == [])
    }

    @Test func `two spellings of one identity that become a new one are held once`() throws {
        let vault = try memoryVault()
        let person = try vault.resolve("a@example.com", phone: "600123456")
        try vault.resolve("a@example.com", phone: "600123457")
        let rules: [String: String?] = ["+34600123456": "+34700123456", "+34600123457": "+34700123456"]
        #expect(try rekey(vault, rules) == ["changed +34600123456", "joined +34600123457"])
        #expect(try vault.person(person).texts(.phone) == ["+34700123456"])
        #expect(try vault.ledger(in: .clinic).phones == 1)
        #expect(try vault.check().faults == [])
    }

    @Test func `merges, decisions and first answers follow a new spelling`() throws {
        let vault = try memoryVault()
        let a = try vault.resolve("a@example.com", phone: "600123456").identity.id
        let b = try vault.resolve("b@example.com").identity.id
        let c = try vault.resolve("c@example.com").identity.id
        try vault.resolve(phone: "600123456", key: "k")
        try vault.resolve("c@example.com", phone: "600123456")
        try vault.keepApart(a, c)
        let merge = try vault.merge(a, into: b).merge
        try rekey(vault, ["+34600123456": "+34700123456"])
        #expect(try vault.check().faults == [])
        #expect(try vault.resolve("x@example.com", key: "k").matched?.text == "+34700123456")
        try vault.unmerge(merge)
        #expect(try vault.find("+34700123456") == a)
        #expect(try vault.find("b@example.com") == b)
        try vault.resolve("c@example.com", phone: "700123456")
        #expect(try vault.openConflicts().isEmpty, "the two were kept apart")
        try vault.release("700123456")
        let kept = try vault.conflicts(in: .keptApart, after: nil, limit: 10, organization: .clinic)
        #expect(kept.isEmpty)
        let again = try vault.resolve("x@example.com", key: "k")
        #expect(again.identity.id == a && again.matched == nil, "its first answer tells no more of it")
        #expect(try vault.check().faults == [])
    }

    @Test func `spellings that become one take their conflicts together, and a decision holds for both`() throws {
        let vault = try memoryVault()
        let a = try vault.resolve("a@example.com", phone: "600123456").identity.id
        try vault.resolve("a@example.com", phone: "700123456")
        let c = try vault.resolve("c@example.com").identity.id
        try vault.resolve("c@example.com", phone: "600123456")
        try vault.keepApart(a, c)
        try vault.resolve("c@example.com", phone: "700123456")
        #expect(try vault.openConflicts().count == 1)
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == ["joined +34600123456"])
        #expect(try vault.openConflicts().isEmpty)
        let kept = try vault.conflicts(in: .keptApart, after: nil, limit: 10, organization: .clinic)
        #expect(kept.map(\.identifier.text) == ["+34700123456"] && kept.map(\.count) == [2])
        #expect(try vault.check().faults == [])
    }

    @Test func `what is not valid any more stays as a contact detail`() throws {
        let vault = try memoryVault()
        let person = try vault.resolve(phone: "600123456")
        #expect(try rekey(vault, ["+34600123456": String?.none]) == ["invalid +34600123456"])
        #expect(try vault.person(person).primaryPhone == "+34600123456")
        #expect(try vault.find("+34600123456") == nil)
        #expect(try vault.check().faults == [])
    }

    @Test func `a record that reads as a number nobody holds is told`() throws {
        let vault = try memoryVault()
        try vault.put(RecordDraft(kind: .lead, id: "1", phone: "600 123 456"))
        let told = try rekey(vault, ["+34600123456": String?.none], isDryRun: true)
        #expect(told == ["invalid +34600123456"])
        let other = RekeyRules(
            identifier: { stored, _ in stored }, phone: { _, _ in PhoneNumber(stored: "+34799999999".utf8.span) })
        let report = try vault.core.rekey(isDryRun: true, other) { (_) throws(VaultError) in }
        #expect(report.changes.map(\.kind) == [.split])
    }

    @Test func `a dry run says the same and writes nothing`() throws {
        let vault = try memoryVault()
        try vault.resolve(phone: "600123456")
        try vault.resolve(phone: "700123456")
        let before = try vault.contents()
        let told = try rekey(vault, ["+34600123456": "+34700123456"], isDryRun: true)
        #expect(try vault.contents() == before)
        #expect(try rekey(vault, ["+34600123456": "+34700123456"]) == told)
    }

    @Test func `a rekey that fails or is stopped changes nothing`() throws {
        let engine = MemoryEngine()
        let vault = try memoryVault(engine)
        try vault.resolve("a@example.com", phone: "600123456")
        try vault.resolve(phone: "700123456")
        let before = try vault.contents()
        var operation = 1
        while true {
            engine.failOperation(operation, with: .system(code: 5, during: "a test"))
            let failed = (try? rekey(vault, ["+34600123456": "+34700123456"])) == nil
            engine.disarm()
            guard failed else { break }
            #expect(try vault.contents() == before, "operation \(operation)")
            operation += 1
        }
        #expect(operation > 10)
        #expect(try vault.check().faults == [])
    }

    @Test func `a vault of other rules is refused for writing until it has run`() throws {
        let directory = try TemporaryDirectory()
        let first = try lmdbVault(in: directory)
        try first.resolve("a@example.com", phone: "600123456")
        try first.plant(Tables.meta, bytes(Meta.key), bytes(first.core.meta.renormalized(by: "rules 0").encoded()))
        first.close()

        let vault = try lmdbVault(in: directory)
        #expect(code { try vault.resolve("b@example.com") } == .rekeyRequired)
        #expect(try vault.find("600 123 456") != nil, "and is read all the same")
        try rekey(vault, [:])
        #expect(try vault.resolve("b@example.com").outcome == .created)
        #expect(try vault.check().faults == [])
    }

    @Test func `who has the vault open notices other rules, and that they are its own again`() throws {
        let engine = MemoryEngine()
        let (vault, other) = (try memoryVault(engine), try memoryVault(engine))
        try vault.resolve("a@example.com")
        try other.plant(Tables.meta, bytes(Meta.key), bytes(other.core.meta.renormalized(by: "rules 0").encoded()))
        #expect(code { try vault.resolve("b@example.com") } == .rekeyRequired)
        #expect(vault.core.normalizerVersion == "rules 0")
        #expect(try vault.find("b@example.com") == nil)
        try rekey(other, [:])
        #expect(try vault.resolve("b@example.com").outcome == .created)
        #expect(try vault.check().faults == [])
    }

    @Test func `the largest size that was set meanwhile stays`() throws {
        let engine = MemoryEngine()
        let (vault, other) = (try memoryVault(engine), try memoryVault(engine))
        try other.plant(Tables.meta, bytes(Meta.key), bytes(other.core.meta.limited(to: 1 << 30).encoded()))
        try rekey(vault, [:])
        #expect(vault.core.meta.bytesMax == 1 << 30)
    }
}

@Suite("The largest size") struct LargestSizeTests {
    @Test func `is kept in the file, refuses what exceeds it, and can be raised`() throws {
        let directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.bytesMax = 1 << 20
        options.durability = .relaxed
        options.logger = .silent
        try Vault(at: directory.file("vault"), options: options).close()
        options.bytesMax = 1 << 40

        let vault = try Vault(at: directory.file("vault"), options: options)
        #expect(vault.bytesMax == 1 << 20)
        let clinic = vault.organization(.clinic)
        var made = 0
        var failure: VaultError?
        while failure == nil, made < 5_000 {
            do throws(VaultError) {
                _ = try clinic.resolveBlocking(ResolveRequest(email: "\(made)@example.com", name: "Somebody"))
                made += 1
            } catch {
                failure = error
            }
        }
        #expect(failure?.code == .mapFull)
        #expect(try clinic.ledger().identities == UInt64(made), "nothing was lost, and reads are served")
        #expect(try vault.check().isClean)

        try vault.setBytesMax(8 << 20)
        #expect(try clinic.resolveBlocking(ResolveRequest(email: "one.more@example.com")).outcome == .created)
        vault.close()
        #expect(try Vault(at: directory.file("vault"), options: options).bytesMax == 8 << 20)
    }

    @Test func `one that can't be set changes nothing`() throws {
        let clinic = try Clinic()
        _ = try clinic.person("a@example.com")
        let before = clinic.vault.bytesMax
        for bytes in [Int.min, 0, (1 << 20) - 1, (16 << 40) + 1] {
            #expect(code { try clinic.vault.setBytesMax(bytes) } == .invalidArgument)
        }
        // Whoever reads keeps the map from being made smaller.
        var refusal: VaultError.Code?
        try clinic.vault.entries(of: "identities") { (_) throws(VaultError) in
            refusal = code { try clinic.vault.setBytesMax(1 << 20) }
            return false
        }
        #expect(refusal == .busy)
        #expect(clinic.vault.bytesMax == before)
        for number in 0..<150 {
            try clinic.put(.lead, "\(number)", email: "a@example.com") {
                $0.attributes = #"{"note":"\#(String(repeating: "x", count: 15_000))"}"#
            }
        }
        let file = try clinic.vault.statistics()
        #expect(file.pagesUsed * file.pageBytes > 1 << 20, "it grows beyond what was refused")
    }
}
