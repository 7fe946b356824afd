public import Foundation
internal import Storage

/// What `check` found: every entry compared with those it must agree with.
public struct CheckReport: Equatable, Sendable {
    public struct Fault: Equatable, Sendable {
        /// The table in which it shows; `tables` or `free pages` of the file's own.
        public let table: String
        /// The organization, where the table has one.
        public let organization: UUID?
        /// The key as `keys` prints it, or the page.
        public let key: String
        public let message: String
    }

    /// Entries looked at.
    public internal(set) var entries = 0
    /// In the order in which they were found, at most `faultsMax`.
    public internal(set) var faults: [Fault] = []
    public internal(set) var faultCount = 0

    public static let faultsMax = 1_000
    public var isClean: Bool { faultCount == 0 }
}

/// Walks one organization's tables on a snapshot. Each rule stands beside the table it belongs to.
struct Check {
    let organization: OrganizationNumber
    let id: UUID
    private(set) var report = CheckReport()
    var counted = Ledger()
    /// As it is stored; nil where it can't be read, which is noted.
    private(set) var ledger: Ledger?
    /// Whose timeline is walked: one with many records is read once.
    private var owner: (id: UUID, identity: Identity?)?
    /// Called from time to time; throws to stop.
    private let progress: (Int) throws(VaultError) -> Void

    init(_ organization: OrganizationNumber, id: UUID, progress: @escaping (Int) throws(VaultError) -> Void) {
        self.organization = organization
        self.id = id
        self.progress = progress
    }

    mutating func run(_ snapshot: borrowing some ReadTransaction & ~Copyable) throws(VaultError) {
        do throws(VaultError) {
            ledger = try snapshot.ledger(of: organization)
        } catch {
            try note(Tables.ledgers, Key(organization).bytes, error)
        }
        try walk(snapshot, Tables.identities) { check, snapshot, key, value throws(VaultError) in
            try check.identity(snapshot, key, value)
        }
        for kind in IdentifierKind.allCases {
            try walk(snapshot, kind.table) { check, snapshot, key, value throws(VaultError) in
                try check.index(snapshot, key, value, kind)
            }
        }
        try walk(snapshot, Tables.byName) { check, snapshot, key, value throws(VaultError) in
            try check.name(snapshot, key, value)
        }
        try walk(snapshot, Tables.records) { check, snapshot, key, value throws(VaultError) in
            try check.record(snapshot, key, value)
        }
        try walk(snapshot, Tables.timeline) { check, snapshot, key, value throws(VaultError) in
            try check.timeline(snapshot, key, value)
        }
        try walk(snapshot, Tables.conflicts) { check, snapshot, key, value throws(VaultError) in
            try check.conflict(snapshot, key, value)
        }
        try walk(snapshot, Tables.idempotency) { check, snapshot, key, value throws(VaultError) in
            try check.answer(snapshot, key, value)
        }
        try walk(snapshot, Tables.merges) { check, snapshot, key, value throws(VaultError) in
            try check.merge(snapshot, key, value)
        }
        try walk(snapshot, Tables.erasures) { check, snapshot, key, value throws(VaultError) in
            try check.erasure(snapshot, key, value)
        }
        try walk(snapshot, Tables.formerHolders) { check, snapshot, key, value throws(VaultError) in
            try check.formerHolder(snapshot, key, value)
        }
        compareLedger()
        if ledger != nil { try audit(snapshot) }
    }

    // MARK: Walking

    private mutating func walk<Snapshot: ReadTransaction & ~Copyable>(
        _ snapshot: borrowing Snapshot, _ table: Table,
        _ rule: (inout Check, borrowing Snapshot, RawSpan, RawSpan) throws(VaultError) -> Void
    ) throws(VaultError) {
        var walker = self
        var last = [UInt8](copying: Key(organization).bytes)
        do throws(VaultError) {
            try snapshot.visit(table, prefix: Key(organization)) { (key, value) throws(VaultError) in
                walker.report.entries += 1
                do throws(VaultError) {
                    try rule(&walker, snapshot, key, value)
                } catch {
                    try walker.note(table, key, error)
                }
                last = [UInt8](copying: key)
                if walker.report.entries % 1024 == 0 { try walker.progress(walker.report.entries) }
                return .next
            }
        } catch {
            // A damaged page: what comes after this entry can't be read.
            try walker.note(table, last.span.bytes, error)
        }
        self = walker
    }

    /// A fault of the file, which the check goes on after; anything else ends it.
    private mutating func note(_ table: Table, _ key: RawSpan, _ error: VaultError) throws(VaultError) {
        guard error.isDamage else { throw error }
        note(table, key, error.message)
    }

