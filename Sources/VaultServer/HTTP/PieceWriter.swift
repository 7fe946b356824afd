internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Writes a body piece by piece, so that what compresses it, and the loop of its connection, have little to do at a time
/// and others have their turn between.
struct PieceWriter: ResponseBodyWriter {
    /// A body of no more is written at once.
    static let bytesMax = 64 << 10

    private var writer: any ResponseBodyWriter
    private let loop: any EventLoop

    /// - Parameter loop: that of the connection that `writer` writes to.
    init(_ writer: any ResponseBodyWriter, on loop: any EventLoop) {
        self.writer = writer
        self.loop = loop
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, Self.bytesMax)) {
            // A slice would keep the whole body until its last byte is taken.
            try await writer.write(ByteBuffer(buffer: piece))
            // A write only hands the piece to the loop. What comes behind that has the next one wait for room.
            try await loop.submit {}.get()
        }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws { try await writer.finish(trailingHeaders) }
}

extension ResponseBody {
    /// The same, written piece by piece where it is known to be large.
    func inPieces(on loop: any EventLoop) -> ResponseBody {
        guard let contentLength, contentLength > PieceWriter.bytesMax else { return self }
        return ResponseBody(contentLength: contentLength) { writer in
            try await self.write(PieceWriter(writer, on: loop))
        }
    }
}
