internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// Makes commits durable by appending them to a log, which is one flush of a few kilobytes, where LMDB would flush every
/// page that they touch. LMDB commits them without a flush, so that everybody sees them; its pages are written back later,
/// many commits at a time, in the background.
///
/// After a power cut LMDB's file may be anything between what was written back last and now. So the log keeps LMDB's two
/// first pages as they were at its beginning, its base: with them the file is again what it was, and the log's commits
/// follow anew (`LogRecovery`). That holds because nobody overwrites a page of the base: a reader that stands at the base,
/// the pin, keeps LMDB from using it again.
///
/// The rule for all processes: who begins to write while a log is there that is not its own writes back what it has, and
/// empties it. So a log's commits are always the last, and their pin is always held by who makes them.
///
/// There are two files. When the one is long enough commits go on in the other, the background flushes LMDB's file, and
/// then the first is emptied.
///
/// A log belongs to one file, as it was when the log began: both have the same mark (`FileMark`).
///
/// Everything here is to be called with `Environment.writing` locked and LMDB's write lock held, unless it says otherwise.
final class WriteAheadLog: @unchecked Sendable {
    /// A file that is written to or waits to be emptied, and what keeps its base.
    private struct Part {
        let file: LogFile
        let epoch: UInt64
        let pin: OpaquePointer
    }

    private let path: String
    private let pointer: OpaquePointer
    private let descriptor: Int32
    private let tables: [String]
    private let bytesMax: Int
    /// A process that writes now and then has no use for a log: it begins with so many commits after which nobody else wrote.
    private let commitsBefore: Int
    private var commits = 0
    /// The last commit of this process.
    private var lastOwn = 0

    private var files: [LogFile?] = [nil, nil]
    private var current: Part?
    private var previous: Part?
    private var epoch = UInt64.random(in: 1...(1 << 62))
    /// Whether the file has a mark on disk that this process has begun no log with.
    private var isMarkedAnew = false
    /// Why LMDB's file could not be written back. Nothing is lost then, and nothing may follow, of no process, before the next
    /// recovery: what the system says of a file after a flush has failed can't be relied on.
    private var failure: StorageError? { didSet { for file in files { file?.markFailed() } } }

