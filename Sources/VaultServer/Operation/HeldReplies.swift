internal import NIOCore
internal import Synchronization

/// The replies that were made beside the event loops and that clients have yet to take, of all connections.
final class HeldReplies: Sendable {
    /// What one reply takes of the room for all, until it is ended; the last reference does that, too, whatever becomes of
    /// the connection.
    final class Part: Sendable {
        private let replies: HeldReplies
        private let byteCount: Int
        private let isEnded = Atomic(false)

        fileprivate init(_ byteCount: Int, of replies: HeldReplies) {
            self.replies = replies
            self.byteCount = byteCount
            replies.move(byteCount)
        }

        deinit { end() }

        /// What is given back is there at once, whoever still has the part.
        func end() {
            if isEnded.exchange(true, ordering: .relaxed) { return }
            replies.move(-byteCount)
        }
    }

    /// The memory of fewer is not worth the search for what is free; that of smaller replies is used again as it is.
    private static let trimBytesMin = 16 << 20
    private static let largeBytesMin = 1 << 20
    private static let trimPause = TimeAmount.minutes(1)

    private let bytesMax: Int
    private let byteCount = Atomic<Int>(0)
    /// Those that were made or are gone since memory was given back last.
    private let movedByteCount = Atomic<Int>(0)
    /// When that was, in nanoseconds of the system's uptime.
    private let lastTrim = Atomic<UInt64>(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var isFull: Bool { byteCount.load(ordering: .relaxed) > bytesMax }

    /// A reply of no more is never refused.
    static let smallBytesMax = 64 << 10

    /// - Parameter byteCount: of a reply that is made.
    /// - Throws: busy, where it is large and clients have to take others first. What is made at the same time may go beyond.
    func refuseWhereFull(_ byteCount: Int) throws(ReplyError) {
        guard isFull, byteCount > Self.smallBytesMax else { return }
        throw ReplyError(.busy, "\(bytesMax) bytes of replies wait for clients to take them; try again later")
    }

    /// Counts a reply for as long as the part is kept.
    func hold(_ byteCount: Int) -> Part { Part(byteCount, of: self) }

    private func move(_ count: Int) {
        byteCount.add(count, ordering: .relaxed)
        if abs(count) >= Self.largeBytesMin { movedByteCount.add(abs(count), ordering: .relaxed) }
    }

    /// Whether memory is to be given back to the system: once after large replies, and not twice in a minute.
    func isTrimDue(at now: NIODeadline) -> Bool {
        let last = NIODeadline.uptimeNanoseconds(lastTrim.load(ordering: .relaxed))
        guard movedByteCount.load(ordering: .relaxed) >= Self.trimBytesMin, now - last >= Self.trimPause else {
            return false
        }
        movedByteCount.store(0, ordering: .relaxed)
        lastTrim.store(now.uptimeNanoseconds, ordering: .relaxed)
        return true
    }
}
