internal import Glibc

/// How many files and sockets this process may have open.
enum OpenFiles {
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
