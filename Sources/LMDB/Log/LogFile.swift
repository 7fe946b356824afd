internal import Glibc
internal import Storage

/// One of the two files of a write-ahead log. Its header says what the commits in it follow on; it is empty where there are
/// zeros instead.
///
/// Used by one thread of one process at a time, under LMDB's write lock. Zeros are written before the records, so that a
/// flush has no more to do than to write their bytes.
final class LogFile {
    /// What the file's commits follow on.
    struct Header {
        /// Counts up from file to file, from anywhere.
        let epoch: UInt64
        /// The commit before the first in the file, and LMDB's two first pages as that commit left them.
        let base: Int
        let firstPages: [UInt8]
        /// The tables, by the numbers that records call them.
        let tables: [String]
    }

    static let names = StoreFiles.logSuffixes
    private static let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW
    private static let magic: UInt64 = 0x4C41_5742_4456_0001
    private static let recoveredMagic: UInt64 = 0x4C41_5742_4456_00FF
    private static let failedMagic: UInt64 = 0x4C41_5742_4456_00FE
    /// All of the header but LMDB's pages.
    private static let prefixBytes = 4096
    private static let zerosBytes = 256 << 10

    let path: String
    private let descriptor: Int32
    private var start = 0
    /// Where the next record goes.
    private(set) var end = 0
    /// How far this process has seen to it that the file's length, and its name, are on disk.
    private var zeroedTo = 0
    /// Flushes what was written and answers the error's number, or 0.
    var flush: @Sendable (_ descriptor: Int32) -> Int32 = { fdatasync($0) == 0 ? 0 : errno }

    /// Opens a file; nil where there is none.
    convenience init?(at path: String) throws(StorageError) {
        let opened = open(path, LogFile.flags)
        let code = errno
        // Without a descriptor left the system does not look for the file.
        let isUnseen = opened < 0 && (code == EMFILE || code == ENFILE) && access(path, F_OK) != 0 && errno == ENOENT
        if isUnseen || opened < 0 && code == ENOENT { return nil }
        errno = code
        try self.init(path, opened)
    }

    /// Opens a file, made where there is none.
    /// - Parameter likeOwnerOf: a descriptor of the file whose log this is.
    convenience init(making path: String, likeOwnerOf other: Int32) throws(StorageError) {
        var opened = open(path, LogFile.flags)
        if opened < 0, errno == ENOENT {
            opened = open(path, LogFile.flags | O_CREAT, 0o600)
            var status = stat()
            // Where root writes a vault of somebody else's. Others own what they make anyway.
            if opened >= 0, fstat(other, &status) == 0 { _ = fchown(opened, status.st_uid, status.st_gid) }
        }
        try self.init(path, opened)
    }

