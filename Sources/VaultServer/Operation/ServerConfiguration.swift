/// How the server is to run. `init(_:)` reads it from flags, environment and file; see docs/RESP.md.
package struct ServerConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system choose; the readiness line tells which it is.
    package var port = 7379
    /// Event loops; 0 for one per core.
    package var threads = 0
    /// Needs tokens even on loopback and while there are none.
    package var requiresTokens = false
    package var security: TransportSecurity?
    /// Commands that take longer are kept in the slow log; below 0 for none.
    package var slowLogMicroseconds = 10_000
    /// How long running work may take after the signal to stop.
    package var drainSecondsMax = 10
    package var limits = ServerLimits()

    package init() {}
}
