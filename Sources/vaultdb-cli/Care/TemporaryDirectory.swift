import Foundation
import Glibc
import VaultDB

/// A directory of its own for a vault that lasts as long as a command.
enum TemporaryDirectory {
    /// Makes the directory and removes it when `body`, which closes the vault, is done, or a signal ends the process.
    /// - Parameters:
    ///   - name: what it is for, as files are named after it.
    ///   - parent: where it is to lie; nil for the system's place for such.
    ///   - advice: what to do where it can't be made.
    ///   - body: takes the path that the vault is to have.
    static func with(
        _ name: String, in parent: String? = nil, advice: String, _ body: (_ vault: String) throws -> Void
    ) throws {
        let base = parent ?? Environment["TMPDIR"] ?? "/tmp"
        let directory = "\(base)/vaultdb-\(name)-\(UUID().text)"
        let vault = "\(directory)/\(name).vault"
        try Interruption.removing(Vault.files(of: vault) + [directory]) {
            guard mkdir(directory, 0o700) == 0 else {
                throw Failure(
                    .failed, "\(base) can't be written to: \(String(cString: strerror(errno)))", advice: advice)
            }
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try body(vault)
        }
    }
}
