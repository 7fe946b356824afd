internal import CLMDB
internal import Glibc
internal import Storage

/// A file that appears under its name only when it is whole and on disk, readable by its owner alone.
package enum NewFile {
    /// Makes a file at `path`. What has that name, if only since this began and be it a link that leads nowhere, stays.
    /// - Parameter fill: gets the file, and its name until it is whole.
    static func write(
        _ path: String, _ fill: (Int32, String) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard !isTaken(path) else { throw .exists(path) }
        removeAbandoned(path) { [StoreFiles.partial(of: path, by: $0)] }
        // Two that make the same file must not meet in the unfinished one, and who is interrupted knows its name.
        try make(path, through: StoreFiles.partial(of: path), replaces: false, fill)
    }

    /// Puts a new file in the place of the one at `path`, which the caller has for itself.
    /// - Parameters:
    ///   - partial: the name until the file is whole; what a crash left there goes.
    ///   - fill: gets the file and that name.
    static func replace(
        _ path: String, through partial: String, _ fill: (Int32, String) throws(StorageError) -> Void
    ) throws(StorageError) {
        unlink(partial)
        try make(path, through: partial, replaces: true, fill)
    }

    private static func make(
        _ path: String, through partial: String, replaces: Bool,
        _ fill: (Int32, String) throws(StorageError) -> Void
    ) throws(StorageError) {
        let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            // Said of the file that was to be made, not of a store that is missed.
            throw errno == ENOENT
                ? .system(code: ENOENT, during: "making \(path)") : StorageError(code: errno, during: path)
        }
        guard hold(descriptor, partial) else {
            close(descriptor)
            throw .inUse(partial)
        }
        do throws(StorageError) {
            defer { close(descriptor) }
            try fill(descriptor, partial)
            guard fsync(descriptor) == 0 else { throw StorageError(code: errno, during: "syncing \(path)") }
        } catch {
            unlink(partial)
            throw error
        }
        let code = giveName(path, to: partial, replaces: replaces)
        if code != 0 {
            unlink(partial)
            throw StorageError(code: code, during: path)
        }
    }

    /// Gives a file that is on disk its name, for good when it returns 0.
    /// - Parameter replaces: whether it may take the place of another.
    /// - Returns: otherwise the number of the error; `EEXIST` where the name is taken.
    package static func giveName(_ path: String, to partial: String, replaces: Bool) -> Int32 {
        guard replaces ? rename(partial, path) == 0 : renameToFree(partial, path) else { return errno }
        return syncDirectory(of: path)
    }

    /// As `rename`, which would take another's place, to a name that has to be free.
    /// - Returns: false, with `errno` set, where it can't have the name.
    private static func renameToFree(_ partial: String, _ path: String) -> Bool {
        if vault_rename_to_free(partial, path) == 0 { return true }
        // File systems that can't promise that know nothing better than a look beforehand.
        guard errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP else { return false }
        guard !isTaken(path) else {
            errno = EEXIST
            return false
        }
        return rename(partial, path) == 0
    }

    /// Whether something has the name, if only a link that leads nowhere.
    private static func isTaken(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    // MARK: What was cut off

    /// Takes away what processes that are gone were making at `path`: a power cut leaves it, whatever it holds.
    /// - Parameter names: what the process with this number calls it. One that is in use stays, and so do those after it.
    package static func removeAbandoned(_ path: String, _ names: (_ process: Int32) -> [String]) {
        guard let entries = opendir(directory(of: path)) else { return }
        defer { closedir(entries) }
        let start = (path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path) + "."
        while let entry = readdir(entries) {
            // Safe: the name ends with a zero, and is copied before the next call.
            let bytes = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
            let name = String(cString: bytes.assumingMemoryBound(to: CChar.self))
            guard name.hasPrefix(start), let process = Int32(name.dropFirst(start.count).prefix(while: \.isNumber)),
                isGone(process)
            else { continue }
            for unfinished in names(process) { guard removeUnused(unfinished) else { break } }
        }
    }

    /// One that had the number of this process is gone, too: what this one makes is in use.
    private static func isGone(_ process: Int32) -> Bool {
        // Linux gives no greater number: a date is no process.
        guard (1...1 << 22).contains(process) else { return false }
        return process == getpid() || kill(process, 0) != 0 && errno == ESRCH
    }

    /// Takes away what a rewriting left that was ended: a copy of all that the store had. To be called by who has the store, for
    /// whoever rewrites it has it alone.
    static func removeRewrite(of store: String) {
        let rewrite = StoreFiles.rewrite(of: store)
        // With a lock file it is a store by itself.
        guard access(StoreFiles.lock(of: rewrite), F_OK) != 0 else { return }
        _ = removeUnused(rewrite)
    }

    /// - Returns: whether it is not there any more.
    private static func removeUnused(_ name: String) -> Bool {
        let descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && unlink(name) == 0
    }

    /// Says that the file is in use for as long as the descriptor is open, where the file system can tell others.
    /// - Returns: false where another process has just found it unused.
    private static func hold(_ descriptor: Int32, _ name: String) -> Bool {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return errno != EWOULDBLOCK }
        return StoreFile.names(descriptor, name)
    }

    // MARK: Directories

    static func directory(of path: String) -> String {
        let cut = path.lastIndex(of: "/")
        return cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    /// A name is durable once its directory is.
    /// - Returns: 0, or the number of the error.
    package static func syncDirectory(of path: String) -> Int32 {
        let descriptor = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Who may write into a directory need not be allowed to read it.
        guard descriptor >= 0 else { return errno == EACCES ? 0 : errno }
        defer { close(descriptor) }
        // Some file systems know nothing of it.
        return fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno
    }

    static func makeDurable(nameOf path: String) throws(StorageError) {
        let code = syncDirectory(of: path)
        if code != 0 { throw StorageError(code: code, during: directory(of: path)) }
    }
}
