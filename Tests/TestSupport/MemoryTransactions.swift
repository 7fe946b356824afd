public import Storage

/// A snapshot of a `MemoryEngine`.
public struct MemorySnapshot: ReadTransaction, ~Copyable {
    let state: MemoryState

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        // The node that owns the bytes lives in `state`, which nothing changes during the borrow.
        unsafe _overrideLifetime(try state.unsafeGet(key, from: table), borrowing: self)
    }

    public borrowing func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        try state.scan(table, prefix: prefix, from: start, order: order, visit)
    }

    public borrowing func statistics(of table: Table) throws(StorageError) -> TableStatistics {
        state.statistics(of: table)
    }
}

/// The write transaction of a `MemoryEngine`.
public struct MemoryWriteTransaction: WriteTransaction, ~Copyable {
    var state: MemoryState
    public private(set) var writeCount = 0
    public var commit: Int { state.commit + 1 }
    private var lastPuts: [Table: LastPut] = [:]
    /// The first write that failed: the transaction can't be committed any more.
    private(set) var failure: StorageError?

    init(state: MemoryState) { self.state = state }

    @_lifetime(borrow self)
    public borrowing func get(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        // As in a snapshot; a write needs the transaction exclusively and so ends the span first.
        unsafe _overrideLifetime(try state.unsafeGet(key, from: table), borrowing: self)
    }

    public borrowing func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        guard lastPuts[table] == nil else {
            throw Failure(storage: .misuse("\(table.name) is scanned by a transaction that has put into it"))
        }
        try state.scan(table, prefix: prefix, from: start, order: order, visit)
    }

    public borrowing func statistics(of table: Table) throws(StorageError) -> TableStatistics {
        state.statistics(of: table)
    }

    public mutating func put(_ key: RawSpan, _ value: RawSpan, in table: Table) throws(StorageError) {
        let length = key.byteCount
        guard length > 0, length <= StorageLimits.keyBytesMax else { throw .keyLength(length) }
        try countWrite()
        state.maps[table, default: OrderedMap()].set(key, to: [UInt8](copying: value))
        if table.isRewritten { lastPuts[table] = LastPut(key: [UInt8](copying: key), value: [UInt8](copying: value)) }
        writeCount += 1
    }

    public borrowing func lastPut(in table: Table) -> LastPut? { lastPuts[table] }

    public mutating func finishLastPut(in table: Table) throws(StorageError) { lastPuts[table] = nil }

    public mutating func extendLastPut(in table: Table, by bytes: RawSpan) throws(StorageError) {
        guard let last = lastPuts[table] else { throw .misuse("nothing was put into \(table.name)") }
        let value = last.value + [UInt8](copying: bytes)
        try put(last.key.span.bytes, value.span.bytes, in: table)
    }

    @discardableResult
    public mutating func delete(_ key: RawSpan, from table: Table) throws(StorageError) -> Bool {
        guard key.byteCount > 0 else { throw .keyLength(0) }
        try countWrite()
        lastPuts[table] = nil
        guard state.maps[table]?.remove(key) == true else { return false }
        writeCount += 1
        return true
    }

    private mutating func countWrite() throws(StorageError) {
        if let failure { throw failure }
        do throws(StorageError) { try state.faults.countOperation() } catch {
            failure = error
            throw error
        }
    }
}

/// What both transactions see.
struct MemoryState: Sendable {
    var maps: [Table: OrderedMap] = [:]
    /// Of the last commit.
    var commit = 0
    let faults: FaultPlan

    /// Unsafe because the span is tied to nothing: it is valid while the entry is in `maps`.
    @_lifetime(immortal)
    func unsafeGet(_ key: RawSpan, from table: Table) throws(StorageError) -> RawSpan? {
        guard key.byteCount > 0 else { throw .keyLength(0) }
        try faults.countOperation()
        guard let node = maps[table]?.find(key) else { return nil }
        let bytes = node.value.withUnsafeBytes { $0 }
        return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), copying: ())
    }

    func scan<Failure: StorageFailure>(
        _ table: Table, prefix: RawSpan, from start: RawSpan, order: ScanOrder,
        _ visit: (RawSpan, RawSpan) throws(Failure) -> ScanStep
    ) throws(Failure) {
        try count(Failure.self)
        let prefix = [UInt8](copying: prefix)
        let start = [UInt8](copying: start)
        let skips: (OrderedMap.Node) -> Bool =
            switch (order, start.isEmpty) {
            case (.ascending, _): { $0.key.lexicographicallyPrecedes(start.isEmpty ? prefix : start) }
            case (.descending, false): { start.lexicographicallyPrecedes($0.key) }
            case (.descending, true): { prefix.lexicographicallyPrecedes($0.key) && !$0.key.starts(with: prefix) }
            }
        try maps[table]?.walk(order, skips: skips) { (node) throws(Failure) in
            guard node.key.starts(with: prefix) else { return .stop }
            let (key, value) = (node.key, node.value)
            if try visit(key.span.bytes, value.span.bytes) == .stop { return .stop }
            try count(Failure.self)
            return .next
        }
    }

    private func count<Failure: StorageFailure>(_: Failure.Type) throws(Failure) {
        do throws(StorageError) { try faults.countOperation() } catch { throw Failure(storage: error) }
    }

    func statistics(of table: Table) -> TableStatistics {
        TableStatistics(
            entries: maps[table]?.count ?? 0, depth: 0, branchPages: 0, leafPages: 0, overflowPages: 0, bytes: 0)
    }
}
