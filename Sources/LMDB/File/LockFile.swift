internal import CLMDB
internal import Glibc
internal import Storage

/// LMDB's lock file beside a store's: who reads, and the lock of those who write. LMDB makes one where there is none.
enum LockFile {
    /// About a millisecond each.
    private static let attemptsMax = 1_000
    private static let longAttemptsMax = 30_000

    /// Refuses a store whose lock file is not the one by which others have it open, or is that of another store: somebody has
    /// moved or removed one of the two. Two would write at once, or number each other's commits. Both files are looked at
    /// until they agree, for who opens or closes a store locks the one before the other.
    /// - Parameters:
    ///   - store: which this process does not have open.
    ///   - isRecovered: whether another process brings it up to date, and has it alone meanwhile.
    static func refuseOthers(
        _ store: String, _ access: EnvironmentOptions.Access, isRecovered: Bool
    ) throws(StorageError) {
        let path = StoreFiles.lock(of: store)
        if access == .readOnly, isOutOfReach(path) { return }
        var attempts = 0
        while true {
            // Whoever rewrites the store has it alone for some seconds, too, and ends between two looks.
            let isChanged = isRecovered || Glibc.access(StoreFiles.rewrite(of: store), F_OK) == 0
            // Where it can't be told, opening the files tells why.
            guard let isLockUsed = isUsed(lockFile: path), let isStoreUsed = isUsed(store: store) else { return }
            if isLockUsed == isStoreUsed { return }
            attempts += 1
            guard attempts < (isChanged ? longAttemptsMax : attemptsMax) else {
                throw isLockUsed
                    ? ofAnother(path)
                    : .misuse(
                        "\(path) is gone or another one, but others have the store open, be it the child of one that has"
                            + " ended, or who reads it on a read-only file system: end all of them, whom"
                            + " `fuser \(store)` names")
            }
            usleep(1000)
        }
    }

    /// Refuses a lock file by which others have a store open where there is none: one that would be made could be no other
    /// than theirs.
    static func refuseOfAnother(beside store: String) throws(StorageError) {
        // In this order: whoever makes the store and opens it meanwhile has made it before.
        guard isUsed(lockFile: StoreFiles.lock(of: store)) == true, access(store, F_OK) != 0 else { return }
        throw ofAnother(StoreFiles.lock(of: store))
    }

    /// Likewise one beside a store that this process has alone.
    static func refuseUsed(beside store: String) throws(StorageError) {
        if isUsed(lockFile: StoreFiles.lock(of: store)) == true { throw ofAnother(StoreFiles.lock(of: store)) }
    }

    /// Refuses a store on a read-only file system that others have open where it can be written to: they would not see who
    /// reads it here.
    static func refuseUsedElsewhere(beside store: String) throws(StorageError) {
        let path = StoreFiles.lock(of: store)
        guard access(path, W_OK) != 0, errno == EROFS, isUsed(lockFile: path) == true else { return }
        throw .misuse(
            "\(store) lies on a read-only file system, and is in use by others who have it where it can be written to: read it"
                + " there, or make a backup there and read that")
    }

    /// Whether nobody here can write to the file, or make it: readers do without.
    private static func isOutOfReach(_ path: String) -> Bool {
        if access(path, W_OK) == 0 { return false }
        return errno == EROFS || errno == ENOENT && access(NewFile.directory(of: path), W_OK) != 0
    }

    private static func ofAnother(_ path: String) -> StorageError {
        .misuse("\(path) is in use by another store, which had this name before: end who has that open")
    }

    /// Whether other processes have an environment by this lock file; nil where it can't be told.
    private static func isUsed(lockFile path: String) -> Bool? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return errno == ENOENT ? false : nil }
        defer { close(descriptor) }
        // LMDB locks the first byte.
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_len = 1
        guard fcntl(descriptor, F_GETLK, &lock) == 0 else { return nil }
        return lock.l_type != Int16(F_UNLCK)
    }

    /// Likewise of the store.
    private static func isUsed(store: String) -> Bool? {
        do throws(StorageError) {
            // Network file systems lock alone who may write.
            _ = try StoreFile.open(store, writable: access(store, W_OK) == 0, sharing: .alone)
            return false
        } catch {
            return switch error {
            case .inUse: true
            case .missing: false
            default: nil
            }
        }
    }

    /// Makes the file and gives it all of its blocks, for LMDB maps it: a disk that is full would end the process.
    /// - Parameter store: with its owner's rights.
    /// - Returns: false for a reader where there is none and none can be made, or on a read-only file system: nobody writes
    ///   there either.
    static func make(beside store: String, _ options: EnvironmentOptions) throws(StorageError) -> Bool {
        let path = StoreFiles.lock(of: store)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            let isWithout = code == EROFS || code == EACCES && access(path, F_OK) != 0
            if options.access == .readOnly, isWithout { return false }
            throw StorageError(code: code, during: path)
        }
        defer { close(descriptor) }
        var (status, owner) = (stat(), stat())
        guard fstat(descriptor, &status) == 0 else { throw StorageError(code: errno, during: path) }
        // Where root opens somebody else's store. Others own what they make anyway.
        if stat(store, &owner) == 0, status.st_size == 0 { _ = fchown(descriptor, owner.st_uid, owner.st_gid) }
        // A line of memory for each reader, and the head.
        let bytes = Int(options.readersMax) * 64 + 4096
        // LMDB gives it its length, and whatever this leaves.
        if Int(status.st_blocks) * 512 < bytes, vault_give_blocks(descriptor, Int64(bytes)) != 0,
            errno == ENOSPC || errno == EDQUOT
        {
            throw .diskFull
        }
        return true
    }
}
