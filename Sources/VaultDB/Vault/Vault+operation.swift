/// What those who operate a server ask of its vault.
extension Vault {
    package struct WriterStatistics: Sendable {
        package let commits: Int
        package let writes: Int
        /// Writes of the largest commit.
        package let groupMax: Int
        package let pending: Int
    }

    package var writerStatistics: WriterStatistics {
        let statistics = core.writes.statistics
        return WriterStatistics(
            commits: statistics.commits, writes: statistics.jobs, groupMax: statistics.groupMax,
            pending: statistics.pending)
    }

    /// Tells of commits; those of other processes only where somebody notes them.
    package var commits: CommitSignal { core.writes.committed }

    /// The number of the last commit, whichever process made it.
    package func lastCommit() throws(VaultError) -> Int { try readBatch().commit }

    /// How often a phone spelling was remembered, and how often libphonenumber was asked.
    package var spellingCacheCounts: (hits: Int, misses: Int) { core.normalizer.spellingCacheCounts }
}
