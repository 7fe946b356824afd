internal import CLMDB
internal import Storage

/// A segment of the buffer, as it lies in the file: under the commit and a number, the table, the key and the value.
extension TransactionHandle {
    /// The segments' handles come after those of the tables.
    func segment(_ segment: Int) -> MDB_dbi { tables[tableCount + segment] }

    func entryCount(of segment: MDB_dbi) throws(StorageError) -> Int {
        try MDB_stat(of: segment, in: pointer, during: "reading the buffer").ms_entries
    }

    /// Visits a segment's entries in the order in which they came, from a commit on.
    func forEachEntry(
        in segment: Int, from commit: Int,
        _ visit: (BufferedEntries.Place, _ table: Int, _ key: RawSpan, _ value: RawSpan) throws(StorageError) ->
            ScanStep
    ) throws(StorageError) {
        let start = SegmentKey(BufferedEntries.Place(commit: commit, number: 0))
        if let tree = try Tree(named: ChangeBuffer.segmentNames[segment], in: pointer, main) {
            var cursor = TreeCursor(tree)
            try forEachEntry(in: segment, from: start, &cursor, visit)
        } else {
            var cursor = try LMDBCursor(pointer, self.segment(segment), during: "reading the buffer")
            try forEachEntry(in: segment, from: start, &cursor, visit)
        }
    }

    private func forEachEntry<Cursor: EntryCursor & ~Copyable>(
        in segment: Int, from start: SegmentKey, _ cursor: inout Cursor,
        _ visit: (BufferedEntries.Place, _ table: Int, _ key: RawSpan, _ value: RawSpan) throws(StorageError) ->
            ScanStep
    ) throws(StorageError) {
        try start.withBytes { bytes throws(StorageError) in try cursor.move(to: bytes.bytes) }
        while let stored = cursor.entry {
            guard stored.keyBytes.count == SegmentKey.byteCount,
                let entry = SegmentEntry(stored.value, tableCount: tableCount)
            else { throw .corrupted("an entry of \(ChangeBuffer.segmentNames[segment]) contradicts itself") }
            let step = try visit(SegmentKey(stored.key).place, entry.table, entry.key, entry.value)
            if step == .stop { return }
            try cursor.move(.ascending)
        }
    }

    /// Appends an entry, and notes that in the transaction's record. LMDB's code.
    func append(
        _ key: RawSpan, _ value: RawSpan, of table: Table, to segment: Int, at place: BufferedEntries.Place,
        _ record: inout LogRecord?
    ) -> Int32 {
        SegmentKey(place).withBytes { bytes in
            var name = MDB_val(bytes)
            var content = MDB_val()
            content.mv_size = 3 + key.byteCount + value.byteCount
            let code = mdb_put(pointer, self.segment(segment), &name, &content, UInt32(MDB_RESERVE | MDB_APPEND))
            guard code == MDB_SUCCESS, let start = content.mv_data else { return code }
            let target = UnsafeMutableRawBufferPointer(start: start, count: content.mv_size)
            target[0] = UInt8(table.ordinal)
            target.storeBytes(of: UInt16(key.byteCount).bigEndian, toByteOffset: 1, as: UInt16.self)
            key.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[3...]).copyMemory(from: $0) }
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[(3 + key.byteCount)...])
            value.withUnsafeBytes { rest.copyMemory(from: $0) }
            record?.add(.put, tableCount + segment, RawSpan(_unsafeBytes: bytes), content.span)
            return code
        }
    }

    /// Notes in the transaction's record that an entry was put in its place.
    func noteSortedIn(_ place: BufferedEntries.Place, from segment: Int, _ record: inout LogRecord?) {
        SegmentKey(place).withBytes { bytes in
            record?.add(.sortIn, tableCount + segment, RawSpan(_unsafeBytes: bytes), RawSpan())
        }
    }

    /// Takes an entry out again, and notes that in the transaction's record. LMDB's code.
    func removeEntry(_ place: BufferedEntries.Place, from segment: Int, _ record: inout LogRecord?) -> Int32 {
        SegmentKey(place).withBytes { bytes in
            var name = MDB_val(bytes)
            let code = mdb_del(pointer, self.segment(segment), &name, nil)
            guard code == MDB_SUCCESS else { return code }
            record?.add(.delete, tableCount + segment, RawSpan(_unsafeBytes: bytes), RawSpan())
            return code
        }
    }
}

/// An entry as a segment has it: the table and the key's length in one and two bytes, the key and the value.
struct SegmentEntry: ~Escapable {
    let table: Int
    let key: RawSpan
    let value: RawSpan

    /// Nil where the bytes contradict themselves.
    @_lifetime(copy bytes)
    init?(_ bytes: RawSpan, tableCount: Int) {
        guard bytes.byteCount > 3, bytes.byteCount - 3 <= BufferedEntries.entryBytesMax else { return nil }
        table = Int(bytes.unsafeLoad(as: UInt8.self))
        let keyBytes = Int(UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt16.self)))
        guard table < tableCount, keyBytes > 0, 3 + keyBytes <= bytes.byteCount else { return nil }
        key = bytes.extracting(3..<(3 + keyBytes))
        value = bytes.extracting(droppingFirst: 3 + keyBytes)
    }
}

/// The key of an entry in a segment: the commit and the number in eight and four bytes, so that they sort as they came.
private struct SegmentKey {
    static let byteCount = 12

    let place: BufferedEntries.Place

    init(_ place: BufferedEntries.Place) { self.place = place }

    init(_ bytes: RawSpan) {
        let commit = UInt64(bigEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
        let number = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self))
        place = BufferedEntries.Place(commit: Int(clamping: commit), number: Int(number))
    }

    func withBytes<Answer, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        var bytes = (UInt64(place.commit).bigEndian, UInt32(place.number).bigEndian)
        return try withUnsafeBytes(of: &bytes) { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }
}
