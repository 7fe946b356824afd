public import Foundation
internal import Storage
internal import Synchronization

/// What making a vault's identifiers anew under this program's rules does, or would do.
public struct RekeyReport: Equatable, Sendable {
    /// One identifier that does not stay as it is.
    public struct Change: Equatable, Sendable {
        public enum Kind: String, Sendable {
            /// It is spelled otherwise now, and moves there.
            case changed
            /// Its new spelling is one that its identity holds already: the two become one.
            case joined
            /// Its new spelling belongs to another identity. It is taken out of matching, and the pair goes on the
            /// review queue.
            case collided
            /// It is not valid any more. It is taken out of matching, and stays as a contact detail.
            case invalid
            /// What a record was given no longer reads as an identifier that anybody holds. Only told: whoever is given
            /// the new one next claims it; putting the record again as it is does not.
            case split
        }

        public let kind: Kind
        public let organization: UUID
        public let identifier: Identifier
        /// As it reads now; nil where it is invalid.
        public let replacement: Identifier?
        /// Whose it is; nil where nobody holds it.
        public let holder: UUID?
    }

    public internal(set) var before: String
    public internal(set) var after: String
    /// Identifiers that were read anew.
    public internal(set) var entries = 0
    public internal(set) var changes: [Change] = []
}

extension RekeyReport {
    public var json: JSONValue {
        [
            "before": .string(before), "after": .string(after), "entries": JSONValue(entries),
            "changes": .array(
                changes.map { change in
                    [
                        "change": .string(change.kind.rawValue),
                        "organization_id": .string(change.organization.text),
                        "identifier": .string(change.identifier.text),
                        "kind": .string(change.identifier.kind.description),
                        "replacement": JSONValue(change.replacement?.text),
                        "identity_id": JSONValue(change.holder?.text),
                    ]
                }),
        ]
    }
}

/// How identifiers read under the rules of this program. Tests put other rules in its place.
struct RekeyRules: Sendable {
    /// A stored identifier, read as if it were typed.
    let identifier: @Sendable (Identifier, Region) -> Identifier?
    /// A phone as it was given.
    let phone: @Sendable (String, Region) -> PhoneNumber?

    init(
        identifier: @escaping @Sendable (Identifier, Region) -> Identifier?,
        phone: @escaping @Sendable (String, Region) -> PhoneNumber?
    ) {
        self.identifier = identifier
        self.phone = phone
    }

