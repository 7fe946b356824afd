import Glibc
import Synchronization

/// Ctrl-C, and where asked for a polite kill, as a wish that long work can look at. The second one ends the process as
/// usual. Where work can't look, what is unfinished goes with the process.
enum Interruption {
    private static let wish = Atomic<Bool>(false)
    /// The address of C strings, of which the last is nil; zero where there are none.
    private static let unfinished = Atomic<UInt>(0)

    static var isWished: Bool { wish.load(ordering: .relaxed) }

    /// From now on the first of these signals is a wish, and ends a call that waits.
    static func listen(to signals: Int32...) {
        // Made before a signal can come: the handler may do no more than store into it.
        wish.store(false, ordering: .relaxed)
        var action = once { _ in Interruption.wish.store(true, ordering: .relaxed) }
        for signal in signals { sigaction(signal, &action, nil) }
    }

    /// Runs `body`; a signal that ends the process meanwhile takes the files at these paths away first.
    static func removing<Answer, Reason: Error>(
        _ paths: [String], _ body: () throws(Reason) -> Answer
    ) throws(Reason) -> Answer {
        let names: [UnsafeMutablePointer<CChar>?] = paths.map { strdup($0) } + [nil]
        defer { for name in names { free(name) } }
        return try names.withUnsafeBufferPointer { (names) throws(Reason) -> Answer in
            unfinished.store(UInt(bitPattern: names.baseAddress), ordering: .releasing)
            let former = [SIGINT, SIGTERM].map { signal in
                var (action, former) = (once { Interruption.removeUnfinished(before: $0) }, sigaction())
                sigaction(signal, &action, &former)
                return (signal, former)
            }
            defer {
                for (signal, former) in former {
                    var action = former
                    sigaction(signal, &action, nil)
                }
            }
            return try body()
        }
    }

    /// What a handler may do: it calls nothing but `unlink` and `raise`.
    private static func removeUnfinished(before signal: Int32) {
        // Safe: the names are kept as long as the handler is in place.
        var next = UnsafePointer<UnsafeMutablePointer<CChar>?>(bitPattern: unfinished.load(ordering: .acquiring))
        while let name = next?.pointee {
            unlink(name)
            next = next?.successor()
        }
        raise(signal)
    }

    /// What is done with the first of a signal; the next is left to the system.
    private static func once(_ handler: @escaping @convention(c) (Int32) -> Void) -> sigaction {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        return action
    }
}
