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
/// - A malformed request is answered 400 here, and goes no further.
/// - A request that does not come to its end in time is answered 408, unless it was answered already. An import may take
///   as long as it keeps sending, while it is not refused.
/// - Whoever reads a body that does not come to its end gets an error, so that a part never passes for the whole.
/// - Answers to an import's rows are held while rows still come: its client may send all before it reads.
/// - A client that takes nothing of its responses for long is disconnected.
/// - A connection ends after what was written to it.
/// - A client that waits for `100 Continue` gets it.
/// - Behind a request that ends the connection nothing is read.
final class ExchangeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: ServerLimits
    private let logger: Logger
    /// Between a request's head and its end.
    private var isReading = false
    /// A body did not come to its end: nothing behind it is a request.
    private var isCutOff = false
    private var mayStream = false
    /// The request that ends the connection, from its head on.
    private var last: Exchange?
    /// Requests whose response has not begun, in their order.
    private var unanswered = CircularBuffer<Exchange>()
    /// Between a response's head and its end.
    private var isResponding = false
    /// The client has ended its side, and may still read.
    private var isInputClosed = false
    /// The end of a response that may have to wait for its client, once the system has it.
    private var lastWritten: EventLoopFuture<Void>?
    private var compression = Compression()
    private var requestDeadline: Scheduled<Void>?
    private var writeDeadline: Scheduled<Void>?

    private var hasReadAll: Bool { isCutOff || (last != nil && !isReading) }
    /// Whether the response under way is that of the import whose rows still come.
    private var isStreaming: Bool { isReading && mayStream && isResponding && unanswered.isEmpty }

    init(_ limits: ServerLimits, _ logger: Logger) {
        self.limits = limits
        self.logger = logger
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasReadAll else { return }
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
        requestDeadline?.cancel()
        requestDeadline = nil
        if mayStream { hold(Self.heldBytesMax, context) }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        isReading = true
        mayStream = head.method == .POST && HTTPRoutes.isStreaming(head.uri)
        if mayStream { hold(max(limits.outputBytesMax, Self.heldBytesMax), context) }
        let exchange = Exchange(head, isStreaming: mayStream)
        if !exchange.persists { last = exchange }
        let isOnlyOne = unanswered.isEmpty && !isResponding
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
        if hasReadAll, last?.asksForOther == true { return }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // A request that came at once never costs a timer.
        if isReading, !mayStream { expectEnd(context) }
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
        guard requestDeadline == nil, limits.httpRequestSecondsMax > 0 else { return }
        requestDeadline = schedule(context, limits.httpRequestSecondsMax) { handler, context in
            if handler.isReading { handler.refuse(context, .timedOut) }
        }
    }

    /// The last answer on this connection; none where another has begun, or is owed to an earlier request.
    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) {
        // The last line of an import says why it ended, and then the connection ends.
        let hasLastLine = isStreaming
        let isOnlyOne = !isResponding && unanswered.count == (isReading ? 1 : 0)
        if isReading { cutOff(context, problem) }
        if hasLastLine { return }
        if isOnlyOne {
            var head = problem.response.head
            head.headerFields[.connection] = "close"
            head.headerFields[.cacheControl] = "no-store"
            head.headerFields[.xContentTypeOptions] = "nosniff"
            context.write(wrapOutboundOut(.head(HTTPResponseHead(head))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(problem.body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }

    /// Has whoever reads the body get this error, after what came of it.
    private func cutOff(_ context: ChannelHandlerContext, _ problem: Problem) {
        isCutOff = true
        endReading(context)
        context.fireErrorCaught(problem)
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            unanswered.popFirst()?.fit(&head)
            isResponding = true
            // An import that is refused has no reason to go on.
            if isStreaming, head.status != .ok {
                mayStream = false
                hold(Self.heldBytesMax, context)
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            isResponding = false
            if isReading, !mayStream { expectEnd(context) }
            guard isInputClosed || mayStream else { return context.write(data, promise: promise) }
            let written = promise ?? context.eventLoop.makePromise()
            lastWritten = written.futureResult
            context.write(data, promise: written)
        }
    }

    /// The system's default for answers that wait; beyond it the next is not made.
    private static let heldBytesMax = 64 << 10

    private func hold(_ bytesMax: Int, _ context: ChannelHandlerContext) {
        // It fails on a closed channel alone, which holds nothing.
        try? context.channel.syncOptions?.setOption(
            .writeBufferWaterMark, value: .init(low: Self.heldBytesMax / 2, high: bytesMax))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeDeadline?.cancel()
        writeDeadline = nil
        if !context.channel.isWritable, limits.httpIdleSecondsMax > 0 {
            writeDeadline = schedule(context, limits.httpIdleSecondsMax) { handler, context in
                handler.logger.notice(
                    "Client takes no answers", metadata: ["client": "\(context.remoteAddress?.ipAddress ?? "local")"])
                context.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Ending

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { isInputClosed = true }
        context.fireUserInboundEventTriggered(event)
    }

    /// With a client that has ended its side the connection would be closed whole, and what still waits be lost.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output, let lastWritten else { return context.close(mode: mode, promise: promise) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        lastWritten.whenComplete { _ in bound.value.close(mode: mode, promise: promise) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        requestDeadline?.cancel()
        writeDeadline?.cancel()
    }

    private func schedule(
        _ context: ChannelHandlerContext, _ seconds: Int,
        _ body: @escaping @Sendable (ExchangeHandler, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { body(bound.value.0, bound.value.1) }
    }
}
