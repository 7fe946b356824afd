internal import NIOPosix
internal import Synchronization

/// Threads that may block, beside the event loops, and how much may run or wait on them.
final class WorkQueue: Sendable {
    let threads: NIOThreadPool
    /// What runs or waits. Whoever hands something in takes room for it first, and gives it back when it is done.
    let pending = Atomic<Int>(0)
    let pendingMax: Int

    init(threadCount: Int, pendingMax: Int) {
        threads = NIOThreadPool(numberOfThreads: threadCount)
        self.pendingMax = pendingMax
    }
}
