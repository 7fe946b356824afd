internal import CLMDB
internal import Glibc

/// How a thread waits for another that is about to be done: awake for about a microsecond, then asleep. Where there are more
/// threads than processors the other may have been put aside, and goes on sooner on a processor that is free.
struct Backoff {
    private static let pausesMax = 32
    private static let sleepMicroseconds: UInt32 = 20

    private var pauses = 0

    mutating func wait() {
        if pauses < Self.pausesMax {
            pauses += 1
            vault_pause()
        } else {
            usleep(Self.sleepMicroseconds)
        }
    }
}
