extension GlobalOptions {
    /// Refuses to write where the vault lies, or what this run reads.
    func requireApart(_ output: String?, from inputs: [String] = []) throws(Failure) {
        guard let output, !NewFile.isWrittenInPlace(output) else { return }
        let vault = db ?? Environment["VAULTDB_PATH"]
        if let vault, VaultFiles.all(of: vault.resolvedPath).contains(where: output.leadsToSameFile(as:)) {
            throw Failure(.wrongUsage, "\(output) belongs to the vault", advice: "write to another file")
        }
        if inputs.contains(where: output.leadsToSameFile(as:)) {
            throw Failure(.wrongUsage, "\(output) is read here", advice: "write to another file")
        }
    }
}
