internal import Glibc
internal import NIOCore

/// What a client has yet to take. To be asked for on the channel's loop.
extension Channel {
    /// Bytes that wait for the system, with TLS as they are sent.
    var waitingByteCount: Int {
        // It fails on a closed channel alone, which holds nothing.
        (try? syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// These, and what the system holds until the client's acknowledges it. It takes more only once a good part of that
    /// is gone, so what waits for it says nothing of a client that takes little at a time.
    var untakenByteCount: Int {
        let socketBytes = try? pipeline.syncOperations.withUnsafeTransportIfAvailable { (socket: NIOBSDSocket.Handle) in
            var count: CInt = 0
            // Safe: it is open meanwhile, and the system writes an int (tcp(7), SIOCOUTQ).
            return ioctl(socket, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
        }
        return waitingByteCount + (socketBytes ?? 0)
    }
}
