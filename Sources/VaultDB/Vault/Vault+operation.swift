internal import LMDB
internal import Synchronization

/// What those who operate a server ask of its vault.
extension Vault {
    package struct WriterStatistics: Sendable {
        package let commits: Int
        package let writes: Int
        /// Writes of the largest commit.
        package let groupMax: Int
        package let pending: Int
        /// How long the oldest write waits that is in no commit yet.
        package let oldestWait: Duration
    }

    package var writerStatistics: WriterStatistics {
        let statistics = core.writes.statistics
        return WriterStatistics(
            commits: statistics.commits, writes: statistics.jobs, groupMax: statistics.groupMax,
            pending: statistics.pending, oldestWait: core.writes.oldestWait)
    }

    /// How long the oldest write waits because another process writes; zero where none does.
    package var oldestWaitForOthers: Duration { core.writes.oldestWaitForOthers }

    /// Refuses writes that are in no commit yet, and all later ones, with `busy`. What was begun is done and answered.
    package func refuseWaitingWrites() { core.writes.refuseWaiting() }

    /// Identities that this process has created since it opened the vault, whatever the call: a resolve, a record, a
    /// form. Of imports only those that do not block count.
    package var createdCount: Int { core.created.load(ordering: .relaxed) }

    /// Tells of commits; those of other processes only where somebody notes them.
    package var commits: CommitSignal { core.writes.committed }

    /// Tells that the answers of writes that were handed in to be delivered are all delivered for now: those of a commit are
    /// delivered one after the other, and who passes them on can do so once.
    package var deliveries: CommitSignal { core.writes.delivered }

    /// The number of the last commit, whichever process made it.
    package func lastCommit() throws(VaultError) -> Int { try readBatch().commit }

    /// Bytes of the write-ahead log that are not written back to the vault's file yet.
    package var logBytes: Int { core.engine.logBytes }

    /// What is in memory of people who were looked up; see `VaultOptions.cacheBytes`.
    package struct CacheCounts: Sendable {
        package let bytes: Int
        package let bytesMax: Int
        /// Entries that were read from the file.
        package let missed: Int
        /// How often all of it was forgotten: when it grew, and when another process had written.
        package let emptied: Int
    }

    package var cacheCounts: CacheCounts {
        let cache = core.engine.cacheStatistics
        return CacheCounts(
            bytes: cache.bytes, bytesMax: cache.bytesMax, missed: cache.missed, emptied: cache.emptied)
    }

    /// How often a phone spelling was remembered, and how often libphonenumber was asked.
    package var spellingCacheCounts: (hits: Int, misses: Int) { core.normalizer.spellingCacheCounts }
}
