import Glibc
import Synchronization

/// Ctrl-C, a polite kill and a lost terminal, where asked for as a wish that long work can look at. The second one ends
/// the process as usual. However a signal ends it, what is unfinished goes with it, and what has to be said is said.
enum Interruption {
    /// What ends a process that does nothing about it, through no fault of its own.
    private static let endings = [SIGHUP, SIGINT, SIGPIPE, SIGTERM]

    /// The first signal; 0 while there was none.
    private static let wish = Atomic<Int32>(0)
    /// The address of C strings, of which the last is nil; zero where there are none.
    private static let unfinished = Atomic<UInt>(0)
    /// The address of a C string; zero where there is none.
    private static let lastWords = Atomic<UInt>(0)

    static var isWished: Bool { wish.load(ordering: .relaxed) != 0 }

    /// From now on the first SIGINT, SIGTERM or SIGHUP is a wish, and ends a call that waits. A SIGHUP that is ignored,
    /// as nohup has it, stays so.
    static func listen() {
        // All made before a signal can come: the handler may do no more than load and store.
        wish.store(0, ordering: .relaxed)
        _ = (unfinished.load(ordering: .relaxed), lastWords.load(ordering: .relaxed))
        for signal in [SIGINT, SIGTERM, SIGHUP] where signal != SIGHUP || !isIgnored(signal) {
            handle(signal) { number in
                if Interruption.wish.exchange(number, ordering: .relaxed) != 0 { Interruption.end(by: number) }
            }
        }
    }

    /// Where there is a wish, ends the process as the second signal does, with a line on stderr.
    static func endIfWished(_ line: String) {
        let number = wish.load(ordering: .relaxed)
        guard number != 0 else { return }
        Terminal.errors.write("vaultdb: \(line)\n")
        end(by: number)
    }

    static func isIgnored(_ signal: Int32) -> Bool {
        // Safe: a C function is its address; nil is 0.
        unsafeBitCast(handler(of: signal), to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Runs `body`; a signal that ends the process meanwhile takes the files and empty directories at these paths away
    /// first, in this order, and then those of the bodies around it.
    static func removing<Answer, Reason: Error>(
        _ paths: [String], _ body: () throws(Reason) -> Answer
    ) throws(Reason) -> Answer {
        let outer = unfinished.load(ordering: .relaxed)
        let all: [UnsafeMutablePointer<CChar>?] = paths.map { strdup($0) } + names(at: outer) + [nil]
        // Never given back, nor are the names: a handler on another thread may still read them. They are few.
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: all.count)
        list.initialize(from: all, count: all.count)
        unfinished.store(UInt(bitPattern: list), ordering: .releasing)
        defer { unfinished.store(outer, ordering: .releasing) }
        handleEndings()
        return try body()
    }

    /// From now on a signal that ends the process has it say this on stderr; nil takes that back.
    static func say(_ line: String?) {
        // Never given back either.
        let text = line.flatMap { strdup("vaultdb: \($0)\n") }
        lastWords.store(UInt(bitPattern: text), ordering: .releasing)
        handleEndings()
    }

    // MARK: In a handler

    /// Calls nothing but what POSIX allows in a handler.
    private static func end(by number: Int32) {
        // Again, as another thread may be making a file in a directory meanwhile.
        for _ in 0..<3 {
            // Safe: see `removing`.
            var next = UnsafePointer<UnsafeMutablePointer<CChar>?>(bitPattern: unfinished.load(ordering: .acquiring))
            while let name = next?.pointee {
                if unlink(name) != 0 { rmdir(name) }
                next = next?.successor()
            }
        }
        // Safe: see `say`.
        if let words = UnsafePointer<CChar>(bitPattern: lastWords.load(ordering: .acquiring)) {
            _ = write(STDERR_FILENO, words, strlen(words))
        }
        signal(number, SIG_DFL)
        // Not to this thread, which may hold signals back.
        kill(getpid(), number)
    }

    // MARK: Around it

    private static func names(at address: UInt) -> [UnsafeMutablePointer<CChar>?] {
        // Safe: see `removing`.
        var next = UnsafePointer<UnsafeMutablePointer<CChar>?>(bitPattern: address)
        var names: [UnsafeMutablePointer<CChar>?] = []
        while let name = next?.pointee {
            names.append(name)
            next = next?.successor()
        }
        return names
    }

    private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        sigaction(signal, &action, nil)
    }

    private static func handleEndings() {
        // Made before a signal can come: the handler may do no more than load.
        _ = (unfinished.load(ordering: .relaxed), lastWords.load(ordering: .relaxed))
        for signal in endings where isLeftToSystem(signal) { handle(signal) { Interruption.end(by: $0) } }
    }

    private static func isLeftToSystem(_ signal: Int32) -> Bool { handler(of: signal) == nil }

    private static func handler(of signal: Int32) -> (@convention(c) (Int32) -> Void)? {
        var action = sigaction()
        sigaction(signal, nil, &action)
        return action.__sigaction_handler.sa_handler
    }
}
