internal import HTTPTypes
internal import Hummingbird
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
/// - A client that takes nothing of its responses for long is disconnected.
/// - A client that waits for `100 Continue` gets it.
/// - Behind a request that ends the connection nothing is read.
final class ExchangeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let requestSecondsMax: Int
    private let idleSecondsMax: Int
    /// Between a request's head and its end.
    private var isReading = false
    private var mayStream = false
    /// The request that ends the connection, from its head on.
    private var last: Exchange?
    /// Requests whose response has not begun, in their order.
    private var unanswered = CircularBuffer<Exchange>()
    /// Between a response's head and its end.
    private var isResponding = false
    private var compression = Compression()
    private var requestDeadline: Scheduled<Void>?
    private var writeDeadline: Scheduled<Void>?

    private var hasReadAll: Bool { last != nil && !isReading }

    init(requestSecondsMax: Int, idleSecondsMax: Int) {
        self.requestSecondsMax = requestSecondsMax
        self.idleSecondsMax = idleSecondsMax
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasReadAll else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body: context.fireChannelRead(data)
        case .end:
            isReading = false
            requestDeadline?.cancel()
            requestDeadline = nil
            context.fireChannelRead(data)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        isReading = true
        mayStream = head.method == .POST && HTTPRoutes.isStreaming(head.uri)
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

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !hasReadAll else { return }
        guard let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        refuse(context, error == .headerOverflow ? .headersTooLarge : .malformed)
    }

    private func expectEnd(_ context: ChannelHandlerContext) {
        guard requestDeadline == nil, requestSecondsMax > 0 else { return }
        requestDeadline = schedule(context, requestSecondsMax) { handler, context in
            if handler.isReading { handler.refuse(context, .timedOut) }
        }
    }

    /// The last answer on this connection; none where another has begun, or is owed to an earlier request.
    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) {
        let owed = isReading ? 1 : 0
        if !isResponding, unanswered.count == owed {
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

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            unanswered.popFirst()?.fit(&head)
            isResponding = true
            // An import that is refused has no reason to go on.
            if isReading, head.status != .ok { mayStream = false }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            isResponding = false
            if isReading, !mayStream { expectEnd(context) }
            context.write(data, promise: promise)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeDeadline?.cancel()
        writeDeadline = nil
        if !context.channel.isWritable, idleSecondsMax > 0 {
            writeDeadline = schedule(context, idleSecondsMax) { $1.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Ending

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
