internal import Glibc
internal import Storage
internal import Synchronization

/// What a process may do only once: open a file. POSIX drops all of a process's locks on a file when any descriptor
/// of it is closed, so a second environment on the same file would silently unlock the first.
enum ProcessGuard {
    /// The open files, and the generation that opened them: what a parent has open, a child may open for itself.
    private static let open = Mutex<[StoreFile.Identity: Int]>([:])

    static func claim(_ file: borrowing StoreFile) throws(StorageError) {
        let identity = file.identity
        if open.withLock({ $0.updateValue(generation, forKey: identity) }) == generation {
            throw .misuse("\(file.path) is open already in this process; use that one")
        }
    }

    static func release(_ identity: StoreFile.Identity) {
        open.withLock { $0[identity] = nil }
    }

    /// How many forks lie between the program's start and this process. An environment belongs to the generation
    /// that opened it: locks and reader slots don't cross a fork.
    static var generation: Int {
        _ = watchesForks
        return forks.load(ordering: .relaxed)
    }

    private static let forks = Atomic<Int>(0)
    private static let watchesForks: Bool = {
        pthread_atfork(nil, nil) { ProcessGuard.forks.add(1, ordering: .relaxed) } == 0
    }()
}
