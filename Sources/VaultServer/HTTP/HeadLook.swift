internal import NIOCore

/// Looks at the beginning of a request for the method whose answers have no body, before it is known to be a request at
/// all.
final class HeadLook: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Whether what came first of the last request, or of what is none, asks so. One that began in the middle of a read, or
    /// whose method came in pieces, is not known.
    private(set) var asksForHead = false
    private var isAtBeginning = true

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isAtBeginning {
            asksForHead = unwrapInboundIn(data).readableBytesView.starts(with: "HEAD ".utf8)
            isAtBeginning = false
        }
        context.fireChannelRead(data)
    }

    /// The last request has come to its end.
    func expectNext() {
        isAtBeginning = true
        asksForHead = false
    }
}