    private mutating func note(_ table: Table, _ key: RawSpan, _ message: String) {
        report.faultCount += 1
        guard report.faults.count < CheckReport.faultsMax else { return }
        let text = (try? TableText.text(of: key, in: table)) ?? [UInt8](copying: key).hex
        report.faults.append(.init(table: table.name, organization: id, key: text, message: message))
    }

    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(VaultError) {
        if !condition { throw .corrupted(message()) }
    }

    // MARK: Rules

    private mutating func identity(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        try require(key.byteCount == 20, "the key has \(key.byteCount) bytes")
        let identity = try Identity(id: key.id(at: 4), sealed: value, under: key)
        try require(
            try snapshot.hasEvent(identity.lastSequence, of: identity.id, in: organization),
            "its last event is not there")
        guard identity.isLiving else { return try departed(snapshot, identity) }
        counted.identities += 1
        if let last = identity.lastMerge {
            let journal = try snapshot.merge(last, in: organization)
            try require(journal?.into == identity.id, "the journal of its last merge is not there")
        }
        for held in identity.identifiers {
            let entry = try snapshot.entry(of: held.identifier, in: organization)
            try require(
                entry == IndexEntry(state: held.state, holder: identity.id),
                "it holds a \(held.identifier.kind) that the index does not give it")
        }
        for kind in IdentifierKind.allCases {
            let held = identity.identifiers(of: kind)
            try require(
                held.filter(\.isPrimary).count == (held.isEmpty ? 0 : 1), "it has not one primary \(kind)")
        }
        if identity.isPatient {
            let patients = try snapshot.records(of: identity.id, kind: .patient, limit: 1, in: organization).records
            try require(!patients.isEmpty, "it says that it has a patient, and has none")
        }
        try names(of: identity, snapshot)
    }

    private mutating func index(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan,
        _ kind: IdentifierKind
    ) throws(VaultError) {
        counted[kind] += 1
        let text = String(copyingUTF8: key.extracting(droppingFirst: 4))
        let identifier = try Identifier(stored: text, kind: kind)
        // Bytes that are no UTF-8 read as other text, which stands elsewhere.
        try require(Key.index(identifier, in: organization).bytes.equals(key), "a stored \(kind) is no UTF-8")
        let entry = try IndexEntry(value)
        if entry.holder == .nobody {
            try require(entry.state != .owned, "it is owned by nobody")
            return
        }
        let identity = try snapshot.identity(entry.holder, in: organization)
        let held = identity?.identifiers.first { $0.identifier == identifier }
        try require(identity != nil, "its identity is not there")
        try require(identity?.isMerged == false, "its identity has been merged")
        try require(held?.state == entry.state, "its identity does not hold it so")
    }

    private mutating func record(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        counted.records += 1
        let name = try RecordKey(key.extracting(droppingFirst: 4))
        let place = try RecordPlace(value)
        let there = TimelineKey(identity: place.identity, time: place.time, record: name).key(in: organization)
        try require(try snapshot.value(there, in: Tables.timeline) != nil, "it is not where its entry says")
    }

    private mutating func timeline(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        let record = try Record(key: key, sealed: value)
        let place = try snapshot.place(RecordKey(record), in: organization)
        try require(place == RecordPlace(record), "its entry is not there or says otherwise")
        if owner?.id != record.identity {
            owner = (record.identity, try snapshot.identity(record.identity, in: organization))
        }
        let identity = owner?.identity
        try require(identity?.isMerged == false, "its identity is not there")
        if record.kind == .patient, identity?.isLiving == true {
            try require(identity?.isPatient == true, "its identity does not know that it has a patient")
        }
        if identity?.isErased == true {
            try require(record.isAnonymous, "it belongs to an erased identity and still names somebody")
        }
    }

    private mutating func conflict(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        let pair = try ConflictKey(key)
        guard let mirror = try snapshot.value(pair.mirrored.key(in: organization), in: Tables.conflicts),
            (mirror.byteCount == 0) == pair.holdsValue
        else { throw .corrupted("its mirror is not there") }
        guard pair.holdsValue else { return }
        let conflict = try Conflict(key: key, sealed: value)
        if conflict.state == .open { counted.openConflicts += 1 }
        for id in [pair.one, pair.other] {
            let identity = try snapshot.identity(id, in: organization)
            try require(identity != nil, "identity \(id.text) is not there")
            try require(
                identity?.isLiving == true || (conflict.state == .merged && identity?.isErased == false),
                "identity \(id.text) was merged or erased")
        }
    }

    private mutating func compareLedger() {
        guard let ledger else { return }
        (counted.sequence, counted.last) = (ledger.sequence, ledger.last)
        guard ledger != counted else { return }
        note(Tables.ledgers, Key(organization).bytes, "it says \(ledger.json.text), counted are \(counted.json.text)")
    }

