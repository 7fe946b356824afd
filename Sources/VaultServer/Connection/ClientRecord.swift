internal import Foundation
internal import NIOCore
internal import Synchronization

/// What others may see of a connection, and the one thing they may do to it: end it.
final class ClientRecord: Sendable {
    struct Details: Sendable {
        var name = ""
        var libraryName = ""
        var libraryVersion = ""
        var version = ProtocolVersion.resp2
        var organization: UUID?
        var isAuthenticated = false
        /// Where it is not: when it came, or when its token was taken from it.
        var unauthenticatedSince = NIODeadline.now()
    }

    /// Tells a connection to end at once.
    struct End: Sendable {}

    /// Tells a connection that it was silent for too long.
    struct IdleCheck: Sendable {
        /// When it was read from last, as far as was known.
        let lastActivity: UInt64
    }

    /// Tells a connection that it has shown no token in time.
    struct TokenCheck: Sendable {}

    /// Tells a connection that what it has yet to take is in others' way.
    struct OutputCheck: Sendable {}

    /// Tells a connection that tokens were made or revoked.
    struct AccessChange: Sendable {}

    let id: Int
    let address: String
    /// Where it came to.
    private let localAddress: String
    let connectedAt: NIODeadline
    let details = Mutex(Details())
    /// When it was read from last, in nanoseconds of the system's uptime.
    let lastActivity: Atomic<UInt64>
    let commandCount = Atomic<Int>(0)
    /// Whether it has ended, and so waits for nothing any more.
    let isGone = Atomic<Bool>(false)
    private let channel: any Channel

    init(id: Int, channel: any Channel) {
        self.id = id
        self.channel = channel
        address = channel.remoteAddress.map(ListenPolicy.text) ?? "?"
        localAddress = channel.localAddress.map(ListenPolicy.text) ?? "?"
        connectedAt = .now()
        lastActivity = Atomic(connectedAt.uptimeNanoseconds)
    }

    /// Ends it: nothing more of what it sends is done, though with TLS its closing takes a moment.
    func end() {
        isGone.store(true, ordering: .relaxed)
        channel.pipeline.fireUserInboundEventTriggered(End())
    }

    /// Ends it unless it was read from since, or waits for an answer or takes one, which is for it to say.
    /// - Parameter lastActivity: as it was when the client was found to be idle.
    func endIfIdle(since lastActivity: UInt64) {
        channel.pipeline.fireUserInboundEventTriggered(IdleCheck(lastActivity: lastActivity))
    }

    /// Ends it unless what it has sent shows a token.
    func endIfUnauthenticated() { channel.pipeline.fireUserInboundEventTriggered(TokenCheck()) }

    /// Ends it if it goes on taking nothing of what waits for it.
    func checkOutput() { channel.pipeline.fireUserInboundEventTriggered(OutputCheck()) }

    /// Has it ask what has become of its grant, though it be silent.
    func renewGrant() { channel.pipeline.fireUserInboundEventTriggered(AccessChange()) }

    /// A line of `CLIENT LIST`: the fields of Redis 7 in its order, as some clients want all of them, and then others. What
    /// is not known here is as on a connection that has asked for nothing yet.
    func line(at now: NIODeadline) -> String {
        let details = details.withLock(\.self)
        let age = (now - connectedAt).nanoseconds / 1_000_000_000
        let idle = Int64(bitPattern: now.uptimeNanoseconds &- lastActivity.load(ordering: .relaxed)) / 1_000_000_000
        return "id=\(id) addr=\(address) laddr=\(localAddress) fd=0 name=\(details.name) age=\(age)"
            + " idle=\(max(idle, 0)) flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0"
            + " rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=NULL user=default redir=-1"
            + " resp=\(details.version.rawValue) lib-name=\(details.libraryName) lib-ver=\(details.libraryVersion)"
            + " cmds=\(commandCount.load(ordering: .relaxed)) auth=\(details.isAuthenticated ? "yes" : "no")"
    }
}
