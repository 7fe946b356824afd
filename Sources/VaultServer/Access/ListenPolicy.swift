internal import NIOCore

/// Where the server may listen: on loopback for whoever is on this machine, elsewhere only for bearers of tokens.
enum ListenPolicy {
    static func isLoopback(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4: address.ipAddress?.hasPrefix("127.") == true
        case .v6: address.ipAddress == "::1" || address.ipAddress?.hasPrefix("::ffff:127.") == true
        // Whoever may open the socket's file.
        case .unixDomainSocket: true
        }
    }

    /// `127.0.0.1:7379`, `[::1]:7379`, or the path of a socket's file.
    static func text(_ address: SocketAddress) -> String {
        guard let host = address.ipAddress else { return address.pathname ?? "?" }
        return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
    }

    static func refusal(_ host: String) -> ServerError {
        ServerError(
            "refusing to listen on \(host) without tokens, for anybody who reaches it could read and change the vault",
            advice: "make one with `vaultdb token create --org UUID --role resolver`, or listen on 127.0.0.1")
    }
}

/// Why the server can't start or go on.
package struct ServerError: Error, Equatable, CustomStringConvertible {
    package let message: String
    /// The next step, or empty.
    package let advice: String

    package init(_ message: String, advice: String = "") {
        self.message = message
        self.advice = advice
    }

    package var description: String { advice.isEmpty ? message : "\(message); \(advice)" }
}