    private mutating func audit(_ snapshot: borrowing some ReadTransaction & ~Copyable) throws(VaultError) {
        var entries = report.entries
        let verification: AuditVerification
        do throws(VaultError) {
            verification = try snapshot.verifyAudit(of: organization) { [progress] _ throws(VaultError) in
                entries += 1
                if entries % 1024 == 0 { try progress(entries) }
            }
        } catch {
            return try note(Tables.audit, Key(organization).bytes, error)
        }
        report.entries = entries
        for (sequence, fault) in zip(verification.places, verification.faults) {
            let key = Key.event(sequence, in: organization)
            note(Tables.audit, key.bytes, fault)
        }
    }
}

extension VaultError {
    /// Whether what is in the file can't be read.
    var isDamage: Bool { code == .corrupted || code == .unknownFormat }
}

extension CheckReport {
    mutating func add(_ other: CheckReport) {
        entries += other.entries
        faultCount += other.faultCount
        faults += other.faults.prefix(max(Self.faultsMax - faults.count, 0))
    }

    public var json: JSONValue {
        [
            "clean": .bool(isClean), "entries": JSONValue(entries), "fault_count": JSONValue(faultCount),
            "faults": .array(
                faults.map { fault in
                    [
                        "table": .string(fault.table), "organization_id": JSONValue(fault.organization?.text),
                        "key": .string(fault.key), "message": .string(fault.message),
                    ]
                }),
        ]
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Checks every organization on this snapshot, and that no entry belongs to none.
    borrowing func check(progress: @escaping (Int) throws(VaultError) -> Void) throws(VaultError) -> CheckReport {
        var report = CheckReport()
        var numbers: Set<UInt32> = []
        for (id, record) in try readableOrganizations(&report) {
            if !numbers.insert(record.number.rawValue).inserted {
                report.note(Tables.organizations, id.text, "another organization has its number")
                continue
            }
            let done = report.entries
            var check = Check(record.number, id: id) { entries throws(VaultError) in try progress(done + entries) }
            try check.run(self)
            report.add(check.report)
        }
        for table in Tables.all where TableText.isPerOrganization(table) {
            do throws(VaultError) {
                try noteStrays(in: table, besides: numbers, &report)
            } catch {
                guard error.isDamage else { throw error }
                report.note(table, "", error.message)
            }
        }
        try checkTokens(&report)
        return report
    }

    /// The organizations that can be decoded; a fault for each that can't.
    private borrowing func readableOrganizations(
        _ report: inout CheckReport
    ) throws(VaultError) -> [(id: UUID, record: OrganizationRecord)] {
        var list: [(id: UUID, record: OrganizationRecord)] = []
        try checkEach(of: Tables.organizations, &report) { (key, value) throws(VaultError) in
            guard key.byteCount == 16 else { throw .corrupted("its key has \(key.byteCount) bytes") }
            list.append((key.id(at: 0), try OrganizationRecord(value, under: key)))
        }
        return list
    }

    /// Goes through a table that is no organization's own. A fault is noted of each entry that can't be read, and of
    /// a damaged page, behind which nothing can be.
    borrowing func checkEach(
        of table: Table, _ report: inout CheckReport, _ rule: (RawSpan, RawSpan) throws(VaultError) -> Void
    ) throws(VaultError) {
        var found = report
        var last: [UInt8] = []
        do throws(VaultError) {
            try visit(table, prefix: Key()) { (key, value) throws(VaultError) in
                found.entries += 1
                last = [UInt8](copying: key)
                do throws(VaultError) {
                    try rule(key, value)
                } catch {
                    guard error.isDamage else { throw error }
                    found.note(table, last.hex, error.message)
                }
                return .next
            }
        } catch {
            guard error.isDamage else { throw error }
            found.note(table, last.hex, error.message)
        }
        report = found
    }

    /// Entries of an organization that the vault does not know. Skips from one organization's range to the next.
    private borrowing func noteStrays(
        in table: Table, besides known: Set<UInt32>, _ report: inout CheckReport
    ) throws(VaultError) {
        var found = report
        var next: UInt32? = 0
        while let number = next {
            next = nil
            var start = Key()
            start.append(number)
            try visit(table, prefix: Key(), from: start) { (key, _) throws(VaultError) in
                let name = [UInt8](copying: key).hex
                guard key.byteCount >= 4 else {
                    found.note(table, name, "its key is cut short")
                    return .next
                }
                let owner = key.organization.rawValue
                if !known.contains(owner) { found.note(table, name, "it belongs to no organization") }
                next = owner == .max ? nil : owner + 1
                return .stop
            }
        }
        report = found
    }
}

extension CheckReport {
    mutating func note(_ table: Table, _ key: String, _ message: String) { note(table.name, key, message) }

    mutating func note(_ table: String, _ key: String, _ message: String) {
        faultCount += 1
        guard faults.count < Self.faultsMax else { return }
        faults.append(Fault(table: table, organization: nil, key: key, message: message))
    }
}
