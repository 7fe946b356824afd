// What a failed operation promises: it throws, it has changed nothing, and it can be done again.

import Foundation
import Storage
import TestSupport
import Testing

@testable import VaultDB

@Suite("Faults") struct FaultTests {
    typealias Operation = @Sendable (any TestVault) throws -> Void

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let operation: Operation
        var testDescription: String { name }

        init(_ name: String, _ operation: @escaping Operation) {
            self.name = name
            self.operation = operation
        }
    }

    /// Of one who is known, one who is new, and one whose record is there already.
    private static let rows: Result<TemporaryDirectory, any Error> = Result {
        let directory = try TemporaryDirectory()
        let text = """
            {"id":"i","email":"a@example.com","phone":"600123466"}
            {"id":"j","email":"n@example.com","name":"Nora Gil"}
            {"id":"1","email":"a@example.com","status":"WON"}

            """
        try text.write(toFile: directory.file("rows.jsonl"), atomically: true, encoding: .utf8)
        return directory
    }

    /// On the vault that `scene` makes.
    static let cases = [
        Case("create") { try $0.resolve("new@example.com", phone: "600123400", externals: ["ig:new"], name: "New") },
        Case("create in a new organization") { try $0.resolve("new@example.com", in: UUID(high: 9, low: 9)) },
        Case("enrich") { try $0.resolve("a@example.com", phone: "600123499", externals: ["ig:x", "ig:y"]) },
        Case("new conflict") { try $0.resolve("a@example.com", externals: ["ig:b"]) },
        Case("repeated conflict") { try $0.resolve("a@example.com", phone: "600123456") },
        Case("name") { try $0.resolve("a@example.com", name: "Anita") },
        Case("record, new, with its identity") {
            try $0.put(RecordDraft(kind: .lead, id: "n", email: "n@example.com"))
        },
        Case("record, new, of a known identity") {
            try $0.put(RecordDraft(kind: .lead, id: "n", email: "a@example.com"))
        },
        Case("record, updated, moved, enriching") {
            let moved = Timestamp(iso8601: "2020-01-01T00:00:00Z")
            try $0.put(RecordDraft(kind: .lead, id: "1", phone: "600123444", status: "WON", createdAt: moved))
        },
        Case("booking, paid, idempotent") {
            let booking = Booking(
                firstName: "Ana", email: "a@example.com", phone: "600123488", isPaid: true, id: "b",
                idempotencyKey: "b")
            _ = try $0.take(booking.draft, as: .booking, in: .clinic)
        },
        Case("lead entered by hand") {
            let lead = ManualLead(firstName: "Nora", email: "n@example.com", idempotencyKey: "lead")
            _ = try $0.take(lead.draft, as: .lead, in: .clinic)
        },
        Case("form") { vault in
            let draft = RecordDraft(kind: .lead, email: "n@example.com", phone: "600123456", status: "NEW")
            _ = try vault.take(draft, as: .form, in: .clinic)
        },
        Case("import") { try $0.importRows(of: .lead, from: rows.get().file("rows.jsonl"), in: .clinic) },
        Case("share") { try $0.mark("a@example.com", as: .shared) },
        Case("block what nobody holds") { try $0.mark("noreply@example.com", as: .blocked) },
        Case("release an owned one") { try $0.release("600123456") },
        Case("release a shared one") { try $0.release("family@example.com") },
        Case("idempotent create") { try $0.resolve("new@example.com", key: "new") },
        Case("idempotent hit, old answers forgotten") { try $0.resolve("a@example.com", key: "other") },
        Case("region") { try $0.setRegion(Region("FR") ?? .spain, in: .clinic) },
        Case("region of a new organization") { try $0.setRegion(Region("FR") ?? .spain, in: UUID(high: 9, low: 9)) },
    ]

    static let casesOfPeople = [
        Case("merge") { try $0.merge($0.id("a@example.com"), into: $0.id("d@example.com")) },
        Case("merge of somebody who took others in") {
            try $0.merge($0.id("d@example.com"), into: $0.id("a@example.com"))
        },
        Case("unmerge") { vault in
            guard let last = try vault.merges(in: .clinic).first else { throw Missing() }
            try vault.unmerge(last.id)
        },
        Case("keep apart") { try $0.keepApart($0.id("a@example.com"), $0.id("600123456")) },
        Case("erase") { try $0.erase($0.id("a@example.com")) },
        Case("erase somebody who took others in") { try $0.erase($0.id("d@example.com")) },
        Case("replay") { vault in
            let (a, b) = (try vault.id("a@example.com"), try vault.id("600123456"))
            _ = try vault.replay(Erasure(identity: a, absorbed: [b], time: vault.clock.now), in: .clinic)
        },
        Case("forget erasures") { _ = try $0.forgetErasures(in: .clinic) },
        Case("delete for good") { try $0.delete(.lead, "1") },
        Case("delete softly") { try $0.delete(.patient, "d") },
        Case("record, moved") { vault in
            var draft = RecordDraft(kind: .lead, id: "1", identity: try vault.id("600123456"), phone: "600123444")
            draft.moves = true
            try vault.put(draft)
        },
        Case("first patient, moved") { vault in
            var draft = RecordDraft(kind: .patient, id: "d", identity: try vault.id("a@example.com"))
            draft.moves = true
            draft.keepsOthers = true
            try vault.put(draft)
        },
        Case("first patient, new, idempotent") {
            var draft = RecordDraft(kind: .patient, id: "n", email: "a@example.com", phone: "600123477")
            draft.idempotencyKey = "put"
            try $0.put(draft)
        },
        Case("record of somebody erased, back") {
            try $0.put(RecordDraft(kind: .lead, id: "e", email: "e@example.com", status: "NEW"))
        },
    ]

    static func scene(warm: Bool) throws -> EngineVault<MemoryEngine> {
        let first = try template.get()
        let vault = try memoryVault(MemoryEngine(copying: first.engine))
        while vault.clock.now < first.clock.now {
            vault.clock.advance(seconds: (first.clock.now.microseconds - vault.clock.now.microseconds) / 1_000_000)
        }
        if warm { _ = try vault.number(of: .clinic) }
        return vault
    }

    /// Made once, for there are thousands of scenes.
    private static let template = Result { try makeScene() }
    private static let templateContents: Result<Dump, any Error> = Result { try template.get().contents() }

    private static func makeScene() throws -> EngineVault<MemoryEngine> {
        let vault = try memoryVault()
        try vault.resolve("a@example.com", name: "Ana", key: "old")
        try vault.resolve(phone: "600123456", externals: ["ig:b"])
        try vault.resolve("a@example.com", phone: "600123456", source: "form")
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        try vault.resolve("family@example.com", phone: "600123411")
        try vault.mark("family@example.com", as: .shared)
        try addPeople(to: vault)
        vault.clock.advance(seconds: 30 * 86_400)
        try vault.resolve("a@example.com", key: "later")
        vault.clock.advance(seconds: 30 * 86_400)
        return vault
    }

    /// Somebody erased; and D, a patient, who took in C with a lead and a conflict, who had taken in F.
    private static func addPeople(to vault: any TestVault) throws {
        try vault.put(RecordDraft(kind: .lead, id: "e", email: "e@example.com", status: "NEW"))
        vault.clock.advance()
        try vault.erase(vault.id("e@example.com"))
        try vault.put(RecordDraft(kind: .lead, id: "c", firstName: "Cleo", email: "c@example.com"))
        try vault.resolve("a@example.com", externals: ["ig:c"])
        try vault.resolve("c@example.com", externals: ["ig:c"])
        try vault.put(RecordDraft(kind: .patient, id: "d", email: "d@example.com", phone: "600123433"))
        try vault.resolve("f@example.com")
        vault.clock.advance()
        try vault.merge(vault.id("f@example.com"), into: vault.id("c@example.com"))
        vault.clock.advance()
        try vault.merge(vault.id("c@example.com"), into: vault.id("d@example.com"))
    }

    /// Runs a case on fresh scenes with a fault at its first, second, third … storage operation, until none is met.
    private func sweep(
        _ test: Case, with fault: StorageError, _ judge: (EngineVault<MemoryEngine>, Dump, (any Error)?) throws -> Void
    ) throws {
        for number in 1...1_000 {
            let vault = try Self.scene(warm: true)
            let before = try vault.contents()
            vault.engine.failOperation(number, with: fault)
            var thrown: (any Error)?
            do { try test.operation(vault) } catch { thrown = error }
            let wasMet = vault.engine.operationCount >= number
            vault.engine.disarm()
            guard wasMet else {
                #expect(thrown == nil && number > 3, "the sweep has met every operation")
                return
            }
            try judge(vault, before, thrown)
        }
        Issue.record("the operation has no end")
    }

    @Test(arguments: cases + casesOfPeople)
    func `whichever storage operation fails, nothing has changed and it can be done again`(_ test: Case) throws {
        let (reference, _) = try outcome(of: test)
        for fault in [StorageError.diskFull, .system(code: 5, during: "reading")] {
            try sweep(test, with: fault) { vault, before, thrown in
                #expect((thrown as? VaultError)?.code == VaultError(storage: fault).code)
                #expect(try vault.contents() == before)
                try test.operation(vault)
                #expect(try shape(of: vault) == reference)
                #expect(try vault.check().faults == [])
            }
        }
    }

    @Test(arguments: cases + casesOfPeople)
    func `a conflict with another writer runs the operation again, once in effect`(_ test: Case) throws {
        let (reference, _) = try outcome(of: test)
        try sweep(test, with: .conflict) { vault, before, thrown in
            if let thrown {
                // It came while looking, before there was a transaction to run again.
                #expect((thrown as? VaultError)?.code == .busy)
                #expect(try vault.contents() == before)
                try test.operation(vault)
            }
            #expect(try shape(of: vault) == reference)
            #expect(try vault.check().faults == [])
        }
    }

    @Test(arguments: cases + casesOfPeople, [StorageError.diskFull, .mapFull, .conflict])
    func `a commit that fails changes nothing, one that conflicts is done again`(
        _ test: Case, _ fault: StorageError
    ) throws {
        let (reference, _) = try outcome(of: test)
        let vault = try Self.scene(warm: true)
        let before = try vault.contents()
        vault.engine.failCommit(with: fault)
        if fault == .conflict {
            try test.operation(vault)
        } else {
            #expect(code { try test.operation(vault) } == VaultError(storage: fault).code)
            #expect(try vault.contents() == before)
            try test.operation(vault)
        }
        #expect(try shape(of: vault) == reference)
        #expect(try vault.check().faults == [])
    }

    @Test func `a failed read is an error and not an absence`() throws {
        let vault = try Self.scene(warm: true)
        let reads: [() throws -> Void] = [
            { _ = try vault.find("a@example.com") }, { _ = try vault.record(.lead, "1", in: .clinic) },
            { _ = try vault.openConflicts() }, { _ = try vault.ledger(in: .clinic) }, { _ = try vault.check() },
            { _ = try vault.search("an", limit: 5, in: .clinic) }, { _ = try vault.verifyAudit(in: .clinic) },
            { _ = try vault.resolve("a@example.com", dry: true) },
        ]
        for read in reads {
            vault.engine.failOperation(1, with: .system(code: 5, during: "reading"))
            #expect(code { try read() } == .system)
            try read()
        }
    }

    /// What the case does where nothing fails.
    private func outcome(of test: Case) throws -> (shape: [String], before: Dump) {
        let vault = try Self.scene(warm: true)
        let before = try vault.contents()
        try test.operation(vault)
        return (try shape(of: vault), before)
    }

    /// The state without what differs between two runs: random ids, and the hashes over them. Of the entries those that
    /// a scene does not begin with.
    private func shape(of vault: any TestVault) throws -> [String] {
        var shape: [String] = []
        for organization in [UUID.clinic, UUID(high: 9, low: 9)] {
            let ledger = try vault.ledger(in: organization)
            shape.append("\(ledger.json.adding(["region": .string(try vault.region(in: organization).code)]).text)")
            for event in try vault.events(in: organization) {
                shape.append(
                    "\(event.action) \(event.time) \(event.kinds) \(event.previousOfIdentity) \(event.source ?? "")")
            }
        }
        let before = try Self.templateContents.get()
        for (name, entries) in try vault.contents() {
            shape.append("\(name) \(entries.count)")
            guard let table = Tables.all.first(where: { $0.name == name }) else { throw Missing() }
            for (key, value) in entries where before[name]?[key] != value {
                shape.append("\(name) \(Self.text(of: value, under: key, in: table))")
            }
        }
        return shape.sorted()
    }

    /// An entry in words, with nothing where an id or a hash stands.
    private static func text(of value: [UInt8], under key: [UInt8], in table: Table) -> String {
        let text = TableValue.json(key: key.span.bytes, value: value.span.bytes, in: table).text
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.map { [36, 64].contains($0.utf8.count) ? "" : String($0) }.joined(separator: "\"")
    }
}

extension TestVault {
    /// Who owns an identifier.
    fileprivate func id(_ raw: String) throws -> UUID {
        guard let id = try find(raw) else { throw Missing() }
        return id
    }
}
