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
        temporaryPath = Self.temporaryPath(of: path, by: getpid())
    }

    /// All that may lie there until it has its name.
    var unfinished: [String] { Self.unfinished(path, by: getpid()) }

    private static func temporaryPath(of path: String, by process: Int32) -> String { "\(path).\(process).restore" }

    private static func unfinished(_ path: String, by process: Int32) -> [String] {
        let copy = temporaryPath(of: path, by: process)
        return [StoreFiles.partial(of: copy, by: process), copy, StoreFiles.lock(of: copy)]
    }

    /// Copies the backup, which has to be a vault, as one snapshot.
    func copy(_ backup: String, _ options: VaultOptions) throws {
        let hadLock = access(VaultFiles.lock(of: backup), F_OK) == 0
        let vault = try Self.open(backup, options)
        defer {
            vault.close()
            if !hadLock { Self.whileAlone(backup) { unlink(VaultFiles.lock(of: backup)) } }
        }
        // Not before the backup is open, which may be one of them.
        LMDB.NewFile.removeAbandoned(path) { Self.unfinished(path, by: $0) }
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
        var code = giveName(replaces: false)
        if code == EEXIST, replaces {
            let isAlone = Self.whileAlone(path) { code = keepOwner() ? giveName(replaces: true) : errno }
            guard isAlone else {
                throw Failure(
                    .failed, "\(path) is in use by another process, or no file",
                    advice: "stop that process and try again")
            }
        }
        guard code == 0 else { throw Self.failure(path, code) }
    }

    /// Gives it its name for good, and takes away what lies beside that of a vault that was there.
    /// - Returns: 0, or the number of the error; `EEXIST` where the name is taken.
    private func giveName(replaces: Bool) -> Int32 {
        var code = EBUSY
        // Whoever opens the vault by its name waits until this is done.
        Self.whileAlone(temporaryPath) {
            code = LMDB.NewFile.giveName(path, to: temporaryPath, replaces: replaces)
            guard code == 0 else { return }
            // Not before the name is on disk: they hold what that vault has committed last. Nor is that vault opened to have
            // it write them back: it may be so damaged that this ends the process.
            for name in [VaultFiles.lock(of: path)] + VaultFiles.logs(of: path) { unlink(name) }
            code = LMDB.NewFile.syncDirectory(of: path)
        }
        return code
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
