internal import Glibc
internal import Storage

/// The data file seen from outside LMDB: what must hold before LMDB may map it, and the lock that says "in use".
///
/// LMDB locks its lock file with `fcntl`, so `flock` on the data file is free for us: every environment holds it
/// shared, and a rewrite of the file takes it alone.
struct StoreFile: ~Copyable {
    struct Identity: Hashable, Sendable {
        let device: UInt
        let inode: UInt

        init(_ status: stat) { (device, inode) = (UInt(status.st_dev), UInt(status.st_ino)) }
    }

    let path: String
    let descriptor: Int32
    let identity: Identity
    /// Whether this process has just made it.
    var isNew = false

    deinit { close(descriptor) }

    /// No process can map more.
    static let bytesMax = 1 << 47
    /// The number of a commit that is none, with room to count on.
    static let commitsMax = 1 << 62

    enum Sharing { case shared, alone }

    /// The one name of a file, by which all of its other files are called: without symbolic links, whether it is there yet or
    /// not.
    static func resolve(_ path: String) throws(StorageError) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        guard errno == ENOENT else { throw StorageError(code: errno, during: path) }
        guard !isLink(path) else {
            throw .misuse("\(path) is a link that leads nowhere; put back what it leads to, or remove it")
        }
        guard let directory = realpath(NewFile.directory(of: path), nil) else {
            throw StorageError(code: errno, during: path)
        }
        defer { free(directory) }
        let parent = String(cString: directory)
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        return parent == "/" ? "/\(name)" : "\(parent)/\(name)"
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && (status.st_mode & S_IFMT) == S_IFLNK
    }

    /// Opens the file and takes its lock. The file that has the lock is the one the path names afterwards, so a
    /// rewrite that renames a new file into place is never missed.
    static func open(_ path: String, writable: Bool, sharing: Sharing) throws(StorageError) -> StoreFile {
        while true {
            // LMDB names its lock file after the data file, so all must call it by the same name.
            guard let resolved = realpath(path, nil) else { throw StorageError(code: errno, during: path) }
            defer { free(resolved) }
            // Without O_NONBLOCK a FIFO would keep us waiting.
            let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK
            let descriptor = Glibc.open(resolved, flags)
            guard descriptor >= 0 else { throw StorageError(code: errno, during: path) }
            do throws(StorageError) {
                let status = try refuseUnsuitable(descriptor, path)
                try lock(descriptor, sharing, path, rewrittenAs: StoreFiles.rewrite(of: String(cString: resolved)))
                var named = stat()
                if stat(resolved, &named) == 0, named.st_ino == status.st_ino, named.st_dev == status.st_dev {
                    return StoreFile(
                        path: String(cString: resolved), descriptor: descriptor, identity: Identity(status))
                }
            } catch {
                close(descriptor)
                throw error
            }
            close(descriptor)
        }
    }

    /// Opens the file alone, after others who do so for a moment only.
    static func openAlone(_ path: String) throws(StorageError) -> StoreFile {
        for _ in 0..<20 {
            do throws(StorageError) {
                return try open(path, writable: true, sharing: .alone)
            } catch {
                guard case .inUse = error else { throw error }
            }
            usleep(1000)
        }
        throw .inUse(path)
    }

    private static func refuseUnsuitable(_ descriptor: Int32, _ path: String) throws(StorageError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StorageError(code: errno, during: path) }
        guard (status.st_mode & S_IFMT) == S_IFREG else { throw .notAStore("\(path) is not a regular file") }
        guard status.st_nlink <= 1 else {
            throw .misuse("\(path) has several hard links: each would get a lock file of its own")
        }
        return status
    }

    private static func lock(
        _ descriptor: Int32, _ sharing: Sharing, _ path: String, rewrittenAs rewrite: String
    ) throws(StorageError) {
        // Whoever takes away a log on closing has the file alone for a moment, and who rewrites it for some seconds.
        for attempt in 0..<30_000 {
            guard flock(descriptor, (sharing == .alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 else { return }
            guard errno == EWOULDBLOCK else { throw StorageError(code: errno, during: "locking \(path)") }
            if sharing == .alone || attempt > 100 && access(rewrite, F_OK) != 0 { break }
            if attempt > 0 { usleep(1000) }
        }
        throw .inUse(path)
    }

    /// Makes an empty file that only its owner may read.
    /// - Returns: false where another process was faster, whose file it is.
    static func create(_ path: String) throws(StorageError) -> Bool {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if errno == EEXIST { return false }
            throw StorageError(code: errno, during: path)
        }
        close(descriptor)
        try NewFile.makeDurable(nameOf: path)
        return true
    }

    /// Takes a file away again whose making failed, unless someone else uses it by now.
    func removeIfAlone() {
        guard hasName, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
        unlink(path)
        unlink(StoreFiles.lock(of: path))
    }

    /// Whether the file that its path names is this one.
    private var hasName: Bool { Self.names(descriptor, path) }

    static func names(_ descriptor: Int32, _ path: String) -> Bool {
        var (opened, named) = (stat(), stat())
        return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && Identity(opened) == Identity(named)
    }

    var bytes: Int { Self.size(of: descriptor) }

    func resize(to bytes: Int) throws(StorageError) {
        guard ftruncate(descriptor, bytes) == 0 else { throw StorageError(code: errno, during: "resizing \(path)") }
    }

    /// Gives a file at least this many bytes.
    static func lengthen(_ descriptor: Int32, to bytes: Int) throws(StorageError) {
        guard size(of: descriptor) < bytes else { return }
        guard ftruncate(descriptor, bytes) == 0 else { throw StorageError(code: errno, during: "making a file whole") }
    }

    /// Whether the disk, or the process's limit for files, leaves no more than a handful of pages.
    static func isOutOfRoom(_ descriptor: Int32) -> Bool {
        let handful = 64 << 10
        var disk = statvfs()
        var limit = rlimit()
        if fstatvfs(descriptor, &disk) == 0, disk.f_bavail * disk.f_frsize < handful { return true }
        guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return false }
        return limit.rlim_cur != .max && limit.rlim_cur < size(of: descriptor) + handful
    }

    /// Asked after each commit, and by seeking: since Linux 6.13 a file whose status was asked for gets a new stamp with its next
    /// write, which the write-ahead log's next flush would have to write as well.
    private static func size(of descriptor: Int32) -> Int {
        max(Int(lseek(descriptor, 0, SEEK_END)), 0)
    }

    /// Whether there is address space for a map of this size.
    func canMap(bytes: Int) -> Bool {
        guard let start = mmap(nil, bytes, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            return false
        }
        munmap(start, bytes)
        return true
    }

    /// The owner stays the same when someone else, such as root, rewrites the file.
    func giveOwner(to other: Int32) throws(StorageError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, fchown(other, status.st_uid, status.st_gid) == 0 else {
            throw StorageError(code: errno, during: "keeping the owner of \(path)")
        }
    }

    func unlock() { _ = flock(descriptor, LOCK_UN) }

    /// Throws unless the file starts like an LMDB store of the known format. LMDB would make a new store of an empty
    /// file, and map whatever else it is given.
    func checkHeader() throws(StorageError) {
        let header = try Self.read(44, at: 0, from: descriptor, during: "reading \(path)")
        guard !header.isEmpty else { throw .notAStore("\(path) is empty") }
        guard header.count == 44, header.word(at: 16) == 0xBEEF_C0DE else {
            throw .notAStore("\(path) is some other kind of file")
        }
        let version = header.word(at: 20)
        guard version == 1 else { throw .unknownFormat("\(path) has LMDB format \(version), this is 1") }
        // LMDB divides by the page size without a look at it.
        let pageBytes = header.word(at: 40)
        guard pageBytes.nonzeroBitCount == 1, (256...32768).contains(pageBytes) else {
            throw .corrupted("\(path) claims pages of \(pageBytes) bytes")
        }
        try Self.refuseImpossible(try firstPages(pageBytes: Int(pageBytes)), pageBytes: Int(pageBytes), path)
    }

    /// Refuses LMDB's two first pages where they say what can't be.
    /// - Parameter path: of the file that has them.
    static func refuseImpossible(_ firstPages: [UInt8], pageBytes: Int, _ path: String) throws(StorageError) {
        for meta in MetaPage.all(in: firstPages, pageBytes: pageBytes) {
            guard meta.pageBytes == pageBytes else {
                throw .corrupted("\(path) claims pages of \(meta.pageBytes) bytes, and of \(pageBytes)")
            }
            guard (0..<bytesMax / pageBytes).contains(meta.lastPage) else {
                throw .corrupted("\(path) claims to have page \(UInt(bitPattern: meta.lastPage))")
            }
            guard (0..<commitsMax).contains(meta.commit) else {
                throw .corrupted("\(path) claims to have commit \(UInt(bitPattern: meta.commit))")
            }
        }
    }

    /// LMDB's two first pages, or what there is of them.
    func firstPages(pageBytes: Int) throws(StorageError) -> [UInt8] {
        try Self.firstPages(of: descriptor, pageBytes: pageBytes, path)
    }

    static func firstPages(of descriptor: Int32, pageBytes: Int, _ path: String) throws(StorageError) -> [UInt8] {
        try read(2 * pageBytes, at: 0, from: descriptor, during: "reading \(path)")
    }

    /// So many bytes of a file, fewer where it ends before.
    /// - Parameter operation: what is being done, as in "could not … ".
    static func read(
        _ count: Int, at offset: Int, from descriptor: Int32, during operation: String
    ) throws(StorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, count - done, offset + done)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw StorageError(code: errno, during: operation) }
            if got == 0 { break }
            done += got
        }
        return Array(bytes[..<done])
    }

    /// Writes all of these bytes. They are not on disk before the file is flushed.
    static func write(
        _ bytes: [UInt8], at offset: Int, to descriptor: Int32, during operation: String
    ) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, offset + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError(code: count < 0 ? errno : ENOSPC, during: operation) }
            done += count
        }
    }
}

extension [UInt8] {
    /// The little-endian word that LMDB wrote on this kind of machine.
    fileprivate func word(at offset: Int) -> UInt32 {
        self[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
