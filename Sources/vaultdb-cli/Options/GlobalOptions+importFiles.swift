import VaultDB

extension GlobalOptions {
    /// Raw phone spellings that an import remembers.
    private static var importSpellingCacheSlots: Int { 65_536 }
    /// A smaller vault is not worth rewriting.
    private static var compactedRecordsMin: Int { 10_000 }

    /// Imports files, prints what was done and throws where it was interrupted or failed.
    func importFiles(
        _ files: [ImportFile], _ options: ImportOptions, document: (ImportReport) -> JSONValue
    ) throws {
        for output in [options.assignments, options.rejects] {
            try requireApart(output, from: files.map(\.readPath))
        }
        try options.requireApart()
        try RowReport.requireRoom(options)
        if [options.assignments, options.rejects].contains("-") { Output.giveWay() }
        var imported: (run: ImportRun, ledger: Ledger, isFirst: Bool)?
        try withOrganization(.readWrite, spellingCacheSlots: Self.importSpellingCacheSlots) { organization, vault in
            let isFirst = try vault.organizations().allSatisfy { try vault.organization($0).ledger().records == 0 }
            let run = try Interruption.removing(options.unfinished) {
                try ImportRun(files, into: organization, options, isVerbose: verbose)
            }
            imported = (run, try organization.ledger(), isFirst)
        }
        guard let (run, ledger, isFirst) = imported else { return }
        // While the file is rewritten a signal is a wish that nobody looks at: what was done is printed all the same.
        let compacts =
            isFirst && run.isWhole && !options.noCompact && ledger.records >= Self.compactedRecordsMin
            && !Interruption.isWished
        var (compacted, failure): ((before: Int, after: Int)?, (any Error)?) = (nil, run.failure)
        if compacts {
            do { compacted = try compactIfAlone() } catch { failure = error }
        }
        let report = ImportReport(run, ledger, compacted: compacted)
        if failure == nil || run.results.contains(where: { $0.summary.rows > 0 }) {
            if json { try Output.document(document(report)) } else { try report.print() }
        }
        try Output.flush()
        if let failure { throw failure }
        guard run.isInterrupted else { return }
        throw Failure(
            .interrupted, "interrupted; what is printed is done", advice: "run the same command again to go on")
    }

    /// Nil where others have the vault open, or the disk has no room for a second file: then it stays as it is.
    private func compactIfAlone() throws -> (before: Int, after: Int)? {
        let path = try path()
        do throws(VaultError) {
            return try VaultFiles.compact(at: path)
        } catch {
            guard error.code == .inUse || error.code == .diskFull else { throw error }
            return nil
        }
    }
}
