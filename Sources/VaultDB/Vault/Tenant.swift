internal import Foundation
internal import Glibc
internal import Synchronization

extension Core {
    /// What is remembered of an organization between calls. Its number never changes once it is given; its region may,
    /// by another process too, which the next write notices, and reads within `patience`.
    final class Tenant: Sendable {
        let id: UUID
        /// Its number, and below it in 16 bits its own region or 0. All zero until the vault knows it.
        private let known = Atomic<UInt64>(0)
        /// Up to which of the commits of others that holds; see `WriteQueue.foreignCommits`.
        private let checked = Atomic<Int>(0)
        /// When a read looked at the file last, in milliseconds of the system's running.
        private let lookedAt = Atomic<Int>(0)
        private static var patience: Int { 100 }
        /// Changes of its region under way here. Until one is committed or given up, what its transaction says is not to
        /// be remembered.
        let changes = Atomic<Int>(0)

        init(id: UUID) { self.id = id }

        var number: OrganizationNumber? {
            let known = known.load(ordering: .relaxed)
            return known == 0 ? nil : OrganizationNumber(UInt32(known >> 16))
        }

        var region: Region? {
            Region(known: UInt16(truncatingIfNeeded: known.load(ordering: .relaxed)))
        }

        /// Whether a read is to look at the file again. Then it is told so once.
        func isDue() -> Bool {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
            let now = time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
            guard number == nil || now - lookedAt.load(ordering: .relaxed) >= Self.patience else { return false }
            lookedAt.store(now, ordering: .relaxed)
            return true
        }

        /// What a look at the file has found, unless something newer is known by now.
        func learn(by look: () throws(VaultError) -> OrganizationRecord?) throws(VaultError) {
            let before = known.load(ordering: .relaxed)
            guard let record = try look(), changes.load(ordering: .relaxed) == 0 else { return }
            _ = known.compareExchange(expected: before, desired: record.packed, ordering: .relaxed)
        }

        /// What was read, unless something newer is known.
        func learn(_ record: OrganizationRecord) {
            _ = known.compareExchange(expected: 0, desired: record.packed, ordering: .relaxed)
        }

        /// What was just written.
        func remember(_ record: OrganizationRecord) {
            known.store(record.packed, ordering: .relaxed)
        }

        /// Whether what is known is what a write would find.
        func isChecked(_ foreignCommits: Int) -> Bool {
            checked.load(ordering: .relaxed) == foreignCommits && changes.load(ordering: .relaxed) == 0
        }

        /// What a write has found; of one that is made or changed by a transaction nobody knows whether that is committed.
        func notice(_ record: OrganizationRecord, _ foreignCommits: Int) {
            guard number != nil, changes.load(ordering: .relaxed) == 0 else { return }
            remember(record)
            checked.store(foreignCommits, ordering: .relaxed)
        }
    }
}

extension OrganizationRecord {
    fileprivate var packed: UInt64 { UInt64(number.rawValue) << 16 | UInt64(region?.packed ?? 0) }
}