    /// Flushes LMDB's file in the background, for `previous`. A plain thread, which a child of a fork may have as well.
    private var flusher: pthread_t?
    private let flushCode = Atomic<Int32>(WriteAheadLog.running)
    private static let running: Int32 = -1
    private static let partBytes = 256 << 10
    /// A file has no more commits, however short: the pages that they no longer use are not used again before the next.
    private static let commitsMax = 1_024
    /// About how many bytes of pages a commit takes from use, however short, and how many for each byte of its record.
    private static let commitBytesPinned = 32 << 10
    private static let recordBytesPinned = 8
    /// A log of so few bytes is written back while a writer waits.
    private static let bytesFew = 64 << 10
    /// The largest size of LMDB's file, of which the pin is to keep a quarter from use at most.
    var fileBytesMax: Int
    /// Whether this process has ended the log of another, which keeps its pin until it looks.
    var hasEndedOthers = false
    private let bytesWaiting = Atomic(0)
    /// Flushes LMDB's file and answers the error's number, or 0. Tests put another in its place.
    var flushFile: @Sendable (_ descriptor: Int32) -> Int32 = { fdatasync($0) == 0 ? 0 : errno }
    /// Likewise one of the log's own, from when it is opened.
    var flushLog: @Sendable (_ descriptor: Int32) -> Int32 = { fdatasync($0) == 0 ? 0 : errno }
    /// Likewise a part of it.
    var flushPart: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) -> Int32 = {
        vault_write_out($0, $1, $2) == 0 ? 0 : errno
    }

    /// - Parameters:
    ///   - path: of LMDB's file.
    ///   - descriptor: of the same, for as long as this lives.
    init(_ path: String, _ pointer: OpaquePointer, _ descriptor: Int32, tables: [String], _ options: EnvironmentOptions)
    {
        self.path = path
        self.pointer = pointer
        self.descriptor = descriptor
        self.tables = tables
        bytesMax = options.logBytesMax
        fileBytesMax = options.mapBytesMax
        commitsBefore = options.durability == .durable && bytesMax > 0 ? options.commitsBeforeLog : .max
    }

    /// What the log has on disk; 0 where nothing waits to be written back. To be asked by anybody.
    var bytes: Int { bytesWaiting.load(ordering: .relaxed) }

    /// Whether a commit of this number is to be recorded.
    func records(_ commit: Int) -> Bool {
        if commitsBefore == .max { return false }
        return current != nil || commitsBefore == 0 || commits >= commitsBefore && commit == lastOwn + 1
    }

    // MARK: Commits

    /// To be called when a write transaction has begun, before it changes anything.
    /// - Parameter last: the commit that it begins from.
    func transactionBegan(after last: Int) throws(StorageError) {
        try refuseAfterFailure()
        guard let current else { return try endOthers() }
        guard current.file.epoch == current.epoch else {
            // Another process has written everything back to write itself.
            waitForFlush()
            forget()
            commits = 0
            return try endOthers()
        }
        // All since the older pin.
        let count = last - mdb_txn_id((previous ?? current).pin)
        let recorded = current.file.recordsBytes
        let pinned =
            count * Self.commitBytesPinned
            + (recorded + (previous?.file.recordsBytes ?? 0)) * Self.recordBytesPinned
        if previous != nil {
            let isFlushed = flushCode.load(ordering: .acquiring) != Self.running
            if isFlushed || recorded > 2 * bytesMax || pinned > fileBytesMax / 4 { try emptyPrevious() }
        } else if recorded > bytesMax || count > Self.commitsMax || pinned > fileBytesMax / 8 {
            try turnOver()
        }
    }

    /// Also that of another process, which the system may have told the only one.
    private func refuseAfterFailure() throws(StorageError) {
        if failure == nil, files.contains(where: { $0?.isFailed == true }) {
            let code = previous == nil ? 0 : flushCode.load(ordering: .acquiring)
            failure =
                code > 0
                ? StorageError(code: code, during: "writing back \(path)")
                : .system(code: EIO, during: "writing back \(path) by another process")
        }
        if let failure { throw failure }
    }

    /// Writes back what another process has logged, or had.
    private func endOthers() throws(StorageError) {
        var found: [LogFile] = []
        for index in files.indices {
            if files[index] == nil, let file = try LogFile(at: path + LogFile.names[index]) { use(file, as: index) }
            if let file = files[index], file.epoch != 0 { found.append(file) }
        }
        if found.isEmpty { return }
        try refuseAfterFailure()
        (commits, isMarkedAnew, hasEndedOthers) = (0, false, true)
        try flush()
        // The earlier first: the later alone says what the earlier would lead to.
        for file in found.sorted(by: { $0.epoch < $1.epoch }) {
            try orFailForGood { () throws(StorageError) in try file.invalidate() }
        }
    }

    /// Made where it is not there.
    private func file(_ index: Int) throws(StorageError) -> LogFile {
        if let file = files[index] { return file }
        let file = try LogFile(making: path + LogFile.names[index], likeOwnerOf: descriptor)
        use(file, as: index)
        return file
    }

    private func use(_ file: LogFile, as index: Int) {
        file.flush = flushLog
        files[index] = file
    }

    /// Puts a transaction's record on disk, before LMDB commits it.
    /// - Returns: false where it is not logged, and LMDB's commit is to be the durable one.
    func append(_ record: inout LogRecord, commit: Int) throws(StorageError) -> Bool {
        if record.isTooLong {
            try writeBack()
            return false
        }
        if current == nil, try !begin(after: commit - 1) { return false }
        guard let current else { return false }
        record.seal(epoch: current.epoch, commit: commit)
        do throws(StorageError) {
            try current.file.append(record.bytes)
        } catch {
            // A full disk is as it was. Of anything else nobody knows what is on disk.
            if error != .diskFull { failure = error }
            throw error
        }
        countBytes()
        return true
    }

    /// LMDB did not commit what was appended last.
    func takeBack(_ record: LogRecord) {
        guard let current, current.file.epoch == current.epoch else { return }
        try? orFailForGood { () throws(StorageError) in try current.file.takeBack(record.bytes) }
    }

    func didCommit(_ commit: Int) {
        commits = commit == lastOwn + 1 ? min(commits + 1, commitsBefore) : 1
        lastOwn = commit
    }

    /// - Returns: false where no reader can be had as a pin, or no log can be made: for want of room, of a file descriptor,
    ///   of leave to make files.
    private func begin(after base: Int) throws(StorageError) -> Bool {
        guard let pin = pin(at: base) else { return false }
        do throws(StorageError) {
            try begin(in: 0, pin, at: base)
            return true
        } catch {
            guard failure == nil else { throw error }
            commits = 0
            return false
        }
    }

    /// Later commits go to the other file; the background flushes what this one has.
    private func turnOver() throws(StorageError) {
        guard previous == nil, let before = current else { return }
        let base = pointer.lastCommit
        guard base > mdb_txn_id(before.pin) else { return }
        do throws(StorageError) {
            guard let pin = pin(at: base) else { throw .readersFull }
            try begin(in: before.file === files[0] ? 1 : 0, pin, at: base)
        } catch {
            // The one file takes no more room than it has.
            return try writeBack()
        }
        previous = before
        flushCode.store(Self.running, ordering: .relaxed)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { log in
                if let log { Unmanaged<WriteAheadLog>.fromOpaque(log).takeUnretainedValue().flushInBackground() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        if code == 0 { flusher = thread } else { flushInBackground() }
    }

    /// Whoever owns this waits for its end.
    private func flushInBackground() {
        // Part by part, so that the log's flushes need not wait behind all of it. What this leaves the flush does.
        var status = stat()
        fstat(descriptor, &status)
        var code: Int32 = 0
        for offset in stride(from: 0, to: Int64(status.st_size), by: Self.partBytes) where code == 0 {
            code = flushPart(descriptor, offset, Int64(Self.partBytes))
        }
        // The system tells of an error once: the flush would know nothing of it any more.
        let isFailure = code != 0 && code != ENOSYS && code != EINVAL && code != ESPIPE
        if !isFailure { code = flushFile(descriptor) }
        flushCode.store(code, ordering: .releasing)
        // At once: another process that writes first could not learn it from the system.
        if code != 0 { previous?.file.markFailed() }
    }

    private func begin(in index: Int, _ pin: OpaquePointer, at base: Int) throws(StorageError) {
        do throws(StorageError) {
            if current == nil, !isMarkedAnew { try markFile() }
            let file = try file(index)
            try file.begin(
                LogFile.Header(epoch: epoch + 1, base: base, firstPages: try firstPages(), tables: tables))
            epoch += 1
            isMarkedAnew = false
            current = Part(file: file, epoch: epoch, pin: pin)
            countBytes()
        } catch {
            mdb_txn_abort(pin)
            // A recovery would go back to where this file begins.
            if let file = files[index], file.epoch != 0 {
                try orFailForGood { () throws(StorageError) in try file.invalidate() }
            }
            throw error
        }
    }

    /// While there is no log, and before the header of the next can be on disk: it has the mark as well. Done while nobody
    /// writes, so that the first who does again does not wait for it.
    private func markFile() throws(StorageError) {
        try FileMark.random().write(to: descriptor, pageBytes: pointer.pageBytes, path)
        try flush()
        isMarkedAnew = true
    }

    private func pin(at commit: Int) -> OpaquePointer? {
        var pin: OpaquePointer?
        guard mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &pin) == MDB_SUCCESS, let pin else { return nil }
        if mdb_txn_id(pin) == commit { return pin }
        mdb_txn_abort(pin)
        return nil
    }

    private func firstPages() throws(StorageError) -> [UInt8] {
        let pages = try StoreFile.firstPages(of: descriptor, pageBytes: pointer.pageBytes, path)
        guard pages.count == 2 * pointer.pageBytes else { throw .corrupted("\(path) ends before its third page") }
        return pages
    }

    // MARK: Writing back

    /// Writes back a little, or begins to: to be called while nobody writes, until `bytes` is 0.
    func writeBackSome() throws(StorageError) {
        guard let current, failure == nil else { return }
        if previous != nil {
            if flushCode.load(ordering: .acquiring) != Self.running { try emptyPrevious() }
        } else if current.file.recordsBytes > Self.bytesFew {
            // So that whoever writes next does not wait for all of it.
            try turnOver()
        } else {
            try writeBack()
            try markFile()
        }
    }

    /// Whether a pin of this process keeps pages from being used again.
    var hasPin: Bool { current != nil }

    /// Lets the pin go, for want of room. The next commits do without a log, and may use what those before the last left.
    func giveUpPin() throws(StorageError) {
        try writeBack()
        commits = 0
    }

    /// Writes back everything, and empties the log.
    func writeBack() throws(StorageError) {
        if let failure { throw failure }
        guard let current else { return }
        if previous != nil { try emptyPrevious() }
        try flush()
        try orFailForGood { () throws(StorageError) in try current.file.invalidate() }
        forget()
    }

    private func emptyPrevious() throws(StorageError) {
        guard let previous, let current else { return }
        waitForFlush()
        let code = flushCode.load(ordering: .acquiring)
        try orFailForGood { () throws(StorageError) in
            try StorageError.check(code, during: "writing back \(path)")
            // What follows has to be known before what was is forgotten.
            try current.file.sync()
            try previous.file.invalidate()
        }
        mdb_txn_abort(previous.pin)
        self.previous = nil
        countBytes()
    }

    private func waitForFlush() {
        guard let thread = flusher else { return }
        pthread_join(thread, nil)
        flusher = nil
    }

    private func flush() throws(StorageError) {
        try orFailForGood { () throws(StorageError) in
            try StorageError.check(flushFile(descriptor), during: "writing back \(path)")
        }
    }

    /// After a failure of this nobody can say what is on disk.
    private func orFailForGood(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        do throws(StorageError) {
            try body()
        } catch {
            failure = error
            throw error
        }
    }

    private func forget() {
        for part in [previous, current] { if let part { mdb_txn_abort(part.pin) } }
        previous = nil
        current = nil
        countBytes()
    }

    private func countBytes() {
        bytesWaiting.store((previous?.file.end ?? 0) + (current?.file.end ?? 0), ordering: .relaxed)
    }

    // MARK: The end

    /// To be called before LMDB's environment is closed, whether everything was written back or not, without its lock.
    func close() {
        waitForFlush()
        forget()
    }

    /// Takes away empty files where nobody else has the vault open. To be called once LMDB's environment is closed, which
    /// has given up its lock on the vault's file.
    func removeFiles() {
        // The name may be another file's by now, and the log that one's.
        guard access(path + LogFile.names[0], F_OK) == 0, StoreFile.names(descriptor, path),
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
        else { return }
        Self.removeFilesIfEmpty(path)
    }

    /// The second first: the first one's name says that there is something to be looked at.
    static func removeFilesIfEmpty(_ path: String) {
        for name in LogFile.names {
            do throws(StorageError) {
                if let file = try LogFile(at: path + name), file.epoch != 0 { return }
            } catch {
                // Nobody knows what it has.
                return
            }
        }
        removeFiles(path)
    }

    static func removeFiles(_ path: String) {
        for name in LogFile.names.reversed() { unlink(path + name) }
    }
}
