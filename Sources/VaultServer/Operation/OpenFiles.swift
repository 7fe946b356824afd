internal import Glibc

/// How many files and sockets this process may have open.
package enum OpenFiles {
    /// What any command may need beside what is open when it begins: the vault's files, those it reads and writes, and
    /// the runtime's own.
    package static let commandMin = 16

    /// What a server needs beside what is open when its vault is: files of its event loops and for signals, the sockets
    /// it listens on, the vault's log, and a connection of each kind.
    static func serverMin(loopCount: Int) -> Int { 16 + 3 * loopCount }

    /// Raises the limit, and refuses to go on where fewer can be opened than these: Dispatch and NIO end the process
    /// where they get none.
    package static func require(free count: Int) throws(ServerError) {
        guard let max = raiseMax() else { return }
        // A new file gets the least number that is free.
        let free = (0..<max).lazy.filter { fcntl(Int32(truncatingIfNeeded: $0), F_GETFD) < 0 }.prefix(count)
        guard free.count < count else { return }
        throw ServerError(
            "no more than \(max) files may be open at a time, which is too few",
            advice: "raise how many files may be open (ulimit -n)")
    }

    /// Raises that to the most the system lets it have.
    /// - Returns: how many that is; nil where the system does not tell.
    static func raiseMax() -> Int? {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return nil }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}

extension ServerLimits {
    /// The same for a process that may have so many files open: where they are few, HTTP gets a quarter of the connections
    /// at most.
    /// - Parameter loopCount: event loops, each of which has files of its own.
    func fitting(openFilesMax: Int, loopCount: Int, servesHTTP: Bool) -> ServerLimits {
        // The vault, its log, the listening sockets and what else a process has open.
        let room = max(openFilesMax - 64 - 4 * loopCount, 2)
        var fitting = self
        if servesHTTP { fitting.httpConnectionsMax = min(httpConnectionsMax, max(room / 4, 1)) }
        fitting.connectionsMax = min(connectionsMax, room - (servesHTTP ? fitting.httpConnectionsMax : 0))
        return fitting
    }
}