    init(_ normalizer: Normalizer) {
        phone = { normalizer.phone($0, region: $1) }
        identifier = { stored, region in
            switch stored {
            case .email(let email): EmailAddress(email.rawValue).map(Identifier.email)
            case .phone(let phone): normalizer.phone(phone.rawValue, region: region).map(Identifier.phone)
            case .external(let external): ExternalID(external.rawValue).map(Identifier.external)
            }
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// What would become of an organization's identifiers.
    borrowing func rekeyChanges(
        of organization: OrganizationNumber, id: UUID, region: Region, _ rules: RekeyRules,
        progress: (Int) throws(VaultError) -> Void
    ) throws(VaultError) -> (entries: Int, changes: [RekeyReport.Change]) {
        var entries = 0
        var changes: [RekeyReport.Change] = []
        /// Who is to hold what nobody has yet.
        var movers: [Identifier: UUID] = [:]
        for kind in IdentifierKind.allCases {
            try visit(kind.table, prefix: Key(organization)) { (key, value) throws(VaultError) in
                let text = String(copyingUTF8: key.extracting(droppingFirst: 4))
                let old = try Identifier(stored: text, kind: kind)
                let new = rules.identifier(old, region)
                entries += 1
                if entries % 1024 == 0 { try progress(entries) }
                let known = try IndexEntry(value)
                if new == old { return .next }
                let holder = known.holder
                let other = try new.flatMap { new throws(VaultError) in
                    try entry(of: new, in: organization)?.holder ?? movers[new]
                }
                let change: RekeyReport.Change.Kind =
                    new == nil ? .invalid : other == nil ? .changed : other == holder ? .joined : .collided
                // A blocked one stays so in its new spelling. Where that is taken, it is out of matching as it is.
                if known.state == .blocked, change != .changed { return .next }
                if change == .changed, let new { movers[new] = holder }
                changes.append(
                    .init(
                        kind: change, organization: id, identifier: old, replacement: new,
                        holder: holder == .nobody ? nil : holder))
                return .next
            }
        }
        try visit(Tables.timeline, prefix: Key(organization)) { (key, value) throws(VaultError) in
            let record = try Record(key: key, sealed: value)
            entries += 1
            if entries % 1024 == 0 { try progress(entries) }
            guard let raw = record.phone, let phone = rules.phone(raw, record.region ?? region),
                try entry(of: .phone(phone), in: organization) == nil,
                !changes.contains(where: { $0.replacement == .phone(phone) })
            else { return .next }
            changes.append(
                .init(
                    kind: .split, organization: id, identifier: .phone(phone), replacement: .phone(phone),
                    holder: record.identity))
            return .next
        }
        return (entries, changes)
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Carries out what `rekeyChanges` found, in this transaction.
    mutating func rekey(_ changes: [RekeyReport.Change], _ scope: inout WriteScope) throws(VaultError) {
        try carry(Respelling(changes), &scope)
        for change in changes where change.kind != .split {
            guard let entry = try entry(of: change.identifier, in: scope.organization) else { continue }
            switch (change.kind, change.replacement) {
            case (.changed, let new?): try move(change.identifier, entry, to: new, &scope)
            case (.joined, _): try drop(change.identifier, entry, &scope)
            case (.collided, let new?):
                _ = try mark(change.identifier, as: .blocked, &scope)
                if let other = try self.entry(of: new, in: scope.organization), other.state == .owned,
                    entry.state == .owned, other.holder != .nobody
                {
                    let pair = ConflictKey(one: entry.holder, other: other.holder, identifier: new)
                    let before = ConflictKey(one: pair.one, other: pair.other, identifier: change.identifier)
                    let decision = try conflict(before, in: scope.organization)?.state
                    if decision != .keptApart { _ = try enqueue(pair, source: "rekey", &scope) }
                }
            // It would not be found any more.
            default: _ = try mark(change.identifier, as: .blocked, &scope)
            }
        }
    }

    private mutating func move(
        _ old: Identifier, _ entry: IndexEntry, to new: Identifier, _ scope: inout WriteScope
    ) throws(VaultError) {
        try remove(Key.index(old, in: scope.organization), from: old.kind.table)
        try put(entry, of: new, in: scope.organization)
        try rekeyHolder(entry, old, &scope) { $0.replace(old, with: new) }
    }

    private mutating func drop(
        _ old: Identifier, _ entry: IndexEntry, _ scope: inout WriteScope
    ) throws(VaultError) {
        try remove(Key.index(old, in: scope.organization), from: old.kind.table)
        try scope.ledger.take(\.[old.kind])
        try rekeyHolder(entry, old, &scope) { $0.remove(old) }
    }

    private mutating func rekeyHolder(
        _ entry: IndexEntry, _ old: Identifier, _ scope: inout WriteScope, _ change: (inout Identity) -> Void
    ) throws(VaultError) {
        let holder = entry.holder == .nobody ? nil : entry.holder
        try update(holder, .identifierRekeyed, old, &scope, change)
    }
}

extension Core {
    /// Reads every identifier anew under this program's rules, and puts right what no longer reads as itself. All of
    /// it is one transaction, and the vault accepts writes again afterwards.
    func rekey(
        isDryRun: Bool, _ rules: RekeyRules, progress: @escaping @Sendable (Int) throws(VaultError) -> Void
    ) throws(VaultError) -> RekeyReport {
        let (meta, organizations) = try engine.read { (snapshot) throws(VaultError) in
            (try snapshot.knownMeta(), try snapshot.organizations())
        }
        var report = RekeyReport(before: meta.normalizer, after: Normalizer.version.description)
        if isDryRun {
            for (id, record) in organizations {
                let done = report.entries
                let found = try engine.read { (snapshot) throws(VaultError) in
                    try snapshot.rekeyChanges(
                        of: record.number, id: id, region: record.region ?? region, rules
                    ) { entries throws(VaultError) in try progress(done + entries) }
                }
                report.entries += found.entries
                report.changes += found.changes
            }
            return report
        }
        let empty = report
        rekeys.add(1, ordering: .relaxed)
        defer { rekeys.subtract(1, ordering: .relaxed) }
        return try writes.writeBlocking { [self] (transaction) throws(VaultError) in
            var report = empty
            for (id, record) in try transaction.organizations() {
                let done = report.entries
                let found = try transaction.rekeyChanges(
                    of: record.number, id: id, region: record.region ?? region, rules
                ) { entries throws(VaultError) in try progress(done + entries) }
                report.entries += found.entries
                report.changes += found.changes
                try operate(&transaction, in: record.number, region: record.region ?? region) {
                    (transaction, scope) throws(VaultError) in
                    try transaction.rekey(found.changes, &scope)
                    try transaction.rebuildNames(in: record.number)
                }
            }
            let meta = try transaction.knownMeta().renormalized(by: report.after)
            try transaction.put(Meta.key, meta.encoded(), in: Tables.meta)
            return report
        }
    }
}

extension Vault {
    /// Reads every identifier anew under this program's normalisation rules, which differ from those the vault was
    /// written under when libphonenumber or the program was updated, and puts right what no longer reads as itself.
    /// All of it is one transaction; afterwards the vault accepts writes again. Blocks until it is done, which takes
    /// minutes for millions of people.
    ///
    /// - Parameters:
    ///   - isDryRun: only says what would change.
    ///   - progress: gets the entries done so far; throws to stop, and nothing has changed then. It must neither write
    ///     to the vault nor close it.
    public func rekey(
        isDryRun: Bool = false,
        progress: @escaping @Sendable (Int) throws(VaultError) -> Void = { (_) throws(VaultError) in }
    ) throws(VaultError) -> RekeyReport {
        try core.rekey(isDryRun: isDryRun, RekeyRules(core.normalizer), progress: progress)
    }
}
