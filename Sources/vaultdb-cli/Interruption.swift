import Glibc
import Synchronization

/// Ctrl-C, and where asked for a polite kill, as a wish that long work can look at. The second one ends the process as
/// usual.
enum Interruption {
    private static let wish = Atomic<Bool>(false)

    static var isWished: Bool { wish.load(ordering: .relaxed) }

    /// From now on the first of these signals is a wish.
    static func listen(to signals: Int32...) {
        // Made before a signal can come: the handler may do no more than store into it.
        wish.store(false, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.wish.store(true, ordering: .relaxed) }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        for signal in signals { sigaction(signal, &action, nil) }
    }
}
