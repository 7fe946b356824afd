import Glibc

/// A connection to a server: requests go out in one piece, replies are taken as they come.
final class ServerConnection {
    private static let readBytes = 64 << 10
    /// How long a server may take for one request outside of what is measured, and for the last ones of a run.
    static let patienceMilliseconds: Int32 = 30_000

    let descriptor: Int32
    private let name: String
    private var output: [UInt8] = []
    private var sent = 0
    private var input = [UInt8](repeating: 0, count: 2 * ServerConnection.readBytes)
    private var taken = 0
    private var received = 0

    init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    // MARK: Sending

    func add(_ words: [String]) { RESPText.append(words, to: &output) }

    var hasOutput: Bool { sent < output.count }

    /// Sends what fits; the rest is for the next time.
    func flush() throws(Failure) {
        while hasOutput {
            // Safe: `send` reads at most what is left, within the closure that lends its memory.
            let count = output.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                throw lost
            }
        }
        output.removeAll(keepingCapacity: true)
        sent = 0
    }

    // MARK: Receiving

    /// Takes in what is there.
    func receive() throws(Failure) {
        if taken > 0 {
            input.replaceSubrange(0..<received - taken, with: input[taken..<received])
            received -= taken
            taken = 0
        }
        if input.count - received < Self.readBytes {
            input.append(contentsOf: repeatElement(0, count: input.count))
        }
        // Safe: `recv` writes at most as much as there is room for, within the closure that lends the memory.
        let count = input.withUnsafeMutableBytes { bytes in
            recv(
                descriptor, bytes.baseAddress?.advanced(by: received), bytes.count - received,
                Int32(MSG_DONTWAIT))
        }
        if count > 0 {
            received += count
        } else if count == 0 || errno != EAGAIN && errno != EINTR {
            throw lost
        }
    }

    /// The next reply that is complete.
    func nextReply() throws(Failure) -> RESPText.Reply? {
        guard let (reply, next) = try RESPText.reply(in: input, at: taken, end: received) else { return nil }
        taken = next
        return reply
    }

    // MARK: Asking

    /// Asks one thing and waits for the reply.
    /// - Returns: the reply, and the strings in it.
    func ask(_ words: [String]) throws(Failure) -> (reply: RESPText.Reply, strings: [String]) {
        add(words)
        while true {
            try flush()
            let start = taken
            if let reply = try nextReply() { return (reply, try RESPText.strings(in: input[start..<taken])) }
            var look = pollfd(fd: descriptor, events: Int16(POLLIN) | (hasOutput ? Int16(POLLOUT) : 0), revents: 0)
            guard poll(&look, 1, Self.patienceMilliseconds) != 0 else {
                throw Failure(.failed, "\(name) does not answer", advice: "check that it is `vaultdb serve`")
            }
            try receive()
        }
    }

    private var lost: Failure {
        Failure(
            .failed, "\(name) has closed the connection", advice: "see the server's log, and its limit of connections")
    }
}
