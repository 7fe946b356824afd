import VaultDB

extension GlobalOptions {
    /// Raw phone spellings that an import remembers.
    private static var importSpellingCacheSlots: Int { 65_536 }

    /// Imports files, prints what was done and throws where it was interrupted.
    func importFiles(
        _ files: [ImportFile], _ options: ImportOptions, document: (ImportReport) -> JSONValue
    ) throws {
        try withOrganization(.readWrite, spellingCacheSlots: Self.importSpellingCacheSlots) { organization, _ in
            let run = try ImportRun(files, into: organization, options, isVerbose: verbose)
            let report = ImportReport(run, try organization.ledger())
            if json { try Output.document(document(report)) } else { try report.print() }
            guard run.isInterrupted else { return }
            throw Failure(
                .interrupted, "interrupted; what is printed is done", advice: "run the same command again to go on")
        }
    }
}
