import Glibc
import LMDB
import VaultDB

/// A copy of a backup on its way to its place: whole and checked before it gets the name.
struct RestoredFile {
    /// Where it is to be.
    let path: String
    /// Where it is meanwhile.
    let temporaryPath: String

    init(at path: String) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).restore"
    }

    /// All that may lie there until it has its name.
    var unfinished: [String] {
        [VaultFiles.partial(of: temporaryPath), temporaryPath, VaultFiles.lock(of: temporaryPath)]
    }

    /// Copies the backup, which has to be a vault, as one snapshot.
    func copy(_ backup: String, _ options: VaultOptions) throws {
        let hadLock = access(VaultFiles.lock(of: backup), F_OK) == 0
        let vault = try Self.open(backup, options)
        defer {
            vault.close()
            if !hadLock { Self.whileAlone(backup) { unlink(VaultFiles.lock(of: backup)) } }
        }
        do throws(VaultError) {
            try vault.backup(to: temporaryPath)
        } catch {
            throw Failure.unmade(path, error)
        }
    }

    /// Compares every entry of the copy with those it must agree with.
    func check(_ options: VaultOptions) throws -> CheckReport {
        let vault = try Self.open(temporaryPath, options)
        defer {
            vault.close()
            unlink(VaultFiles.lock(of: temporaryPath))
        }
        var bar = ProgressBar("checking")
        defer { bar.erase() }
        return try vault.check { (entries) throws(VaultError) in bar.update(entries, of: "entries", share: nil) }
    }

    /// Gives it its name.
    /// - Parameter replaces: whether it may take the place of a vault, which nobody has open.
    func finish(replaces: Bool) throws(Failure) {
        // An empty file claims the name, so that from here on there is one to be locked.
        let claim = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard claim >= 0 || (errno == EEXIST && replaces) else { throw Self.failure(path, errno) }
        if claim >= 0 { close(claim) }
        var code: Int32 = 0
        let isAlone = Self.whileAlone(path) {
            if keepOwner() {
                // It counts the commits of the vault that was here.
                unlink(VaultFiles.lock(of: path))
                if rename(temporaryPath, path) == 0 {
                    // Not before: they hold what that vault has committed last.
                    for name in VaultFiles.logs(of: path) { unlink(name) }
                    return
                }
            }
            code = errno
            if claim >= 0 { unlink(path) }
        }
        guard isAlone else {
            throw Failure(
                .failed, "\(path) is in use by another process, or no file", advice: "stop that process and try again")
        }
        guard code == 0 else { throw Self.failure(path, code) }
        // The name survives a power cut once its directory is on disk.
        let failed = LMDB.NewFile.syncDirectory(of: path)
        if failed != 0 { throw Self.failure(path, failed) }
    }

    /// The owner stays the same when someone else, such as root, restores the vault.
    private func keepOwner() -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && chown(temporaryPath, status.st_uid, status.st_gid) == 0
    }

    /// Takes away what did not get its name.
    func remove() { unlink(temporaryPath) }

    // MARK: Files

    private static func open(_ path: String, _ options: VaultOptions) throws -> Vault {
        do throws(VaultError) {
            return try Vault(at: path, options: options)
        } catch {
            guard error.code == .notFound else { throw error }
            throw Failure(.failed, "there is no backup at \(path)", advice: "check the path")
        }
    }

    /// Runs `body` while no process has the vault at `path` open: each that has holds a shared lock on its file.
    /// - Returns: whether it ran.
    @discardableResult
    private static func whileAlone(_ path: String, _ body: () -> Void) -> Bool {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG,
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
        else { return false }
        body()
        return true
    }

    private static func failure(_ path: String, _ code: Int32) -> Failure {
        code == EEXIST ? .existing(path) : .unwritable(path, code)
    }
}
