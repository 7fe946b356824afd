internal import Glibc
internal import Storage
internal import Synchronization

/// What a process may do only once: open a file. POSIX drops all of a process's locks on a file when any descriptor
/// of it is closed, so a second environment on the same file would silently unlock the first.
enum ProcessGuard {
    /// What is open, and after how many forks it was opened: what a parent has open, a child may open for itself.
    private struct Claims {
        /// By their paths without symbolic links, which their lock files are named after.
        var paths: [String: Int] = [:]
        var files: [StoreFile.Identity: Int] = [:]
    }

    private static let claims = Mutex(Claims())

    static func claim(path: String) throws(StorageError) {
        if claims.withLock({ $0.paths.updateValue(Forks.count, forKey: path) }) == Forks.count { throw isOpen(path) }
    }

    /// Throws where the file that has this name is open by another one.
    static func refuseOpen(_ path: String) throws(StorageError) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        let identity = StoreFile.Identity(status)
        if claims.withLock({ $0.files[identity] }) == Forks.count { throw isOpen(path) }
    }

    static func claim(_ file: borrowing StoreFile) throws(StorageError) {
        let identity = file.identity
        let former = claims.withLock { $0.files.updateValue(Forks.count, forKey: identity) }
        if former == Forks.count { throw isOpen(file.path) }
    }

    static func release(path: String) {
        claims.withLock { $0.paths[path] = nil }
    }

    static func release(_ identity: StoreFile.Identity) {
        claims.withLock { $0.files[identity] = nil }
    }

    private static func isOpen(_ path: String) -> StorageError {
        .misuse("\(path) is open already in this process; use that one")
    }
}
