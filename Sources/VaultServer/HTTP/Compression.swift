internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPCompression

/// gzip and deflate of one connection, both ways: each is put in place by the first request that asks for it, so that
/// connections without it pass nothing more.
struct Compression {
    /// A compressed body may grow to so many times its size: ordinary texts stay below, bombs do not.
    static let decompressionRatioMax = 64

    private var compresses = false
    /// Where bodies go on from that were compressed.
    private var undoing: ChannelHandlerContext?

    /// - Parameter isOnlyOne: no earlier request waits for its answer. What compresses takes each response for the answer
    ///   to a request that it has seen, so it can't come in between.
    mutating func prepare(
        for head: inout HTTPRequestHead, isOnlyOne: Bool, _ context: ChannelHandlerContext,
        after handler: ExchangeHandler
    ) {
        // The length of a compressed answer is not known without its body, and HTTP/1.0 has to know it.
        if head.method == .HEAD || head.version == .http1_0 { head.headers.remove(name: "accept-encoding") }
        let pipeline = context.pipeline.syncOperations
        do {
            if !compresses, !isOnlyOne { head.headers.remove(name: "accept-encoding") }
            if !compresses, head.headers.contains(name: "accept-encoding") {
                let compressor = HTTPResponseCompressor(responseCompressionPredicate: Self.mayCompress)
                try pipeline.addHandler(compressor, position: .after(handler))
                compresses = true
            }
            if undoing == nil, head.headers.contains(name: "content-encoding") {
                let decompressor = NIOHTTPRequestDecompressor(limit: .ratio(Self.decompressionRatioMax))
                try pipeline.addHandler(decompressor, position: .after(handler))
                undoing = try pipeline.context(handler: decompressor)
            }
        } catch {
            context.fireErrorCaught(error)
        }
    }

    /// Passes an empty part of a body on. What undoes compression would let none through.
    func passEmptyPart(_ context: ChannelHandlerContext) {
        let context = undoing ?? context
        context.fireChannelRead(NIOAny(HTTPServerRequestPart.body(ByteBuffer())))
        context.fireChannelReadComplete()
    }

    /// JSON and style sheets. Pages hold a secret beside what a query put there, which compression would give away to
    /// whoever sees lengths; import streams answer row by row.
    private static func mayCompress(
        _ head: inout HTTPResponseHead, _ isPossible: Bool
    ) -> HTTPResponseCompressor.CompressionIntent {
        let type = head.headers.first(name: "content-type") ?? ""
        let isText = type.hasPrefix("application/json") || type.hasPrefix("text/css") || type.hasPrefix("text/plain")
        guard isText else { return .doNotCompress }
        // Of a body in pieces the head goes out before the packed length is known.
        if isPossible { head.headers.remove(name: "content-length") }
        return .compressIfPossible
    }
}
