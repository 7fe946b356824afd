import Glibc
import VaultDB

/// The files that lie beside a vault's own.
enum VaultFiles {
    /// LMDB's.
    static func lock(of path: String) -> String { path + "-lock" }

    /// What a vault that was not closed leaves. The first last: it says that there is a log.
    static func logs(of path: String) -> [String] { [path + "-wal1", path + "-wal0"] }

    /// What this process's copy is called until it is whole.
    static func partial(of copy: String) -> String { "\(copy).\(getpid()).partial" }

    /// What the rewritten file is called until it is whole.
    private static func rewrite(of path: String) -> String { path + ".compact" }

    /// The vault's own file and all that may lie beside it.
    static func all(of path: String) -> [String] { [path, lock(of: path), rewrite(of: path)] + logs(of: path) }

    /// Rewrites a vault's file as `Vault.compact` does, and leaves nothing unfinished where a signal ends it.
    static func compact(at path: String) throws(VaultError) -> (before: Int, after: Int) {
        try Interruption.removing([rewrite(of: path.resolvedPath)]) { () throws(VaultError) in
            try Vault.compact(at: path)
        }
    }
}