    /// - Parameter opened: its descriptor, or what `open` says in its place.
    private init(_ path: String, _ opened: Int32) throws(StorageError) {
        guard opened >= 0 else { throw StorageError(code: errno, during: path) }
        do throws(StorageError) {
            var status = stat()
            guard fstat(opened, &status) == 0 else { throw StorageError(code: errno, during: path) }
            if status.st_size < Self.prefixBytes {
                guard ftruncate(opened, Self.prefixBytes) == 0 else { throw StorageError(code: errno, during: path) }
            }
        } catch {
            close(opened)
            throw error
        }
        self.path = path
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// What the header begins with.
    private struct Head {
        var magic: UInt64 = 0
        /// CRC-32C, and above it the bytes of a page.
        var sums: UInt64 = 0
        var number: UInt64 = 0

        var isEmpty: Bool { (magic == 0 || isRecovered) && sums == 0 && number == 0 }
        var isRecovered: Bool { magic == LogFile.recoveredMagic }
        var isFailed: Bool { magic == LogFile.failedMagic }
        /// No epoch is 0.
        var isOfLog: Bool { (magic == LogFile.magic || isFailed) && number != 0 }

        /// What is neither an empty file's nor a log's is damaged, and may have been a log's.
        var epoch: UInt64 { isOfLog ? number : isEmpty ? 0 : .max }
    }

    /// As all processes see it at once; nil where it can't be read. Zeros where the file was cut. Read and not mapped, for a
    /// map of a file that is cut ends the process.
    private var head: Head? {
        var head = Head()
        var count: Int
        repeat {
            count = withUnsafeMutableBytes(of: &head) { pread(descriptor, $0.baseAddress, $0.count, 0) }
        } while count < 0 && errno == EINTR
        if count < 0 { return nil }
        return count == MemoryLayout<Head>.size ? head : Head()
    }

    /// The epoch of the header; 0 where there is none. What can't be read may have one.
    var epoch: UInt64 { head?.epoch ?? .max }

    /// Whether a process has failed to put on disk what the commits follow on, or one of them, or this one to read it.
    var isFailed: Bool { head?.isFailed ?? true }

    var recordsBytes: Int { end - start }

    // MARK: Writing

    /// Makes the file one that follows on the header's commit. It is not on disk before the next `sync`.
    func begin(_ header: Header) throws(StorageError) {
        let bytes = try Self.encode(header)
        (start, end) = (bytes.count, bytes.count)
        if zeroedTo < end + Self.zerosBytes {
            // Its length and its name have to be on disk as well.
            let zeros = end + Self.zerosBytes
            try write([UInt8](repeating: 0, count: zeros), at: 0)
            guard fsync(descriptor) == 0 else { throw failedFlush(errno) }
            try NewFile.makeDurable(nameOf: path)
            zeroedTo = zeros
        }
        try write(bytes, at: 0)
    }

    /// Appends a record and returns once it is on disk. Where that fails with `diskFull` the file is as it was.
    func append(_ record: [UInt8]) throws(StorageError) {
        let next = end + record.count
        if next > zeroedTo {
            try write([UInt8](repeating: 0, count: next - zeroedTo + Self.zerosBytes), at: zeroedTo)
            zeroedTo = next + Self.zerosBytes
        }
        try write(record, at: end)
        do throws(StorageError) {
            try sync()
        } catch {
            // Nobody is told of it, so nobody is to find it.
            try? write([UInt8](repeating: 0, count: LogRecord.headerBytes), at: end)
            throw error
        }
        end = next
    }

    /// Takes back a record that was appended last.
    func takeBack(_ record: [UInt8]) throws(StorageError) {
        end -= record.count
        try write([UInt8](repeating: 0, count: LogRecord.headerBytes), at: end)
        try sync()
    }

    /// Empties the file, for good when it returns. What fails leaves it as `markFailed` does.
    func invalidate() throws(StorageError) { try empty(Head()) }

    /// Empties the file and says of both files that the vault's has all they had, for good when it returns. What fails leaves
    /// it as `markFailed` does.
    func markRecovered() throws(StorageError) { try empty(Head(magic: Self.recoveredMagic)) }

    private func empty(_ empty: Head) throws(StorageError) {
        let before = head
        do throws(StorageError) {
            try write(empty)
            try sync()
        } catch {
            // Nobody knows which of the two is on disk.
            if let before { markFailed(before) }
            throw error
        }
    }

    /// Tells all processes that have the file. It stays what the next recovery begins with.
    func markFailed() { if let head { markFailed(head) } }

    private func markFailed(_ head: Head) {
        guard head.epoch != 0 else { return }
        var head = head
        head.magic = Self.failedMagic
        // Where the disk does not take it, they see it all the same.
        try? write(head)
    }

    private func write(_ head: Head) throws(StorageError) {
        try write(withUnsafeBytes(of: head) { [UInt8]($0) }, at: 0)
    }

    /// Whether that was said and the file not begun again since.
    var isRecovered: Bool { head.map { $0.isRecovered && $0.isEmpty } ?? false }

    func sync() throws(StorageError) {
        let code = flush(descriptor)
        if code != 0 { throw failedFlush(code) }
    }

    /// Never `diskFull`: the system may have forgotten what it could not write.
    private func failedFlush(_ code: Int32) -> StorageError { .system(code: code, during: "syncing \(path)") }

    private func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
        try StoreFile.write(bytes, at: offset, to: descriptor, during: "writing \(path)")
    }

    // MARK: Reading

    /// The header; nil where there is none that records follow on.
    /// - Parameter lastCommit: of LMDB's file, as far as that says, where its pages have so many bytes.
    func header(
        _ lastCommit: (_ pageBytes: Int) throws(StorageError) -> Int? = { _ in nil }
    ) throws(StorageError) -> Header? {
        guard let head else { throw .system(code: EIO, during: "reading \(path)") }
        if head.isEmpty { return nil }
        // A power cut leaves the head, which lies in one sector, as it was before or after a write.
        let pageBytes = Int(head.sums >> 32)
        guard head.isOfLog, pageBytes.nonzeroBitCount == 1, (256...32768).contains(pageBytes) else {
            throw damagedHeader
        }
        let bytes = try read(Self.prefixBytes + 2 * pageBytes, at: 0)
        (start, end) = (bytes.count, bytes.count)
        if bytes.count == Self.prefixBytes + 2 * pageBytes {
            if let header = Self.decode(bytes) { return header }
            if try isWholeButForEpoch(bytes) { throw damagedHeader }
        }
        // A power cut leaves at most one record behind a header that it tears: both are on disk before the second is written, and
        // before LMDB makes the first one's commit.
        let commits = try wholeCommits(of: head.number, from: 0)
        guard let first = commits.first else { return nil }
        let last = try lastCommit(pageBytes) ?? -1
        if commits.count > 1 || first <= last { throw damagedHeader }
        return nil
    }

