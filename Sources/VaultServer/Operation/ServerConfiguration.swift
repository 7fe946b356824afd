package import Foundation

/// How the server is to run. `init(_:)` reads it from flags, environment and file; see docs/RESP.md and
/// docs/HTTP.md.
package struct ServerConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system choose; the readiness line tells which it is.
    package var port = 7379
    /// The port of HTTP; 0 lets the system choose, nil serves none.
    package var httpPort: Int? = 8080
    /// The organization of pages where no token names one; nil for the vault's only one.
    package var organization: UUID?
    /// In which times are shown on pages.
    package var timeZone = TimeZone.current
    /// Whose scripts may call the HTTP API from a browser, such as `https://clinic.example`.
    package var corsOrigins: [String] = []
    /// Nil where no WhatsApp messages are taken.
    package var whatsApp: WhatsAppSettings?
    /// Event loops; 0 for one per two cores.
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
