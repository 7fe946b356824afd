internal import Glibc
internal import Synchronization

/// How many forks lie between the program's start and this process. Threads, locks and the places of readers don't cross
/// one, so what has any of them belongs to the count at which it was made.
package enum Forks {
    package static var count: Int {
        _ = areWatched
        return counter.load(ordering: .relaxed)
    }

    private static let counter = Atomic<Int>(0)
    private static let areWatched: Bool = {
        pthread_atfork(nil, nil) { Forks.counter.add(1, ordering: .relaxed) } == 0
    }()
}
