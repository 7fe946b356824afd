internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// A request over HTTP. `Request` alone is one of Redis' protocol.
typealias WebRequest = HummingbirdCore.Request

/// What is known of a request beside its own bytes.
struct HTTPContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The address that it came from, without a port.
    var peer: String { channel.remoteAddress?.ipAddress ?? "local" }

    /// The loop of its connection.
    var loop: any EventLoop { channel.eventLoop }

    /// Tells the connection how far an import is.
    func tell(_ step: ExchangeHandler.ImportStep) { channel.triggerUserOutboundEvent(step, promise: nil) }

    /// A part of the path, without percent escapes; nil where they are none.
    func part(_ name: String) -> String? {
        guard let part = coreContext.parameters.get(name), part.utf8.contains(UInt8(ascii: "%")) else {
            return coreContext.parameters.get(name)
        }
        return String(unescaping: part.utf8)
    }
}