    /// Whether a header is whole once it has the epoch of the record behind it.
    private func isWholeButForEpoch(_ header: [UInt8]) throws(StorageError) -> Bool {
        let record = try read(LogRecord.headerBytes, at: header.count)
        guard record.count == LogRecord.headerBytes else { return false }
        return Self.decode(Array(header[..<16] + record[8..<16] + header[24...])) != nil
    }

    private var damagedHeader: StorageError {
        .corrupted(
            "the header of \(path) is damaged, or another program's: put the log back as it was, do the restore again that was"
                + " cut off here, or, if the machine has not stopped since, move both of the log's files away")
    }

    /// The next record of this epoch; nil after the last.
    func nextRecord(of epoch: UInt64) throws(StorageError) -> LogRecord? {
        let header = try read(LogRecord.headerBytes, at: end)
        guard let length = LogRecord.length(header: header, epoch: epoch) else { return nil }
        let bytes = try read(LogRecord.headerBytes + length, at: end)
        guard bytes.count == LogRecord.headerBytes + length, let record = LogRecord(bytes) else { return nil }
        end += bytes.count
        return record
    }

    /// How many commits the file has. Refuses one that has records behind one that can't be read: each is on disk before the
    /// next is written, so a power cut leaves none behind the one that it tears. To be called before the first record is asked for.
    func commitsWithoutGap(of epoch: UInt64) throws(StorageError) -> Int {
        defer { end = start }
        var commits = 0
        while try nextRecord(of: epoch) != nil { commits += 1 }
        guard try wholeCommits(of: epoch, from: end).isEmpty else {
            throw .corrupted("\(path) has a damaged commit before others")
        }
        return commits
    }

    /// The commits of an epoch whose records are whole, whatever is before and between them.
    private func wholeCommits(of epoch: UInt64, from first: Int) throws(StorageError) -> [Int] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StorageError(code: errno, during: path) }
        let bytes = try read(max(Int(status.st_size) - first, 0), at: first)
        var commits: [Int] = []
        for offset in LogRecord.places(of: epoch, in: bytes) {
            end = first + offset
            if let record = try nextRecord(of: epoch) { commits.append(record.commit) }
        }
        return commits
    }

    private func read(_ count: Int, at offset: Int) throws(StorageError) -> [UInt8] {
        try StoreFile.read(count, at: offset, from: descriptor, during: "reading \(path)")
    }

    // MARK: The header's bytes

    /// Magic, CRC-32C of all that follows it, bytes of a page, epoch, base, tables' names; then the pages.
    private static func encode(_ header: Header) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(magic)
        append(UInt32(0))
        append(UInt32(header.firstPages.count / 2))
        append(header.epoch)
        append(UInt64(header.base))
        append(UInt32(header.tables.count))
        for name in header.tables {
            append(UInt8(clamping: name.utf8.count))
            bytes.append(contentsOf: name.utf8)
        }
        guard bytes.count <= prefixBytes else { throw .misuse("the tables' names are too long for a log") }
        bytes.append(contentsOf: repeatElement(0, count: prefixBytes - bytes.count))
        bytes.append(contentsOf: header.firstPages)
        let checksum = checksum(bytes)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt32.self) }
        return bytes
    }

    private static func decode(_ bytes: [UInt8]) -> Header? {
        let span = bytes.span.bytes
        guard UInt32(littleEndian: span.unsafeLoad(fromByteOffset: 8, as: UInt32.self)) == checksum(bytes) else {
            return nil
        }
        guard let base = Int(exactly: span.unsafeLoad(fromByteOffset: 24, as: UInt64.self)),
            base < StoreFile.commitsMax
        else { return nil }
        var tables: [String] = []
        var offset = 36
        for _ in 0..<span.unsafeLoad(fromByteOffset: 32, as: UInt32.self) {
            let end = offset + 1 + Int(bytes[offset])
            guard end <= prefixBytes, end < bytes.count else { return nil }
            tables.append(String(decoding: bytes[(offset + 1)..<end], as: UTF8.self))
            offset = end
        }
        return Header(
            epoch: span.unsafeLoad(fromByteOffset: 16, as: UInt64.self), base: base,
            firstPages: Array(bytes[prefixBytes...]), tables: tables)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var checksum = Checksum()
        checksum.add(bytes.span.bytes.extracting(droppingFirst: 12))
        return checksum.value
    }
}
