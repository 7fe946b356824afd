internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOTLS
internal import Synchronization
internal import VaultDB

/// One connection on its event loop: bytes in, commands answered in a turn of the loop (`LoopTurn`), one buffer out.
///
/// Commands are answered in their order. One that writes is handed to the vault's writer and leaves a place among the
/// replies; others that write follow it at once, and any other command waits until all of them are done, so that it
/// sees what came before it. While something is waited for, nothing more is read from the client but what was on its way.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Why no further command is begun.
    enum Pause: Equatable {
        case none
        /// Until this connection's writes are done.
        case writes
        /// Until something beside the event loop is done, or an event comes.
        case work
        /// Until other connections have had their turn.
        case others
    }

    /// More of what has come than this does not wait for the turn.
    private static let gatheredBytesMax = 64 << 10
    /// So long commands are begun before other connections are read from: a phone may take some milliseconds to be read,
    /// and thousands may have come.
    private static let beginningNanosecondsMax: UInt64 = 5_000_000
    /// What the event loop executes at once comes before it reads, and what it executes later does not.
    private static let othersTime = TimeAmount.microseconds(100)

    let server: ServerState
    let turn: LoopTurn
    var metrics: LoopMetrics { turn.metrics }
    var session: Session
    let client: ClientRecord
    let requestLimits: RequestLimits
    var parser = RequestParser()
    /// How many of the commands that come next were told to the batch.
    var expectedCount = 0
    private(set) var input = ByteBuffer()
    private var output = ByteBuffer()
    var order = ReplyOrder()
    var organizations = OrganizationMemory()
    var pause = Pause.none
    var waitingForChanges: WaitingForChanges?
    private(set) var context: ChannelHandlerContext?
    private var isReadHeld = false
    var isInputClosed = false
    /// The server is being stopped.
    var isDraining = false
    /// Of `turn`.
    var isInTurn = false
    var isClosing = false
    /// What still comes, once all is answered.
    var lingering: Lingering?
    /// Of replies, before TLS.
    private(set) var sentByteCount = 0
    /// Of the replies that were made beside the event loop and wait for `send`.
    private var heldParts: [HeldReplies.Part] = []
    /// The next look at a client that has much to take.
    var outputWatch: Scheduled<Void>?

    init(_ server: ServerState, turn: LoopTurn, client: ClientRecord) {
        self.server = server
        self.turn = turn
        self.client = client
        requestLimits = server.limits.request
        let generation = server.access.generation
        session = Session(id: client.id, grant: server.access.grantWithoutToken, accessGeneration: generation)
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // Until a client has agreed on TLS it has shown nothing, be it a certificate or that it speaks TLS at all.
        if server.configuration.security == nil { publishDetails() }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        client.isGone.store(true, ordering: .relaxed)
        stopWaitingForChanges()
        outputWatch?.cancel()
        lingering?.look?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        LoopMetrics.add(bytes.readableBytes, to: metrics.bytesRead)
        if isClosing { return passOver(bytes.readableBytes) }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.discardReadBytes()
            input.writeBuffer(&bytes)
        }
        // At the end of a stream the system hands over all it has, wanted or not.
        let bytesMax = 2 * server.limits.requestBytesMax + 1 << 20
        while input.readableBytes > bytesMax, pause == .others {
            pause = .none
            turn.serve(self)
        }
        if input.readableBytes > bytesMax { closeAtOnce() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // At the end of a stream the system hands over all it has before the turn comes.
        if input.readableBytes > Self.gatheredBytesMax { turn.serve(self) } else { turn.join(self) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { turn.join(self) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // What was sent before the end is answered first.
            isInputClosed = true
            endWaitWithoutEnd()
            turn.join(self)
        }
        if case .handshakeCompleted = event as? TLSUserEvent { publishDetails() }
        if event is ClientRecord.End { closeAtOnce() }
        if let check = event as? ClientRecord.IdleCheck { endIfIdle(context, since: check.lastActivity) }
        if event is ClientRecord.TokenCheck { endIfUnauthenticated(context) }
        if event is ClientRecord.OutputCheck { watchAnyOutput(context) }
        if event is ClientRecord.AccessChange {
            renewGrant()
            lookForChanges()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("Connection failed", metadata: ["client": "\(client.address)", "error": "\(error)"])
        closeAtOnce()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadHeld = true }
    }

    private var mayRead: Bool {
        if lingering != nil { return true }
        return pause == .none && !session.isEnding && !isInputClosed && !isClosing
            && (context?.channel.isWritable ?? false)
    }

    func resumeReading() {
        guard isReadHeld, mayRead, let context else { return }
        isReadHeld = false
        context.read()
    }

    // MARK: A turn of the loop

    /// Takes the replies that are complete, and begins all commands that are there and may begin. `send` has to follow.
    func answer(_ batch: inout ReadBatch?) {
        guard let context, !isClosing, !client.isGone.load(ordering: .relaxed) else { return }
        while let reply = order.popReady() { output.append(reply) }
        if order.isEmpty, pause == .writes { pause = .none }
        if pause == .none, !session.isEnding, input.readableBytes > 0, context.channel.isWritable {
            begin(&batch, context)
        }
    }

    /// How many bytes wait for `send`.
    var answeredByteCount: Int { output.readableBytes }

    /// Sends what was answered, and sees to what follows.
    func send() {
        guard let context, !isClosing else { return }
        writing { send(&$0, context) }
        if !context.channel.isWritable { watchOutput(context) }
        endIfDue()
        resumeReading()
    }

    /// Has `body` write behind what waits for `send`. Only the writer holds these bytes then, so that it copies none.
    @inline(__always)
    private func writing(_ body: (inout ReplyWriter) -> Void) {
        var writer = ReplyWriter(ByteBuffer(), session.version)
        writer.exchange(&output)
        body(&writer)
        writer.exchange(&output)
    }

    // MARK: Commands

    /// Begins all commands that are there and may begin.
    private func begin(_ batch: inout ReadBatch?, _ context: ChannelHandlerContext) {
        // Taken out of `self`, so that the loop works on what is its own.
        var (input, parser) = (ByteBuffer(), RequestParser())
        swap(&input, &self.input)
        swap(&parser, &self.parser)
        writing { begin(&input, &parser, &$0, &batch, context) }
        // Not kept where there is little of it: the buffer is as large as a whole read.
        if input.readableBytes == 0 {
            input = ByteBuffer()
        } else if input.readableBytes < 2_048 {
            input = ByteBuffer(buffer: input)
        }
        swap(&input, &self.input)
        swap(&parser, &self.parser)
    }

    private func begin(
        _ input: inout ByteBuffer, _ parser: inout RequestParser, _ writer: inout ReplyWriter,
        _ batch: inout ReadBatch?, _ context: ChannelHandlerContext
    ) {
        let began = NIODeadline.now().uptimeNanoseconds
        var started = began
        client.lastActivity.store(began, ordering: .relaxed)
        LoopMetrics.add(1, to: metrics.batches)
        renewGrant()
        var count = 0
        var expectedCount = expectedCount
        self.expectedCount = 0
        while pause == .none, !session.isEnding {
            // Before the next is begun, which may run beside the loop: it is for later where the client takes too little.
            if writer.byteCount >= server.limits.outputHighWaterBytes {
                send(&writer, context)
                if !context.channel.isWritable { break }
            }
            let isAuthenticated = session.isAuthenticated
            let step = parser.next(
                in: input.readableBytesUInt8Span, limits: isAuthenticated ? requestLimits : .unauthenticated,
                isAuthenticated: isAuthenticated)
            if step == .incomplete { break }
            if case .fault(let fault) = step {
                fail(fault, &writer)
                input.clear()
                break
            }
            if expectedCount == 0, order.isEmpty, input.readableBytes > parser.byteCount {
                expectedCount = lookAheadOfCommands(&parser, input.readableBytesUInt8Span, &batch)
            }
            if expectedCount > 0 { expectedCount -= 1 }
            let isBegun: Bool
            if let line = parser.inlineBytes {
                isBegun = perform(parser.request(in: line.span), &batch, &writer, &started)
            } else {
                isBegun = perform(parser.request(in: input.readableBytesUInt8Span), &batch, &writer, &started)
            }
            guard isBegun else { break }
            count += 1
            input.moveReaderIndex(forwardBy: parser.byteCount)
            parser.finish()
            if started &- began > Self.beginningNanosecondsMax, pause == .none { letOthersCome(context) }
        }
        LoopMetrics.add(count, to: client.commandCount)
    }

    /// Goes on with what is there after a moment.
    private func letOthersCome(_ context: ChannelHandlerContext) {
        pause = .others
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.othersTime) {
            let handler = bound.value
            if handler.pause == .others { handler.pause = .none }
            handler.turn.join(handler)
        }
    }

    private func fail(_ fault: ProtocolFault, _ writer: inout ReplyWriter) {
        server.metrics.protocolFaultCount.add(1, ordering: .relaxed)
        server.protocolErrors.note(["client": "\(client.address)", "fault": "\(fault.sentence)"])
        session.isEnding = true
        // Not a word to a browser.
        if fault == .http { return }
        reply(&writer) { $0.error(ReplyError(.general, "Protocol error: \(fault.sentence)")) }
    }

    /// Asks what has become of the grant if tokens were made or revoked.
    func renewGrant() {
        let generation = server.access.generation
        guard generation != session.accessGeneration else { return }
        session.accessGeneration = generation
        setGrant(server.access.renewed(session.grant))
    }

    private func setGrant(_ grant: Grant?) {
        guard grant != session.grant else { return }
        session.grant = grant
        organizations.forget()
        publishDetails()
    }

    /// For `CLIENT LIST`.
    func publishDetails() {
        client.details.withLock { details in
            details.name = session.name
            details.libraryName = session.libraryName
            details.libraryVersion = session.libraryVersion
            details.version = session.version
            details.organization = session.grant?.organization
            if details.isAuthenticated, !session.isAuthenticated { details.unauthenticatedSince = .now() }
            details.isAuthenticated = session.isAuthenticated
        }
    }

    // MARK: Replies

    /// Writes a reply, behind those that are still to come.
    @inline(__always)
    func reply(_ writer: inout ReplyWriter, _ write: (inout ReplyWriter) -> Void) {
        if order.isEmpty { return write(&writer) }
        order.append(encoded(write))
        // What is refused costs a client less than the reply costs the server.
        if isOrderFull { pause = .writes }
    }

    /// Whether nothing more may come behind this connection's writes until they are done.
    var isOrderFull: Bool { order.count >= server.limits.connectionWritesPendingMax }

    /// A reply in a buffer of its own.
    func encoded(_ write: (inout ReplyWriter) -> Void) -> ByteBuffer { Self.encoded(session.version, write) }

    /// The same on any thread.
    static func encoded(_ version: ProtocolVersion, _ write: (inout ReplyWriter) -> Void) -> ByteBuffer {
        // Room for a resolve's reply at once.
        var writer = ReplyWriter(ByteBufferAllocator().buffer(capacity: 512), version)
        write(&writer)
        return writer.buffer
    }

    private func send(_ writer: inout ReplyWriter, _ context: ChannelHandlerContext) {
        guard !writer.isEmpty else { return }
        LoopMetrics.add(writer.byteCount, to: metrics.bytesWritten)
        sentByteCount &+= writer.byteCount
        context.writeAndFlush(wrapOutboundOut(writer.buffer), promise: promiseOfHeldParts(context))
        // By now the bytes are gone as a rule, and their memory is free again.
        writer.clear()
        if !context.channel.isWritable { watchOutput(context) }
    }

    /// What ends the parts of the replies that are sent once the system has taken these, or nobody will; nil where there
    /// are none.
    private func promiseOfHeldParts(_ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        guard !heldParts.isEmpty else { return nil }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { [heldParts] _ in for part in heldParts { part.end() } }
        heldParts = []
        return promise
    }

    /// Puts a reply into its place; all that is complete up to there is sent.
    func fulfil(_ ticket: ReplyOrder.Ticket, _ reply: ByteBuffer) {
        noteActivity()
        order.fulfil(ticket, reply)
        turn.join(self)
    }

    /// Takes the reply of what was waited for, and goes on with what follows it.
    func resume(with reply: ByteBuffer, _ part: HeldReplies.Part? = nil) {
        noteActivity()
        pause = .none
        output.append(reply)
        if let part { heldParts.append(part) }
        turn.join(self)
    }

    /// From an answer on a client is given its time anew.
    func noteActivity() {
        client.lastActivity.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }
}

extension ByteBuffer {
    /// Adds a reply, without copying it where it is large and the first.
    fileprivate mutating func append(_ reply: ByteBuffer) {
        if readableBytes == 0, reply.readableBytes > 4_096 { self = reply } else { writeImmutableBuffer(reply) }
    }
}
