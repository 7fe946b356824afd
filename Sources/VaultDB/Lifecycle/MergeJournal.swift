public import Foundation
internal import Storage

/// A merge that was done and can be undone.
public struct Merge: Equatable, Sendable {
    public let id: UUID
    /// The identity that has become a redirect.
    public let from: UUID
    /// The survivor.
    public let into: UUID
    public let time: Timestamp
    public let actor: String?
    /// How many records moved, but for those that left the survivor since.
    public let records: Int
}

/// What a merge changed, so that it can be undone exactly.
struct MergeJournal: Equatable {
    static let version: UInt8 = 1

    let id: UUID
    let into: UUID
    let time: Timestamp
    let actor: String?
    /// The identity that was merged, as it was.
    var from: Identity
    /// The survivor's last merge before this one.
    let previousMerge: UUID?
    /// The survivor's primaries before, as far as it holds them still.
    var primaries: [Identifier]
    /// Names that the survivor learnt.
    let namesAdded: [String]
    let gaveDisplayName: Bool
    /// Earlier redirects to the merged identity, which now go to the survivor.
    let redirects: [UUID]
    /// What moved and goes back. A record that leaves the survivor is taken out.
    var records: [RecordKey]
    /// Leads that were converted, and those that moved and were converted since.
    var converted: [ConvertedLead]
    var conflicts: [MovedConflict]

    var summary: Merge {
        Merge(id: id, from: from.id, into: into, time: time, actor: actor, records: records.count)
    }

    /// A lead that a patient of the other side converted.
    struct ConvertedLead: Equatable {
        let record: RecordKey
        let updatedAt: Timestamp
    }

    /// A conflict of the merged identity with a third one, or with the survivor itself.
    struct MovedConflict: Equatable {
        let identifier: Identifier
        let other: UUID
        let mine: ConflictEntry
        /// What the survivor had with the third one, by the same identifier.
        let theirs: ConflictEntry?

        /// What the survivor has after the merge.
        var joined: ConflictEntry { mine.joined(with: theirs) }
    }
}

extension MergeJournal {
    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version, capacity: 512)
        writer.id(into)
        writer.time(time)
        writer.text(actor)
        writer.id(from.id)
        let identity = from.encoded(under: Key())
        writer.varint(UInt64(identity.count))
        writer.blob(identity.bytes)
        writer.id(previousMerge ?? .nobody)
        writer.list(primaries) { $0.identifier($1) }
        writer.texts(namesAdded)
        writer.byte(gaveDisplayName ? 1 : 0)
        writer.list(redirects) { $0.id($1) }
        writer.list(records) { $0.record($1) }
        writer.list(converted) {
            $0.record($1.record)
            $0.time($1.updatedAt)
        }
        writer.list(conflicts) {
            $0.identifier($1.identifier)
            $0.id($1.other)
            $1.mine.write(to: &$0)
            $0.optional($1.theirs) { $1.write(to: &$0) }
        }
        return writer.sealed(under: key)
    }

    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        guard key.byteCount == 20 else { throw .corrupted("a merge's key has \(key.byteCount) bytes") }
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        id = key.id(at: 4)
        into = try reader.id()
        time = try reader.time()
        actor = try reader.optionalText()
        let merged = try reader.id()
        let identityBytes = try reader.count()
        from = try Identity(id: merged, sealed: try reader.span(identityBytes), under: Key().bytes)
        let previous = try reader.id()
        previousMerge = previous == .nobody ? nil : previous
        primaries = try reader.identifiers()
        namesAdded = try reader.texts()
        gaveDisplayName = try reader.byte() != 0
        redirects = try reader.ids()
        var records: [RecordKey] = []
        for _ in 0..<(try reader.count()) { records.append(try reader.record()) }
        self.records = records
        var converted: [ConvertedLead] = []
        for _ in 0..<(try reader.count()) {
            converted.append(ConvertedLead(record: try reader.record(), updatedAt: try reader.time()))
        }
        self.converted = converted
        var conflicts: [MovedConflict] = []
        for _ in 0..<(try reader.count()) {
            conflicts.append(
                MovedConflict(
                    identifier: try reader.identifier(), other: try reader.id(), mine: try ConflictEntry(&reader),
                    theirs: try reader.byte() == 0 ? nil : try ConflictEntry(&reader)))
        }
        self.conflicts = conflicts
        guard reader.isAtEnd else { throw .corrupted("a merge's journal has bytes too many") }
    }
}

extension Key {
    static func merge(_ id: UUID, in organization: OrganizationNumber) -> Key { identity(id, in: organization) }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func merge(_ id: UUID, in organization: OrganizationNumber) throws(VaultError) -> MergeJournal? {
        let key = Key.merge(id, in: organization)
        guard let bytes = try value(key, in: Tables.merges) else { return nil }
        return try MergeJournal(key: key.bytes, sealed: bytes)
    }

    /// The merges into an identity that were not undone, the last one first. With `deeply`, those into the identities
    /// it took in as well.
    borrowing func merges(
        into identity: Identity, deeply: Bool = false, in organization: OrganizationNumber
    ) throws(VaultError) -> [MergeJournal] {
        var journals: [MergeJournal] = []
        var next = [identity.lastMerge].compactMap(\.self)
        while let id = next.popLast() {
            guard let journal = try merge(id, in: organization) else {
                throw .corrupted("the journal of the merge \(id.text) is not there")
            }
            journals.append(journal)
            if deeply, let inner = journal.from.lastMerge { next.append(inner) }
            if let previous = journal.previousMerge { next.append(previous) }
        }
        return journals
    }

    /// The merges that can be undone, the newest first, before `cursor` where one is given.
    borrowing func merges(
        before cursor: UUID?, limit: Int, in organization: OrganizationNumber
    ) throws(VaultError) -> [Merge] {
        var list: [Merge] = []
        guard limit > 0 else { return list }
        let start = cursor.map { Key.merge($0, in: organization) } ?? Key()
        try visit(Tables.merges, prefix: Key(organization), from: start, order: .descending) {
            (key, value) throws(VaultError) in
            let merge = try MergeJournal(key: key, sealed: value).summary
            if merge.id != cursor { list.append(merge) }
            return list.count < limit ? .next : .stop
        }
        return list
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// Changes the journals of merges into an identity, and into those it took in, where what an undoing is to bring back
    /// has changed: above all, they keep nothing that must not come back.
    mutating func changeJournals(
        of id: UUID, _ scope: inout WriteScope, _ change: (inout MergeJournal) -> Void
    ) throws(VaultError) {
        guard let identity = try identity(id, in: scope.organization), identity.lastMerge != nil else { return }
        for journal in try merges(into: identity, deeply: true, in: scope.organization) {
            var changed = journal
            change(&changed)
            guard changed != journal else { continue }
            let key = Key.merge(journal.id, in: scope.organization)
            try put(key, changed.encoded(under: key), in: Tables.merges)
        }
    }
}
