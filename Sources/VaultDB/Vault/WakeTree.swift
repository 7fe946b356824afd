internal import Storage

/// The end of a group whose callers sleep. Waking them would take the writer a sixth of its time, so it wakes a few, each of
/// whom wakes a few more before he goes on.
final class WakeTree<Engine: StorageEngine>: Sendable {
    private static var width: Int { 4 }
    private let asleep: [WriteJob<Engine>]

    /// - Parameter group: all of it finished. Who may be doing something else is woken at once.
    init(_ group: [WriteJob<Engine>]) {
        for job in group where !job.isAwaited { job.wake() }
        asleep = group.filter(\.isAwaited)
    }

    func begin() { goOn(after: -1) }

    /// The tree of those who wake others: its root is the writer, before the first.
    func goOn(after number: Int) {
        let first = Self.width * (number + 1)
        for next in first..<first + Self.width where next < asleep.count { asleep[next].wake(self, next) }
    }
}
