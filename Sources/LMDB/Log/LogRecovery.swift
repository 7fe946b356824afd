internal import CLMDB
internal import Glibc
internal import Storage

/// Brings a file back to what its last acknowledged commit left, where a process or the machine stopped before everything
/// was written back: puts LMDB's first pages of the log's base in their place, and makes the log's commits anew.
///
/// It may be stopped as well, at any point, and is then done again.
final class LogRecovery {
    /// Each takes a millisecond: others recover within seconds.
    private static let attemptsMax = 10_000

    /// Keeps others from recovering until this lives no more.
    private let guarding: Int32
    /// Whether another process went on with it for longer than this one waits.
    let isUnderWay: Bool

    deinit { close(guarding) }

    /// Recovers the file at `path`, if that is needed and nobody has it open. To be kept until the file is open.
    /// - Parameter mayBeNew: whether an empty file is a new one.
    /// - Returns: nil where there is no log.
    init?(_ path: String, mayBeNew: Bool) throws(StorageError) {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let path = String(cString: resolved)
        let first = path + LogFile.names[0]
        guard access(first, F_OK) == 0 else {
            if errno == ENOENT { return nil }
            throw StorageError(code: errno, during: first)
        }
        let opened = Glibc.open(first, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard opened >= 0 else {
            if errno == ENOENT { return nil }
            throw StorageError(code: errno, during: first)
        }
        guarding = opened
        var attempts = 0
        while flock(guarding, LOCK_EX | LOCK_NB) != 0, attempts < Self.attemptsMax {
            attempts += 1
            usleep(1000)
        }
        isUnderWay = attempts == Self.attemptsMax
        do throws(StorageError) {
            let alone = try StoreFile.open(path, writable: true, sharing: .alone)
            try LockFile.refuseUsed(beside: path)
            if mayBeNew && alone.bytes == 0 {
                // The log is that of a file that is gone.
                WriteAheadLog.removeFiles(path)
            } else {
                try Self.recover(path, alone.descriptor)
            }
        } catch {
            // Whoever has it open saw to it.
            if case .inUse = error { return }
            throw error
        }
    }

    private static func recover(_ path: String, _ descriptor: Int32) throws(StorageError) {
        var files: [LogFile] = []
        for name in LogFile.names {
            if let file = try LogFile(at: path + name) { files.append(file) }
        }
        var parts: [(file: LogFile, header: LogFile.Header)] = []
        let lastCommit = { (pageBytes: Int) throws(StorageError) -> Int? in
            try Self.lastCommit(of: descriptor, pageBytes: pageBytes, path)
        }
        if files.first?.isRecovered != true {
            for file in files { if let header = try file.header(lastCommit) { parts.append((file, header)) } }
        }
        parts.sort { $0.header.epoch < $1.header.epoch }
        if let first = parts.first {
            if let second = parts.dropFirst().first, second.header.epoch != first.header.epoch &+ 1 {
                throw .corrupted("the two logs of \(path) do not follow one another")
            }
            try refuseOtherFile(path, descriptor, than: first.header)
            var last = first.header.base
            for (file, header) in parts { last += try file.commitsWithoutGap(of: header.epoch) }
            let pageBytes = first.header.firstPages.count / 2
            try StoreFile.refuseImpossible(first.header.firstPages, pageBytes: pageBytes, first.file.path)
            try refuseOtherState(path, descriptor, pageBytes: pageBytes, than: first.header.base...last)
            try putBack(first.header.firstPages, path, descriptor)
            do throws(StorageError) {
                try commit(parts, path)
            } catch {
                // Its keys are its own: one that is out of bounds is damage.
                if case .keyLength = error { throw .corrupted("a commit of the log of \(path) contradicts itself") }
                throw error.ofCommit(to: descriptor)
            }
            // In one step for both files: the commits were made anew in other pages, on which neither follows by itself.
            try files.first?.markRecovered()
        }
        for file in files.dropFirst() { try file.invalidate() }
        WriteAheadLog.removeFiles(path)
        try NewFile.makeDurable(nameOf: path)
    }

    /// Refuses a file that the log does not belong to, which would lose what it has.
    private static func refuseOtherFile(
        _ path: String, _ descriptor: Int32, than header: LogFile.Header
    ) throws(StorageError) {
        let pageBytes = header.firstPages.count / 2
        let mark = try FileMark(of: descriptor, pageBytes: pageBytes, path)
        guard mark == FileMark(firstPages: header.firstPages) else { throw strangeLog(path) }
    }

    /// Refuses a file whose last commit is none that the log follows on or has: one from before it, which has the mark of
    /// the log that was begun next, or one from after it, where the log has lost what was acknowledged.
    private static func refuseOtherState(
        _ path: String, _ descriptor: Int32, pageBytes: Int, than commits: ClosedRange<Int>
    ) throws(StorageError) {
        guard let commit = try lastCommit(of: descriptor, pageBytes: pageBytes, path) else { return }
        if commit < commits.lowerBound { throw strangeLog(path) }
        guard commit <= commits.upperBound else {
            throw .misuse(
                "the log beside \(path) (\(logNames)) has lost commits that the file has: put it back as it was, or,"
                    + " if the machine has not stopped since, move it away")
        }
    }

    private static func lastCommit(
        of descriptor: Int32, pageBytes: Int, _ path: String
    ) throws(StorageError) -> Int? {
        let pages = try StoreFile.firstPages(of: descriptor, pageBytes: pageBytes, path)
        return MetaPage.newest(in: pages, pageBytes: pageBytes)?.commit
    }

    private static let logNames = LogFile.names.joined(separator: ", ")

    private static func strangeLog(_ path: String) -> StorageError {
        .misuse(
            "the log beside \(path) (\(logNames)) belongs to another file or another state of this one: put that back,"
                + " do the restore again that was cut off here, or move the log away")
    }

    /// - Parameter pages: the two first, as the base left them. It may have left the file shorter than its pages go.
    private static func putBack(_ pages: [UInt8], _ path: String, _ descriptor: Int32) throws(StorageError) {
        let pageBytes = pages.count / 2
        if let base = MetaPage.newest(in: pages, pageBytes: pageBytes) {
            try StoreFile.lengthen(descriptor, to: (base.lastPage + 1) * pageBytes)
        }
        try StoreFile.write(pages, at: 0, to: descriptor, during: "recovering \(path)")
        guard fdatasync(descriptor) == 0 else { throw StorageError(code: errno, during: "recovering \(path)") }
    }

    /// Makes each commit of the log once more, under the number it had: entries of the buffer are kept under it.
    private static func commit(_ parts: [(file: LogFile, header: LogFile.Header)], _ path: String) throws(StorageError)
    {
        guard let first = parts.first?.header else { return }
        let operation = "recovering \(path)"
        var options = EnvironmentOptions()
        options.mapBytes = max(options.mapBytes, mapBytesEnough(for: [path] + parts.map(\.file.path)))
        let pointer = try Environment.openPointer(
            path, tableCount: first.tables.count, options, flags: UInt32(MDB_NOSYNC))
        defer { mdb_env_close(pointer) }
        // What the log follows on stays as it is, in case that this is stopped as well.
        var pin: OpaquePointer?
        try StorageError.check(mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &pin), during: operation)
        defer { mdb_txn_abort(pin) }
        guard mdb_txn_id(pin) == first.base else { throw .corrupted("the log of \(path) follows on another commit") }
        let tables = try openTables(first.tables, pointer, during: operation)
        var last = first.base
        for (file, header) in parts {
            guard header.base == last, header.tables == first.tables else {
                throw .corrupted("\(file.path) does not follow on the log before")
            }
            while let record = try file.nextRecord(of: header.epoch) {
                last += 1
                guard record.commit == last else { throw .corrupted("\(file.path) lacks a commit") }
                try commit(record, tables, pointer, operation)
            }
        }
        try StorageError.check(mdb_env_sync(pointer, 1), during: operation)
    }

