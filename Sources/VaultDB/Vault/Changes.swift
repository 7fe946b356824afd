internal import Foundation
internal import Storage

/// The changes of an organization as they are committed: every event of the trail once, in order, from a sequence
/// number on, and then those to come. A reader that stops goes on later from the last sequence number it has seen,
/// over restarts, and misses and repeats nothing.
///
/// Changes of this process are seen at once, those of other processes within a quarter of a second.
public struct Changes: AsyncSequence, Sendable {
    public typealias Element = Event
    public typealias Failure = VaultError

    let organization: Organization
    let sequence: UInt64

    public func makeAsyncIterator() -> Iterator { Iterator(organization: organization, next: sequence) }

    public struct Iterator: AsyncIteratorProtocol {
        private static var pageEvents: Int { 256 }

        let organization: Organization
        var next: UInt64
        private var page: ArraySlice<Event> = []

        init(organization: Organization, next: UInt64) {
            self.organization = organization
            self.next = next
        }

        public mutating func next() async throws -> Event? { try await next(isolation: nil) }

        /// Waits for the next change; nil when the task is cancelled.
        public mutating func next(isolation: isolated (any Actor)?) async throws(VaultError) -> Event? {
            while page.isEmpty {
                if Task.isCancelled { return nil }
                page = try await organization.changes(from: next, limit: Self.pageEvents, waitMilliseconds: 60_000)[...]
            }
            let event = page.removeFirst()
            next = event.sequence + 1
            return event
        }
    }
}

extension Organization {
    /// Every change from a sequence number on, and those to come.
    public func changes(from sequence: UInt64 = 1) -> Changes { Changes(organization: self, sequence: sequence) }

    /// The changes from a sequence number on, oldest first. Where there are none yet, waits for the next.
    /// - Parameters:
    ///   - limit: 1 to `Limits.scanEntriesMax`.
    ///   - milliseconds: how long to wait at most; the answer is empty then.
    public func changes(
        from sequence: UInt64, limit: Int = 100, waitMilliseconds milliseconds: Int
    ) async throws(VaultError) -> [Event] {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            let commits = core.writes.committed.commits
            let events = try events(from: sequence, limit: limit)
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            if !events.isEmpty || left <= 0 || Task.isCancelled { return events }
            // Another process may commit without this one's signal.
            await core.writes.committed.wait(beyond: commits, atMost: Int(Swift.min(left.rounded(.up), 250)))
        }
    }
}
