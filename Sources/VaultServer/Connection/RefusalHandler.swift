internal import NIOCore

/// Tells a connection that there are too many, and closes it. One that expects TLS is closed without a word in the clear.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let isEncrypted: Bool

    init(isEncrypted: Bool) { self.isEncrypted = isEncrypted }

    func channelActive(context: ChannelHandlerContext) {
        if isEncrypted { return context.close(promise: nil) }
        let channel = context.channel
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
        let refusal = ByteBuffer(string: "-ERR max number of clients reached\r\n")
        context.writeAndFlush(wrapOutboundOut(refusal), promise: promise)
    }

    /// What it sends is not looked at.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
