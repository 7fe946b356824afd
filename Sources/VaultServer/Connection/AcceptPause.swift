internal import Logging
internal import NIOCore

/// Where no connection can be accepted, for want of files or memory, accepts none for a second, and then tries again.
///
/// Holding reads back would not do: one that failed is still asked for, and the loop would try again at once, for ever.
final class AcceptPause: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel

    private static let time = TimeAmount.seconds(1)
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else { return context.fireErrorCaught(error) }
        logger.warning("No connection can be accepted", metadata: ["error": "\(error)"])
        let channel = context.channel
        _ = channel.setOption(.autoRead, value: false)
        // A socket that is closed meanwhile refuses the option, and that is all.
        context.eventLoop.scheduleTask(in: Self.time) { _ = channel.setOption(.autoRead, value: true) }
    }
}
