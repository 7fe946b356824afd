internal import Foundation
internal import NIOCore
internal import Synchronization

/// Contact views as they were sent, for those who are asked for again soon. Exact: a view is given out only while its ETag
/// is the identity's present one, whoever wrote meanwhile, in this process or another. No view is kept for longer than a
/// minute, so that an erased person is not for long in memory either.
final class ContactCache: Sendable {
    struct Name: Hashable, Sendable {
        let organization: UUID
        let identity: UUID
    }

    private struct Entry {
        let tag: String
        let bytes: ByteBuffer
    }

    private struct State {
        var young: [Name: Entry] = [:]
        /// Those of the half minute before.
        var old: [Name: Entry] = [:]
        var youngBytes = 0
        var turn = NIODeadline.now() + ContactCache.halfLife
    }

    /// A larger view is not kept.
    private static let viewBytesMax = 16 << 10
    /// Of each of the two halves.
    private static let bytesMax = 16 << 20
    private static let halfLife = TimeAmount.seconds(30)

    private let state = Mutex(State())

    func view(_ name: Name, tag: String) -> ByteBuffer? {
        state.withLock { state in
            guard let entry = state.young[name] ?? state.old[name], entry.tag == tag else { return nil }
            return entry.bytes
        }
    }

    func keep(_ bytes: ByteBuffer, _ name: Name, tag: String) {
        guard bytes.readableBytes <= Self.viewBytesMax else { return }
        state.withLock { state in
            guard state.youngBytes + bytes.readableBytes <= Self.bytesMax else { return }
            state.young[name] = Entry(tag: tag, bytes: bytes)
            state.youngBytes += bytes.readableBytes
        }
    }

    /// Lets go of what is too old. To be called every few seconds.
    func age(at now: NIODeadline = .now()) {
        let gone = state.withLock { state -> [Name: Entry] in
            guard now >= state.turn else { return [:] }
            let gone = state.old
            state.old = state.young
            (state.young, state.youngBytes, state.turn) = ([:], 0, now + Self.halfLife)
            return gone
        }
        // Freed here, and not while others wait.
        _ = gone
    }
}
