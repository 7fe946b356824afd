import LMDB
import VaultDB

/// The files that lie beside a vault's own.
enum VaultFiles {
    /// LMDB's.
    static func lock(of path: String) -> String { StoreFiles.lock(of: path) }

    /// What a vault that was not closed leaves. The first last: it says that there is a log.
    static func logs(of path: String) -> [String] { StoreFiles.logs(of: path).reversed() }

    /// What this process's copy is called until it is whole.
    static func partial(of copy: String) -> String { StoreFiles.partial(of: copy) }

    /// Rewrites a vault's file as `Vault.compact` does, and leaves nothing unfinished where a signal ends it.
    static func compact(at path: String) throws(VaultError) -> (before: Int, after: Int) {
        try Interruption.removing([StoreFiles.rewrite(of: path.resolvedPath)]) { () throws(VaultError) in
            try Vault.compact(at: path)
        }
    }
}
