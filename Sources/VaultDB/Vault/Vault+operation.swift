/// What those who operate a server ask of its vault.
extension Vault {
    package struct WriterStatistics: Sendable {
        package let commits: Int
        package let writes: Int
        package let pending: Int
    }

    package var writerStatistics: WriterStatistics {
        let statistics = core.writes.statistics
        return WriterStatistics(
            commits: statistics.commits, writes: statistics.jobs, pending: statistics.pending)
    }

    /// The number of the last commit, whichever process made it.
    package func lastCommit() throws(VaultError) -> Int { try readBatch().commit }

    /// How often a phone spelling was remembered, and how often libphonenumber was asked.
    package var spellingCacheCounts: (hits: Int, misses: Int) { core.normalizer.spellingCacheCounts }
}
