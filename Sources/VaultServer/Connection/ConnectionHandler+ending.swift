internal import Glibc
internal import Logging
internal import NIOCore
internal import Synchronization

/// How a connection ends: when its answers are with the client, or when that takes too long.
extension ConnectionHandler {
    /// What comes behind all that is answered, and is passed over.
    ///
    /// A socket that is closed while something is unread, or comes, resets its connection, and the system throws away
    /// what it has not sent yet. So only its output is closed first, and all of it once the client has ended too, or
    /// has everything and sends nothing.
    struct Lingering {
        static let interval = TimeAmount.milliseconds(50)
        static let timeMax = TimeAmount.seconds(1)
        static let bytesMax = 64 << 20

        /// Nil before the output is closed, and where the end of the server's draining is the end of this.
        var end: NIODeadline?
        /// What came, and how much of it the last look knew of.
        var byteCount = 0
        var knownByteCount = 0
        var look: Scheduled<Void>?
    }

    // MARK: Clients that take nothing

    /// Ends a client that takes nothing of what waits for it. One that does gets all of it, however long a reply is: until
    /// it has taken it nothing more is read from it, so little more than that comes to wait. Where commands wait for it as well
    /// it may be one that sends all it has before it takes the first reply, and would wait for ever.
    func watchOutput(_ context: ChannelHandlerContext) {
        let isHeldUp = input.readableBytes > 0 && !context.channel.isWritable
        let bytesMax = isClosing || isHeldUp ? 0 : server.limits.outputBytesMax
        watchOutput(context, beyond: bytesMax, server.limits.outputSecondsMax)
    }

    /// Ends a client that takes nothing of what waits for it, however little that is.
    func watchAnyOutput(_ context: ChannelHandlerContext) {
        watchOutput(context, beyond: 0, server.limits.outputSecondsMax)
    }

    /// Ends a client for its silence. One that waits for an answer is silent for a reason, and one that has yet to take
    /// one is ended only if it takes nothing of it.
    /// - Parameter lastActivity: as it was when the silence was noticed.
    func endIfIdle(_ context: ChannelHandlerContext, since lastActivity: UInt64) {
        guard isIdle(since: lastActivity) else { return }
        let limits = server.limits
        watchOutput(context, beyond: 0, limits.outputSecondsMax > 0 ? limits.outputSecondsMax : limits.idleSecondsMax)
        if outputWatch == nil { closeOnceRead(context) { $0.isIdle(since: lastActivity) } }
    }

    private func isIdle(since lastActivity: UInt64) -> Bool {
        pause != .work && order.isEmpty && outputWatch == nil
            && client.lastActivity.load(ordering: .relaxed) == lastActivity
    }

    /// Ends a client that has shown no token in time.
    func endIfUnauthenticated(_ context: ChannelHandlerContext) {
        closeOnceRead(context) { handler in handler.client.details.withLock { !$0.isAuthenticated } }
    }

    /// Ends a client where that is still due once what it has sent is read: after a pause of the process, or of the machine,
    /// much of it is not.
    private func closeOnceRead(
        _ context: ChannelHandlerContext, where isDue: @escaping @Sendable (ConnectionHandler) -> Bool
    ) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.readingTimeMax) {
            let handler = bound.value
            if isDue(handler) { handler.closeAtOnce() }
        }
    }

    /// So long an event loop may take to read from each of its connections.
    private static let readingTimeMax = TimeAmount.milliseconds(500)

    /// - Parameter bytesMax: so much may wait for as long as it will.
    private func watchOutput(_ context: ChannelHandlerContext, beyond bytesMax: Int, _ secondsMax: Int) {
        guard outputWatch == nil, secondsMax > 0, context.channel.waitingByteCount > bytesMax else { return }
        let taken = takenByteCount(context)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        outputWatch = context.eventLoop.scheduleTask(in: .seconds(Int64(secondsMax))) {
            bound.value.lookAtOutput(taken)
        }
    }

    /// - Parameter takenBefore: how many bytes the client had taken at the last look.
    private func lookAtOutput(_ takenBefore: Int) {
        outputWatch = nil
        guard let context else { return }
        if context.channel.waitingByteCount == 0 || takenByteCount(context) > takenBefore {
            noteActivity()
            return watchOutput(context)
        }
        server.metrics.outputOverrunCount.add(1, ordering: .relaxed)
        server.logger.notice("Client takes no replies", metadata: ["client": "\(client.address)"])
        closeAtOnce()
    }

    private func takenByteCount(_ context: ChannelHandlerContext) -> Int {
        sentByteCount &- context.channel.untakenByteCount
    }

    // MARK: Ending

    /// Ends the connection without waiting for the client. TLS hands on what comes until the socket is closed: nothing
    /// more of it is done.
    func closeAtOnce() {
        isClosing = true
        client.isGone.store(true, ordering: .relaxed)
        context?.close(promise: nil)
    }

    /// Answers what has come and closes. Nothing more is read.
    func drain() {
        isInputClosed = true
        isDraining = true
        endWaitWithoutEnd()
        turn.join(self)
    }

    func endIfDue() {
        guard session.isEnding || isInputClosed, !isClosing, order.isEmpty, pause == .none, let context else { return }
        // Commands that wait until the client takes its replies.
        if isInputClosed, !session.isEnding, input.readableBytes > 0, !context.channel.isWritable { return }
        isClosing = true
        // Nothing is on its way, and a client that has not agreed on TLS would keep whatever follows waiting.
        guard sentByteCount > 0 else { return closeAtOnce() }
        lingering = Lingering()
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let channel = context.channel
        promise.futureResult.whenSuccess { bound.value.linger() }
        promise.futureResult.whenFailure { _ in channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        watchOutput(context)
    }

    /// Ends the output. Where the client has ended already, that is the end.
    private func linger() {
        guard let context else { return }
        if !isDraining { lingering?.end = NIODeadline.now() + Lingering.timeMax }
        context.close(mode: .output, promise: nil)
        if !client.isGone.load(ordering: .relaxed) { watchInput(context) }
    }

    /// To be called for what comes when nothing more is answered.
    func passOver(_ byteCount: Int) {
        noteActivity()
        lingering?.byteCount += byteCount
        if let lingering, lingering.byteCount > Lingering.bytesMax { closeAtOnce() }
    }

    private func watchInput(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        lingering?.look = context.eventLoop.scheduleTask(in: Lingering.interval) { bound.value.lookAtInput() }
    }

    private func lookAtInput() {
        guard let context, let lingering else { return }
        if let end = lingering.end, end <= .now() { return closeAtOnce() }
        let isSilent = lingering.byteCount == lingering.knownByteCount
        self.lingering?.knownByteCount = lingering.byteCount
        watchInput(context)
        guard isSilent, let socket = context.channel as? any SocketOptionProvider else { return }
        let channel = context.channel
        socket.getTCPInfo().whenSuccess { information in
            // The client's system has acknowledged the end, and so all before it.
            if information.tcpi_state == UInt8(TCP_FIN_WAIT2) { channel.close(promise: nil) }
        }
    }
}
