internal import NIOCore
internal import Synchronization

/// What the writer has for the connections of one event loop. It puts in one answer after the other, and the loop is woken
/// once all of a commit are there: woken for the first it would take the writer's processor for each of them.
final class LoopInbox: Sendable {
    typealias Delivery = @Sendable () -> Void

    private let loop: any EventLoop
    private let waiting = Mutex<[Delivery]>([])

    init(of loop: any EventLoop) { self.loop = loop }

    /// To be called on any thread; `passOn` follows.
    func put(_ delivery: @escaping Delivery) { waiting.withLock { $0.append(delivery) } }

    /// Has the loop take what is there.
    func passOn() {
        if waiting.withLock(\.isEmpty) { return }
        loop.execute { [self] in
            var taken: [Delivery] = []
            waiting.withLock { swap(&$0, &taken) }
            for delivery in taken { delivery() }
        }
    }
}
