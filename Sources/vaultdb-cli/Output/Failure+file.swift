import Glibc
import VaultDB

/// What keeps a file from getting its name.
extension Failure {
    static func existing(_ path: String) -> Failure {
        Failure(.failed, "\(path) exists already", advice: "choose another name, or replace it with --force")
    }

    /// What became of making a copy of a vault. What is not there then is its directory.
    static func unmade(_ path: String, _ error: VaultError) -> any Error {
        guard error.code == .notFound || access(path.directoryPath, F_OK) != 0 else { return error }
        return Failure(.failed, "\(path) can't be made", advice: "check that its directory is there")
    }

    /// - Parameter code: the reason, as `errno` has it.
    static func unwritable(_ path: String, _ code: Int32 = errno) -> Failure {
        Failure(
            .failed, "\(path == "-" ? "stdout" : path) can't be written: \(String(cString: strerror(code)))",
            advice: path == "-" ? "check where it goes" : "check its directory and its disk")
    }
}
