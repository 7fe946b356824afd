import Glibc

/// What keeps a file from getting its name.
extension Failure {
    static func existing(_ path: String) -> Failure {
        Failure(.failed, "\(path) exists already", advice: "choose another name, or replace it with --force")
    }

    /// - Parameter code: the reason, as `errno` has it.
    static func unwritable(_ path: String, _ code: Int32 = errno) -> Failure {
        Failure(
            .failed, "\(path) can't be written: \(String(cString: strerror(code)))",
            advice: "check its directory and its disk")
    }
}
