public import Foundation
internal import Storage

/// Who listens to an import. Calls come on the importing thread, in the order of the rows, and must neither write to
/// the vault nor close it.
public protocol ImportListener {
    /// A row was passed over.
    mutating func rejected(_ fault: RowFault)
    /// A row belongs to this identity now; nil where it was rejected. Called for each row.
    /// - Parameter recordID: nil where the row has none, or could not be read so far.
    mutating func assigned(recordID: String?, to identity: UUID?)
    /// A batch is on disk.
    /// - Returns: false to stop here.
    mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool
}

extension Organization {
    /// Puts every row of a source as a record of one kind: resolves its identity and links it, many rows in one
    /// transaction. Memory does not grow with the source. Rows that are there already change nothing, so an import
    /// that was interrupted is simply run again.
    ///
    /// While one batch is being written, the next is read and normalised. Blocks until all are written.
    ///
    /// - Parameter batchRows: rows that share a transaction, fewer where they are long; more take more memory, and from
    ///   some 20,000 on are slower.
    /// - Throws: `ImportError` where the source can't be read, `VaultError` where the vault can't be written. Batches
    ///   that were written stay.
    public func importRows(
        of kind: RecordKind, from source: inout ImportSource, batchRows: Int = Self.importBatchRowsDefault,
        _ listener: inout some ImportListener
    ) throws -> ImportSummary {
        var summary = ImportSummary()
        try importRows(of: kind, from: &source, batchRows: batchRows, addingTo: &summary, &listener)
        return summary
    }

    /// The same, for who wants to know what was done where an error ended the import.
    /// - Parameter summary: tells of each batch as soon as it is written.
    public func importRows(
        of kind: RecordKind, from source: inout ImportSource, batchRows: Int = Self.importBatchRowsDefault,
        addingTo summary: inout ImportSummary, _ listener: inout some ImportListener
    ) throws {
        try core.importRows(of: kind, from: &source, batchRows: batchRows, into: tenant, addingTo: &summary) { news in
            switch news {
            case .rejected(let fault): listener.rejected(fault)
            case .assigned(let recordID, let identity): listener.assigned(recordID: recordID, to: identity)
            case .progressed(let rows, let bytesRead, let bytesTotal):
                return listener.progressed(rows: rows, bytesRead: bytesRead, bytesTotal: bytesTotal)
            }
            return true
        }
    }

    public static var importBatchRowsDefault: Int { 12_000 }

    /// Bytes of a source after which a batch ends, however few rows it has: each may have a megabyte.
    static var importBatchBytesMax: Int { 16 << 20 }

    /// Puts rows that were read elsewhere, in one transaction, without blocking: what a server does with rows that
    /// stream in.
    /// - Returns: what became of each row, in their order.
    /// - Throws: what keeps all of them from being written; then none of them is.
    public func importRows(
        _ items: [ImportItem], of kind: RecordKind
    ) async throws(VaultError) -> [ImportedRow] {
        guard items.count <= Limits.importBatchRowsMax else {
            throw .invalid("a batch has more than \(Limits.importBatchRowsMax) rows", advice: "send fewer at a time")
        }
        let batch = try core.batch(items, of: kind, bytesRead: 0, tenant)
        let outcomes = try await core.write(tenant, batch.operation)
        return zip(batch.rows, outcomes).map { row, outcome in row.imported(outcome) }
    }
}

/// A row of an import, and what became of it.
public enum ImportedRow: Sendable {
    case put(line: Int, PutAnswer)
    /// The record's id is nil where the row could not be read so far.
    case rejected(RowFault, recordID: String?)
}

/// What an import tells while it runs. A value, so that the import itself is compiled once, for its engine and not
/// for each listener.
enum ImportNews {
    case rejected(RowFault)
    case assigned(String?, UUID?)
    case progressed(rows: Int, bytesRead: Int, bytesTotal: Int?)
}

