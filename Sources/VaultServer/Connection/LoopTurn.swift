internal import NIOCore
internal import VaultDB

/// The connections of one event loop that have something to do in the same turn of it. All that came in is answered first,
/// from one snapshot where it can be, and all replies are sent afterwards, so that a client of many connections gets them
/// together.
final class LoopTurn {
    let metrics: LoopMetrics
    let inbox: LoopInbox
    private let loop: any EventLoop
    private var handlers: [ConnectionHandler] = []
    private var isRunning = false
    /// So many are answered before replies are sent, so many bytes of replies are kept, and so long at most.
    private static let handlersMax = 64
    private static let bytesMax = 256 << 10
    private static let timeMax = TimeAmount.milliseconds(1)

    init(of loop: any EventLoop, _ metrics: LoopMetrics, _ inbox: LoopInbox) {
        self.loop = loop
        self.inbox = inbox
        self.metrics = metrics
    }

    /// Has the connection do its work once the sockets are read from that have something now. To be called on the loop.
    func join(_ handler: ConnectionHandler) {
        if handler.isInTurn { return }
        handler.isInTurn = true
        if handlers.isEmpty {
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.execute { bound.value.run() }
        }
        handlers.append(handler)
    }

    /// Has the connection do its work at once, or in the next turn where there is one now.
    func serve(_ handler: ConnectionHandler) {
        if isRunning { return join(handler) }
        isRunning = true
        _ = answer([handler][...])
        handler.send()
        isRunning = false
    }

    private func run() {
        isRunning = true
        defer { isRunning = false }
        var running: [ConnectionHandler] = []
        swap(&running, &handlers)
        for handler in running { handler.isInTurn = false }
        var first = 0
        while first < running.count {
            let next = answer(running[first...].prefix(Self.handlersMax))
            for place in first..<next { running[place].send() }
            first = next
        }
        running.removeAll(keepingCapacity: true)
        if handlers.isEmpty { swap(&running, &handlers) }
    }

    /// - Returns: the end of those that are answered.
    private func answer(_ handlers: ArraySlice<ConnectionHandler>) -> Int {
        var batch: ReadBatch?
        var (next, expected, bytes) = (handlers.startIndex, handlers.startIndex, 0)
        let end = NIODeadline.now() + Self.timeMax
        while next < handlers.endIndex, bytes < Self.bytesMax, next == handlers.startIndex || NIODeadline.now() < end {
            if next == expected { expected = expect(handlers[next...], &batch) }
            handlers[next].answer(&batch)
            bytes += handlers[next].answeredByteCount
            next += 1
        }
        return next
    }

    /// Has the lookups of as many connections done together as there is room for.
    /// - Returns: the end of those.
    private func expect(_ handlers: ArraySlice<ConnectionHandler>, _ batch: inout ReadBatch?) -> Int {
        batch?.expectNothing()
        var (next, room) = (handlers.startIndex, ReadBatch.expectedMax)
        while next < handlers.endIndex, room > 0 {
            handlers[next].expectCommands(&batch, &room)
            next += 1
        }
        if room < ReadBatch.expectedMax - 1 { batch?.lookAhead() }
        return next
    }
}
