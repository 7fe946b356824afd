internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Keeps an HTTP connection's requests and responses in step, and ends it when its client does not keep its side.
///
/// It stands next to the bytes, before what compresses: that takes each response for the answer to a request, and bytes
/// that are no request have none.
/// - What is no request is answered 400 here, unless earlier ones still have to be answered, and goes no further.
/// - A request that does not come to its end in time, counted once those before it are answered, is answered 408,
///   unless it was answered already. An import may take as long as it keeps sending, while it is not refused.
/// - Whoever reads a body that does not come to its end gets an error, so that a part never passes for the whole.
/// - Answers to an import's rows are held while rows still come: its client may send all before it reads.
/// - An import is told when no more has come for a moment, so that no row waits for others to come.
/// - A client that for long neither sends what it is to send nor takes anything of its responses is disconnected; an
///   import is refused before, and so is a request whose head has begun.
/// - An import's last line tells its client why it ends, also when the server stops.
/// - A connection ends after the answers that are owed, and after what was written to it.
/// - A client that waits for `100 Continue` gets it, once it is its turn.
/// - Behind a request that ends the connection nothing is read.
final class ExchangeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What an import tells the connection: that it puts rows, whose answers its client may await, or takes more.
    enum ImportStep: Sendable { case putting, taking }

    private let limits: ServerLimits
    private let logger: Logger
    private let look: HeadLook
    /// Between a request's head and its end.
    private var isReading = false
    /// Nothing more is read, and the connection ends once all that is owed has gone out.
    private var isEnding = false
    /// The time to stop in is over: nothing is waited for any more.
    private var isOverdue = false
    private var mayStream = false
    /// The request that ends the connection, from its head on.
    private var last: Exchange?
    /// Requests whose response has not begun, in their order.
    private var unanswered = CircularBuffer<Exchange>()
    /// Between a response's head and its end.
    private var isResponding = false
    /// Whether that response is an import's, which was not refused at its head.
    private var isImporting = false
    /// The end of the last response, once the system has it.
    private var lastWritten: EventLoopFuture<Void>?
    /// Until when what still comes is passed over; nil before the output is closed.
    private var lingeringEnd: NIODeadline?
    /// Whether something came since the last look.
    private var hasPassedOver = false
    /// When the client sent or took something last, or was given something to take.
    private var lastActive = NIODeadline.now()
    /// When rows of an import came last.
    private var lastRows = NIODeadline.now()
    /// Whether the read under way brought a part of a request.
    private var hasBroughtPart = false
    /// Whether the last read brought none: a request's head has begun, unless it is of a body.
    private var hasBroughtNone = false
    /// Bytes that the client had yet to take then.
    private var heldBytes = 0
    /// What came behind the last request, and is to be answered once that is.
    private var refusal: Problem?
    /// Whether who is behind this takes what the client sends, and does not have it wait.
    private var isTaking = false
    private var importStep = ImportStep.taking
    private var compression = Compression()
    private var requestDeadline: Scheduled<Void>?
    private var idleDeadline: Scheduled<Void>?
    private var pauseDeadline: Scheduled<Void>?

    private var hasReadAll: Bool { isEnding || (last != nil && !isReading) }
    /// Requests that were read, or are being read, and have no whole response yet.
    private var owedCount: Int { unanswered.count + (isResponding ? 1 : 0) }
    private var isOwing: Bool { owedCount > 0 }
    /// Whether the client has something to take, or to send: a request, or more of the one whose turn it is.
    private var isClientsTurn: Bool {
        heldBytes > 0 || !isOwing || (isReading && owedCount == 1 && isTaking && importStep == .taking)
    }
    private var isReadingHead: Bool { hasBroughtNone && !isReading && !hasReadAll }
    /// Whether the response under way is that of the import whose rows still come.
    private var isStreaming: Bool { isReading && mayStream && isResponding && unanswered.isEmpty }

    init(_ limits: ServerLimits, _ logger: Logger, _ look: HeadLook) {
        self.limits = limits
        self.logger = logger
        self.look = look
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasReadAll else { return }
        lastActive = .now()
        hasBroughtPart = true
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body: context.fireChannelRead(data)
        case .end:
            endReading(context)
            context.fireChannelRead(data)
        }
    }

    private func endReading(_ context: ChannelHandlerContext) {
        isReading = false
        look.expectNext()
        requestDeadline?.cancel()
        requestDeadline = nil
        if mayStream { hold(Self.heldBytesMax, context) }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        head.makeHeadersASCII()
        isReading = true
        mayStream = head.method == .POST && HTTPRoutes.isStreaming(head.uri)
        if mayStream { hold(max(limits.outputBytesMax, Self.heldBytesMax), context) }
        let isTooLarge = HTTPRoutes.isTooLarge(head.headers.first(name: "content-length"), head.uri, limits)
        let exchange = Exchange(head, isImport: mayStream, isTooLarge: isTooLarge)
        if !exchange.persists { last = exchange }
        let isOnlyOne = !isOwing
        unanswered.append(exchange)
        if exchange.waits, isOnlyOne { goOn(context) }
        exchange.normalize(&head)
        compression.prepare(for: &head, isOnlyOne: isOnlyOne, context, after: self)
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    private func goOn(_ context: ChannelHandlerContext) {
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    /// What comes behind a request for another protocol is not read: NIO's parser would keep all of it.
    func read(context: ChannelHandlerContext) {
        isTaking = true
        if hasReadAll, last?.asksForOther == true { return }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if lingeringEnd != nil {
            hasPassedOver = true
            return read(context: context)
        }
        (hasBroughtNone, hasBroughtPart) = (!hasBroughtPart, false)
        // A request that came at once never costs a timer.
        if isReading, mayStream {
            expectPause(context)
        } else if isReading {
            expectEnd(context)
        }
        isTaking = false
        context.fireChannelReadComplete()
    }

    /// The connection was reset, has ended, or brought what is no HTTP. To a body its end comes too early, also where it
    /// was closed here.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !hasReadAll else { return }
        switch error as? HTTPParserError {
        case .headerOverflow?: refuse(context, .headersTooLarge)
        case .invalidEOFState? where isReading: refuse(context, .cutOff)
        case .some: refuse(context, .malformed)
        case nil where isReading: refuse(context, .cutOff)
        case nil: context.fireErrorCaught(error)
        }
    }

    private func expectEnd(_ context: ChannelHandlerContext) {
        // Behind others a client may wait for `100 Continue`, or for its body to be taken.
        guard requestDeadline == nil, owedCount <= 1, limits.httpRequestSecondsMax > 0 else { return }
        let seconds = TimeAmount.seconds(Int64(limits.httpRequestSecondsMax))
        requestDeadline = schedule(context, at: NIODeadline.now() + seconds) { handler, context in
            if handler.isReading { handler.refuse(context, .timedOut) }
        }
    }

    /// How long an import waits for a row to come before it puts fewer than it would put at once.
    private static let pause = TimeAmount.milliseconds(200)

    private func expectPause(_ context: ChannelHandlerContext) {
        lastRows = .now()
        if pauseDeadline == nil { awaitPause(context) }
    }

    /// An empty part tells an import that no more has come for a moment.
    private func awaitPause(_ context: ChannelHandlerContext) {
        pauseDeadline = schedule(context, at: lastRows + Self.pause) { handler, context in
            handler.pauseDeadline = nil
            guard handler.isReading, handler.mayStream else { return }
            guard handler.lastRows + Self.pause <= .now() else { return handler.awaitPause(context) }
            handler.compression.passEmptyPart(context)
        }
    }

    /// Reads nothing more, and ends the connection after what is owed. Whoever reads a body gets the problem after what
    /// came of it, and answers with it.
    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) {
        isEnding = true
        if isReading {
            endReading(context)
            context.fireErrorCaught(problem)
        } else if !isOwing {
            answer(problem, context)
        } else if isResponding, unanswered.isEmpty {
            // The head of the last response is out, and did not say that nothing follows.
            refusal = problem
        }
        if !isOwing { close(context: context, mode: .all, promise: nil) }
    }

    private func answer(_ problem: Problem, _ context: ChannelHandlerContext) {
        var head = problem.response.head
        head.headerFields[.connection] = "close"
        head.headerFields[.cacheControl] = "no-store"
        head.headerFields[.xContentTypeOptions] = "nosniff"
        context.write(wrapOutboundOut(.head(HTTPResponseHead(head))), promise: nil)
        if !look.asksForHead { context.write(wrapOutboundOut(.body(.byteBuffer(problem.body))), promise: nil) }
        writeEnd(wrapOutboundOut(.end(nil)), context, nil)
        flush(context: context)
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            let exchange = unanswered.popFirst()
            exchange?.fit(&head)
            isImporting = exchange?.isImport == true && head.status == .ok
            if isEnding, unanswered.isEmpty { head.headers.replaceOrAdd(name: "connection", value: "close") }
            isResponding = true
            if head.status != .ok { endStreaming(context) }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            endStreaming(context)
            isResponding = false
            isImporting = false
            writeEnd(data, context, promise)
            if isReading, !mayStream { expectEnd(context) }
            // The request that is read is the last of those that wait.
            if isReading, unanswered.count == 1, unanswered.first?.waits == true { goOn(context) }
            guard isEnding, !isOwing else { return }
            if let problem = refusal.take() { answer(problem, context) }
            close(context: context, mode: .all, promise: nil)
        }
    }

    private func writeEnd(_ end: NIOAny, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        lastWritten = written.futureResult
        context.write(end, promise: written)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        lastActive = .now()
        // What the system took whole is with the client soon, as a rule. Where it is not, the next look finds it.
        let channel = context.channel
        heldBytes = channel.waitingByteCount > 0 ? channel.untakenByteCount : 0
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let step = event as? ImportStep else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        importStep = step
        lastActive = .now()
        promise?.succeed(())
    }

    /// An import that is refused, or ended before its rows do, has no reason to go on.
    private func endStreaming(_ context: ChannelHandlerContext) {
        guard isStreaming else { return }
        mayStream = false
        hold(Self.heldBytesMax, context)
    }

    /// The system's default for answers that wait; beyond it the next is not made.
    private static let heldBytesMax = 64 << 10

    private func hold(_ bytesMax: Int, _ context: ChannelHandlerContext) {
        // It fails on a closed channel alone, which holds nothing.
        try? context.channel.syncOptions?.setOption(
            .writeBufferWaterMark, value: .init(low: Self.heldBytesMax / 2, high: bytesMax))
    }

    // MARK: Ending

    /// Every close waits for the responses that were written: what the client has not taken of them would be lost with
    /// the connection.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Only who cancels closes the input.
        if mode == .input { isOverdue = true }
        if isImporting { endImport(context) }
        guard !isOverdue, let lastWritten else {
            return context.close(mode: isEnding ? .all : mode, promise: promise)
        }
        isEnding = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        lastWritten.whenComplete { _ in
            let (handler, context) = bound.value
            if mode == .all { handler.linger(context, promise) } else { context.close(mode: mode, promise: promise) }
        }
    }

    /// Closes the output, passes over what still comes, and closes the rest once the client's system has all of it. A socket
    /// that is closed while something is unread, or comes, resets its connection, and what is on its way is lost.
    private func linger(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        if let promise { context.channel.closeFuture.cascade(to: promise) }
        guard lingeringEnd == nil else { return }
        lingeringEnd = .now() + ConnectionHandler.Lingering.timeMax
        context.close(mode: .output, promise: nil)
        passOver(context)
    }

    private func passOver(_ context: ChannelHandlerContext) {
        guard let lingeringEnd, lingeringEnd > .now(), !isOverdue, context.channel.isActive else {
            return context.close(promise: nil)
        }
        read(context: context)
        _ = schedule(context, at: .now() + ConnectionHandler.Lingering.interval) { $0.passOver($1) }
        guard !hasPassedOver, let socket = context.channel as? any SocketOptionProvider else {
            return hasPassedOver = false
        }
        let channel = context.channel
        socket.getTCPInfo().whenSuccess { information in
            if information.tcpi_state == UInt8(TCP_FIN_WAIT2) { channel.close(promise: nil) }
        }
    }

    /// Writes the last line of an import whose task was cancelled, and can write nothing itself.
    private func endImport(_ context: ChannelHandlerContext) {
        isEnding = true
        if isReading {
            // What has come of a row is no row.
            endReading(context)
            context.fireErrorCaught(CancellationError())
        }
        isResponding = false
        isImporting = false
        context.write(wrapOutboundOut(.body(.byteBuffer(Problem(CancellationError()).lastLine))), promise: nil)
        writeEnd(wrapOutboundOut(.end(nil)), context, nil)
        flush(context: context)
    }

    func handlerAdded(context: ChannelHandlerContext) { expectActivity(context) }

    /// So long a client may be idle, which has less time for its first request: it has shown nothing. While answers wait for it
    /// others may have to wait, so it is never idle for ever then. Nil for ever.
    private var idleTimeMax: TimeAmount? {
        let hasAsked = isOwing || lastWritten != nil
        let bounds = [
            limits.httpIdleSecondsMax, hasAsked ? 0 : limits.unauthenticatedSecondsMax,
            heldBytes > 0 ? limits.outputSecondsMax : 0,
        ]
        return bounds.filter { $0 > 0 }.min().map { TimeAmount.seconds(Int64($0)) }
    }

    private func expectActivity(_ context: ChannelHandlerContext) {
        // Where it may be idle for ever it is looked at now and again whether it takes what waits for it.
        let time = idleTimeMax ?? .seconds(Int64(limits.outputSecondsMax))
        guard time > .zero else { return }
        idleDeadline = schedule(context, at: max(lastActive + time, .now() + .seconds(1))) { $0.endIfIdle($1) }
    }

    /// A client that takes little, but goes on taking it, is not idle; nor is one that waits for the server.
    private func endIfIdle(_ context: ChannelHandlerContext) {
        let bytes = context.channel.untakenByteCount
        let isMoving = bytes != heldBytes
        heldBytes = bytes
        if isMoving || !isClientsTurn { lastActive = .now() }
        guard let idleTimeMax, lastActive + idleTimeMax <= .now() else { return expectActivity(context) }
        if heldBytes == 0, isStreaming || isReadingHead {
            refuse(context, .timedOut)
            return expectActivity(context)
        }
        if heldBytes > 0 {
            logger.notice(
                "Client takes no answers", metadata: ["client": "\(context.remoteAddress?.ipAddress ?? "local")"])
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        requestDeadline?.cancel()
        idleDeadline?.cancel()
        pauseDeadline?.cancel()
    }

    private func schedule(
        _ context: ChannelHandlerContext, at deadline: NIODeadline,
        _ body: @escaping @Sendable (ExchangeHandler, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(deadline: deadline) { body(bound.value.0, bound.value.1) }
    }
}
