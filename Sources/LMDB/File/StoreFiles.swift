internal import Glibc

/// The names of the files that may lie beside a store's own.
package enum StoreFiles {
    /// Those of the write-ahead log, behind the store's name. The first says that there is a log.
    package static let logSuffixes = ["-wal0", "-wal1"]

    /// LMDB's: who reads, and the lock of those who write.
    package static func lock(of path: String) -> String { path + "-lock" }

    /// What a store that was not closed leaves.
    package static func logs(of path: String) -> [String] { logSuffixes.map { path + $0 } }

    /// What is going to take the place of the store, which its maker has alone.
    package static func rewrite(of path: String) -> String { path + ".compact" }

    /// What this process's new file is called until it is whole.
    package static func partial(of path: String) -> String { partial(of: path, by: getpid()) }

    /// Likewise of the process with this number.
    package static func partial(of path: String, by process: Int32) -> String { "\(path).\(process).partial" }
}
