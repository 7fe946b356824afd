import Glibc
import VaultDB

extension GlobalOptions {
    /// Refuses to write where a vault lies, or what this run reads, or a directory. To be called before the vault is open: a
    /// descriptor that is named but closed could be the vault's then.
    func requireApart(_ output: String?, from inputs: [String] = []) throws(Failure) {
        guard let output else { return }
        guard !output.isEmpty else {
            throw Failure(.wrongUsage, "the file to be written has no name", advice: "name it, or leave its option out")
        }
        if let stream = NewFile.namedStream(output), fcntl(stream, F_GETFD) < 0 { throw Failure.unwritable(output) }
        // It may be redirected to any file.
        let file = output == "-" ? "/dev/stdout" : output
        if file.isDirectory { throw Failure.unwritable(output, EISDIR) }
        guard !file.isOtherThanFile else { return }
        let vault = db ?? Environment["VAULTDB_PATH"]
        if let vault, Vault.files(of: vault.resolvedPath).contains(where: file.leadsToSameFile(as:)) {
            throw Failure(.wrongUsage, "\(output) belongs to the vault", advice: "write to another file")
        }
        if inputs.contains(where: file.leadsToSameFile(as:)) {
            throw Failure(.wrongUsage, "\(output) is read here", advice: "write to another file")
        }
        if VaultFiles.isOfSomeVault(file.resolvedPath) {
            let isThere = access(file.resolvedPath, F_OK) == 0
            throw Failure(
                .failed, "\(output) \(isThere ? "exists already, and " : "")belongs to a vault",
                advice: "write to another file")
        }
    }
}