extension Core {
    /// - Parameter tell: answers false to stop; only asked after progress.
    func importRows(
        of kind: RecordKind, from source: inout ImportSource, batchRows: Int,
        batchBytes: Int = Organization.importBatchBytesMax, into tenant: Tenant,
        addingTo summary: inout ImportSummary, _ tell: (ImportNews) -> Bool
    ) throws {
        guard (1...Limits.importBatchRowsMax).contains(batchRows) else {
            throw VaultError.invalid("a batch has 1 to \(Limits.importBatchRowsMax) rows")
        }
        var running: [(batch: ImportBatch, write: PendingWrite<Engine, [RowOutcome]>)] = []
        var failure: (any Error)?
        do {
            repeat {
                let next = try readBatch(of: kind, from: &source, rows: batchRows, bytes: batchBytes, tenant)
                if let next { running.append((next, submit(tenant, next.operation))) }
                guard running.count > (next == nil ? 0 : 1) else { continue }
                let (batch, write) = running.removeFirst()
                batch.report(try write.wait(), &summary, tell)
                let goesOn = tell(
                    .progressed(rows: summary.rows, bytesRead: batch.bytesRead, bytesTotal: source.bytesTotal))
                summary.isCancelled = !goesOn && next != nil
            } while !running.isEmpty && !summary.isCancelled
        } catch {
            failure = error
        }
        // What was handed in before the stop is written all the same.
        for (batch, write) in running {
            do { batch.report(try write.wait(), &summary, tell) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        summary.isCancelled = summary.isCancelled || source.isInterrupted
    }

    /// The next rows, normalised, up to so many or until so many bytes were read for them; nil at the end.
    private func readBatch(
        of kind: RecordKind, from source: inout ImportSource, rows: Int, bytes: Int, _ tenant: Tenant
    ) throws -> ImportBatch? {
        var items: [ImportItem] = []
        items.reserveCapacity(rows)
        let start = source.bytesRead
        while items.count < rows, source.bytesRead - start < bytes, let item = try source.next() {
            items.append(item)
        }
        if items.isEmpty { return nil }
        return try batch(items, of: kind, bytesRead: source.bytesRead, tenant)
    }

    fileprivate func batch(
        _ items: [ImportItem], of kind: RecordKind, bytesRead: Int, _ tenant: Tenant
    ) throws(VaultError) -> ImportBatch {
        let region = try region(of: tenant)
        let phones = normalizer.phones(items.map { $0.row?.phone ?? "" }, region: region)
        let rows = zip(items, phones).map { item, phone in preparedRow(item, phone, kind, tenant) }
        // An organization without a number has nothing that could be found.
        let keys = try number(of: tenant).map { ImportBatch.expectedKeys(rows, in: $0) } ?? ExpectedKeys()
        do throws(StorageError) {
            return ImportBatch(region: region, rows: rows, bytesRead: bytesRead, foresight: try engine.foresee(keys))
        } catch {
            throw VaultError(storage: error)
        }
    }

    private func preparedRow(
        _ item: ImportItem, _ phone: PhoneNumber?, _ kind: RecordKind, _ tenant: Tenant
    ) -> ImportBatch.Row {
        switch item {
        case .fault(let fault): return .rejected(fault, recordID: fault.recordID)
        case .row(let row):
            do throws(VaultError) {
                var draft = try RecordDraft(row, kind: kind)
                var query = try prepare(&draft, phone: .some(phone), tenant)
                query?.prepareForNewcomer()
                return .usable(ImportBatch.UsableRow(draft, query, line: row.line))
            } catch {
                let fault = RowFault(line: row.line, code: .invalidValue, message: error.message)
                return .rejected(fault, recordID: row.recordID)
            }
        }
    }
}

/// Some rows of an import, normalised and ready for one transaction.
private struct ImportBatch: Sendable {
    enum Row: Sendable {
        case usable(UsableRow)
        case rejected(RowFault, recordID: String?)
    }

    /// Never copied, as a draft has a dozen texts.
    final class UsableRow: Sendable {
        let draft: RecordDraft
        /// Nil where the row has nothing usable to be found by.
        let query: ResolveQuery?
        let line: Int

        init(_ draft: RecordDraft, _ query: ResolveQuery?, line: Int) {
            self.draft = draft
            self.query = query
            self.line = line
        }

        func put(
            in transaction: inout some WriteTransaction & ~Copyable, _ scope: inout WriteScope
        ) throws(VaultError) -> PutAnswer {
            var answer = try transaction.put(draft, query, &scope)
            answer.warn(of: draft, query)
            return answer
        }
    }

    /// So many rows say that many follow.
    private static let manyRows = 1_000

    /// The organization's region, which the rows were read for.
    let region: Region
    let rows: [Row]
    /// How far the source was read when these were complete.
    let bytesRead: Int
    /// What is known of the keys that the rows are looked for by.
    let foresight: Foresight

    /// Puts all rows; one outcome each.
    func operation(
        _ transaction: inout some WriteTransaction & ~Copyable, _ scope: inout WriteScope
    ) throws(VaultError) -> [RowOutcome] {
        try scope.refuse(readFor: region)
        var outcomes: [RowOutcome] = []
        outcomes.reserveCapacity(rows.count)
        if rows.count >= Self.manyRows { transaction.expectMany() }
        transaction.expect(foresight)
        for row in rows {
            guard case .usable(let row) = row else {
                outcomes.append(.rejected)
                continue
            }
            do throws(VaultError) {
                outcomes.append(.put(try row.put(in: &transaction, &scope)))
            } catch {
                // Thrown before anything of the row was written. Any other error is the whole batch's.
                guard error.code == .noUsableIdentifier else { throw error }
                outcomes.append(.unusable)
            }
        }
        return outcomes
    }

    static func expectedKeys(_ rows: [Row], in organization: OrganizationNumber) -> ExpectedKeys {
        // Most have a record's id, an email and a phone.
        var keys = ExpectedKeys(capacity: 3 * rows.count)
        for row in rows {
            guard case .usable(let row) = row else { continue }
            if let id = row.draft.id {
                let key = Key.record(RecordKey(kind: row.draft.kind, id: id), in: organization)
                keys.append(key.bytes, in: Tables.records)
            }
            for identifier in row.query?.identifiers ?? [] {
                keys.append(Key.index(identifier, in: organization).bytes, in: identifier.kind.table)
            }
        }
        return keys
    }

    func report(_ outcomes: [RowOutcome], _ summary: inout ImportSummary, _ tell: (ImportNews) -> Bool) {
        for (row, outcome) in zip(rows, outcomes) {
            summary.rows += 1
            switch row.imported(outcome) {
            case .put(_, let answer):
                summary.count(answer)
                _ = tell(.assigned(answer.id, answer.identity))
            case .rejected(let fault, let id):
                summary.rejected[fault.code.rawValue, default: 0] += 1
                _ = tell(.rejected(fault))
                _ = tell(.assigned(id, nil))
            }
        }
    }
}

extension ImportBatch.Row {
    fileprivate func imported(_ outcome: RowOutcome) -> ImportedRow {
        switch (self, outcome) {
        case (.rejected(let fault, let id), _): return .rejected(fault, recordID: id)
        case (.usable(let row), .put(let answer)): return .put(line: row.line, answer)
        case (.usable(let row), _):
            let fault = RowFault(
                line: row.line, code: .noUsableIdentifier, message: "no usable email, phone or external id")
            return .rejected(fault, recordID: row.draft.id)
        }
    }
}

/// What became of a row in the transaction.
private enum RowOutcome: Sendable {
    case put(PutAnswer)
    case unusable
    case rejected
}

extension ImportSummary {
    fileprivate mutating func count(_ answer: PutAnswer) {
        if answer.change == .unchanged { unchanged += 1 }
        if answer.change == .updated { updated += 1 }
        guard let resolution = answer.resolution else { return }
        if answer.change == .created {
            if resolution.outcome == .created { created += 1 } else { matched += 1 }
        }
        if !resolution.enriched.isEmpty { enriched += 1 }
        if !resolution.conflicts.isEmpty { conflicts += 1 }
    }
}

extension ImportItem {
    fileprivate var row: ImportRow? {
        if case .row(let row) = self { row } else { nil }
    }
}

extension RecordDraft {
    /// - Throws: `invalidArgument` where its time can't be read.
    fileprivate init(_ row: ImportRow, kind: RecordKind) throws(VaultError) {
        var createdAt: Timestamp?
        if let raw = row.createdAt {
            guard let time = Timestamp(iso8601: raw.trimmingWhiteSpace()) else {
                throw .invalid("created_at is no ISO 8601 time between 1970 and 9999")
            }
            createdAt = time
        }
        var attributes = row.attributes
        if row.firstName != nil, let name = row.name {
            attributes.append(ImportRow.Attribute(name: row.nameColumn, json: JSONText.quoted(name)))
        }
        let members = attributes.map { "\(JSONText.quoted($0.name)):\($0.json)" }
        // A name that is too long is refused as it is: to look for the last name at its end might take minutes.
        let isBounded = [row.name, row.lastName].allSatisfy { ($0?.utf8.count ?? 0) <= Limits.fieldBytesMax }
        self.init(
            kind: kind, id: row.id.trimmingWhiteSpace(),
            firstName: row.firstName ?? (isBounded ? row.name?.name(before: row.lastName) : row.name),
            lastName: row.lastName,
            email: row.email, phone: row.phone, externals: row.externals, source: row.source, status: row.status,
            createdAt: createdAt,
            attributes: members.isEmpty ? nil : "{\(members.joined(separator: ","))}")
    }
}
