internal import CLMDB
internal import Glibc
internal import Storage

/// A place among the entries of a table, in the order of their keys.
protocol EntryCursor: ~Copyable {
    /// The entry at the place; nil before the first one and after the last.
    var entry: StoredEntry? { get }

    mutating func moveToFirst() throws(StorageError)
    mutating func moveToLast() throws(StorageError)
    /// To the first entry whose key is this one or sorts after it.
    mutating func move(to key: RawSpan) throws(StorageError)
    /// To the next entry in an order, from one that is there.
    mutating func move(_ order: ScanOrder) throws(StorageError)
}

/// A key and its value, where the map has them. Valid as long as the transaction, and until it writes.
struct StoredEntry {
    let keyBytes: UnsafeRawBufferPointer
    let valueBytes: UnsafeRawBufferPointer

    var key: RawSpan {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(keyBytes.bytes, copying: ()) }
    }

    var value: RawSpan {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(valueBytes.bytes, copying: ()) }
    }
}

extension EntryCursor where Self: ~Copyable {
    /// To the first entry that a scan visits.
    mutating func move(toFirstOf prefix: RawSpan, from start: RawSpan, _ order: ScanOrder) throws(StorageError) {
        if order == .ascending { return try move(to: start.byteCount == 0 ? prefix : start) }
        // Descending starts one before the first key at or after a bound, unless the bound is a key that is asked for.
        let bound = start.byteCount == 0 ? Self.successor(of: prefix) : Array(copying: start)
        guard let bound else { return try moveToLast() }
        try move(to: bound.span.bytes)
        guard let entry else { return try moveToLast() }
        if start.byteCount == 0 || !entry.key.equals(start) { try move(.descending) }
    }

    /// The smallest key above every key with this prefix; nil where there is none.
    private static func successor(of prefix: RawSpan) -> [UInt8]? {
        var bytes = Array(copying: prefix)
        while let last = bytes.popLast() {
            if last < 0xFF {
                bytes.append(last + 1)
                return bytes
            }
        }
        return nil
    }

    /// Visits every entry.
    mutating func forEach<Failure: StorageFailure>(
        _ visit: (StoredEntry) throws(Failure) -> Void
    ) throws(Failure) {
        try Failure.orStorage { () throws(StorageError) in try moveToFirst() }
        while let entry {
            try visit(entry)
            try Failure.orStorage { () throws(StorageError) in try move(.ascending) }
        }
    }
}

/// LMDB's own, for what a transaction may have changed, and for tables that are not the engine's. It believes what pages say:
/// where one is damaged LMDB may end the process.
struct LMDBCursor: EntryCursor, ~Copyable {
    private let pointer: OpaquePointer
    private let operation: String
    private(set) var entry: StoredEntry?

    /// - Parameter operation: what is being done, as in "could not … ".
    init(_ transaction: OpaquePointer, _ table: MDB_dbi, during operation: String) throws(StorageError) {
        var opened: OpaquePointer?
        try StorageError.check(mdb_cursor_open(transaction, table, &opened), during: operation)
        guard let opened else { throw .system(code: ENOMEM, during: operation) }
        pointer = opened
        self.operation = operation
    }

    deinit { mdb_cursor_close(pointer) }

    mutating func moveToFirst() throws(StorageError) { try move(MDB_FIRST) }
    mutating func moveToLast() throws(StorageError) { try move(MDB_LAST) }
    mutating func move(_ order: ScanOrder) throws(StorageError) { try move(order == .ascending ? MDB_NEXT : MDB_PREV) }

    mutating func move(to key: RawSpan) throws(StorageError) {
        if key.byteCount == 0 { return try moveToFirst() }
        try key.withUnsafeBytes { bytes throws(StorageError) in try move(MDB_SET_RANGE, MDB_val(bytes)) }
    }

    private mutating func move(_ how: MDB_cursor_op, _ target: MDB_val = MDB_val()) throws(StorageError) {
        var key = target
        var value = MDB_val()
        let code = mdb_cursor_get(pointer, &key, &value, how)
        entry = nil
        if code == MDB_NOTFOUND { return }
        try StorageError.check(code, during: operation)
        entry = StoredEntry(keyBytes: key.buffer, valueBytes: value.buffer)
    }
}

extension MDB_val {
    fileprivate var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
}
