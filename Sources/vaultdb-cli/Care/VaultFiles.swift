import Glibc
import LMDB
import VaultDB

/// The files of a vault: its own, and those that lie beside it.
enum VaultFiles {
    /// LMDB's.
    static func lock(of path: String) -> String { StoreFiles.lock(of: path) }

    /// What a vault that was not closed leaves. The first last: it says that there is a log.
    static func logs(of path: String) -> [String] { StoreFiles.logs(of: path).reversed() }

    /// Whether a file is a vault, or another store of LMDB's, or has the name of what lies beside one. To be asked before a vault
    /// is open: whoever reads a file and closes it gives up this process's locks on it.
    static func isOfSomeVault(_ path: String) -> Bool {
        if isStore(path) || isLock(lock(of: path)) { return true }
        let suffixes = [lock(of: ""), StoreFiles.rewrite(of: "")] + StoreFiles.logSuffixes
        return suffixes.contains { suffix in
            path.hasSuffix(suffix) && isStore(String(path.dropLast(suffix.count)))
        }
    }

    private static let mark: [UInt8] = [0xDE, 0xC0, 0xEF, 0xBE]

    /// Whether a file has LMDB's mark, behind the head of its first page.
    private static func isStore(_ path: String) -> Bool {
        path.firstBytes(20)?.dropFirst(16).elementsEqual(mark) == true
    }

    /// The same of a lock file, which begins with it. One that can't be read may be one.
    private static func isLock(_ path: String) -> Bool {
        guard access(path, F_OK) == 0 else { return false }
        return path.firstBytes(4)?.elementsEqual(mark) ?? true
    }

    /// What this process's copy is called until it is whole.
    static func partial(of copy: String) -> String { StoreFiles.partial(of: copy) }

    /// Rewrites a vault's file as `Vault.compact` does, and leaves nothing unfinished where a signal ends it.
    static func compact(at path: String) throws(VaultError) -> (before: Int, after: Int) {
        try Interruption.removing([StoreFiles.rewrite(of: path.resolvedPath)]) { () throws(VaultError) in
            try Vault.compact(at: path)
        }
    }
}