    /// Commits rewrite at most some hundred times the bytes that the log has of them.
    private static func mapBytesEnough(for paths: [String]) -> Int {
        let sizes = paths.map { path in
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : 0
        }
        return 2 * sizes[0] + 1_024 * sizes.dropFirst().reduce(0, +)
    }

    private static func openTables(
        _ names: [String], _ pointer: OpaquePointer, during operation: String
    ) throws(StorageError) -> [MDB_dbi] {
        var opened: OpaquePointer?
        try StorageError.check(mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &opened), during: operation)
        var tables: [MDB_dbi] = []
        for name in names {
            var table: MDB_dbi = 0
            let code = mdb_dbi_open(opened, name, 0, &table)
            if code != MDB_SUCCESS {
                mdb_txn_abort(opened)
                throw StorageError(code: code, during: operation)
            }
            tables.append(table)
        }
        try StorageError.check(mdb_txn_commit(opened), during: operation)
        return tables
    }

    private static func commit(
        _ record: LogRecord, _ tables: [MDB_dbi], _ pointer: OpaquePointer, _ operation: String
    ) throws(StorageError) {
        var begun: OpaquePointer?
        try StorageError.check(mdb_txn_begin(pointer, nil, 0, &begun), during: operation)
        do throws(StorageError) {
            guard mdb_txn_id(begun) == record.commit else { throw .corrupted("LMDB counts otherwise than the log") }
            let isWhole = try record.forEach { (kind, table, key, value) throws(StorageError) in
                guard tables.indices.contains(table) else { throw .corrupted("the log names an unknown table") }
                let code: Int32
                switch kind {
                case .put: code = put(key, value, in: tables[table], begun)
                case .delete:
                    code = key.withUnsafeBytes { key in
                        var name = MDB_val(key)
                        return mdb_del(begun, tables[table], &name, nil)
                    }
                case .empty: code = mdb_drop(begun, tables[table], 0)
                case .sortIn: code = try sortIn(key, from: tables[table], tables, begun)
                }
                try StorageError.check(code, during: operation)
            }
            guard isWhole else { throw .corrupted("a commit of the log contradicts itself") }
        } catch {
            mdb_txn_abort(begun)
            throw error
        }
        try StorageError.check(mdb_txn_commit(begun), during: operation)
    }

    private static func sortIn(
        _ key: RawSpan, from segment: MDB_dbi, _ tables: [MDB_dbi], _ begun: OpaquePointer?
    ) throws(StorageError) -> Int32 {
        var content = MDB_val()
        let code = key.withUnsafeBytes { key in
            var name = MDB_val(key)
            return mdb_get(begun, segment, &name, &content)
        }
        guard code == MDB_SUCCESS else { return code }
        // A copy, because LMDB may move what it has when it is written to.
        let bytes = [UInt8](copying: content.span)
        guard let entry = SegmentEntry(bytes.span.bytes, tableCount: tables.count) else {
            throw .corrupted("an entry that the log sorts in contradicts itself")
        }
        return put(entry.key, entry.value, in: tables[entry.table], begun)
    }

    private static func put(_ key: RawSpan, _ value: RawSpan, in table: MDB_dbi, _ begun: OpaquePointer?) -> Int32 {
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                var (name, content) = (MDB_val(key), MDB_val(value))
                return mdb_put(begun, table, &name, &content, 0)
            }
        }
    }
}
