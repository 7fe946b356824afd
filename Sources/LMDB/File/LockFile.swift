internal import CLMDB
internal import Glibc
internal import Storage

/// LMDB's lock file beside a store's: who reads, and the lock of those who write. LMDB makes one where there is none.
enum LockFile {
    private static let attemptsMax = 1_000

    /// Refuses a store that others have open by a lock file that somebody has removed: by another one, two would write at
    /// once. Nobody removes it but with the store alone, so who finds neither just comes first, as others may at the same time.
    static func refuseIfGone(_ store: String, _ access: EnvironmentOptions.Access) throws(StorageError) {
        guard let resolved = realpath(store, nil) else { return }
        defer { free(resolved) }
        let path = StoreFiles.lock(of: String(cString: resolved))
        // Where none can be made readers do without.
        if access == .readOnly, Glibc.access(NewFile.directory(of: path), W_OK) != 0 { return }
        for _ in 0..<attemptsMax where Glibc.access(path, F_OK) != 0 {
            do throws(StorageError) {
                _ = try StoreFile.open(store, writable: false, sharing: .alone)
                return
            } catch {
                guard case .inUse = error else { return }
            }
            usleep(1000)
        }
        guard Glibc.access(path, F_OK) != 0 else { return }
        throw .misuse("\(path) is gone, but others have the store open by it: stop all of them, and open it again")
    }

    /// Makes the file and gives it all of its blocks, for LMDB maps it: a disk that is full would end the process.
    /// - Parameter store: with its owner's rights.
    /// - Returns: false for a reader where there is none and none can be made: nobody writes there either.
    static func make(beside store: String, _ options: EnvironmentOptions) throws(StorageError) -> Bool {
        let path = StoreFiles.lock(of: store)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            if options.access == .readOnly, code == EROFS || code == EACCES, access(path, F_OK) != 0 { return false }
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
