import Glibc

/// Where a server listens, and how to get in.
struct ServerAddress: Sendable {
    let host: String
    let port: Int
    let token: String?

    var name: String { "\(host):\(port)" }

    /// A connection that has been let in.
    func connect() throws(Failure) -> ServerConnection {
        let connection = ServerConnection(try openSocket(), name)
        if let token {
            if case .error(let message) = try connection.ask(["AUTH", token]).reply {
                throw Failure(.failed, "\(name) refuses the token: \(message)", advice: "check --token")
            }
        }
        if case .error(let message) = try connection.ask(["PING"]).reply {
            throw Failure(.failed, "\(name) says \(message)", advice: "give --token or set VAULTDB_TOKEN")
        }
        return connection
    }

    private func openSocket() throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw failure(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var next = list
        var reason = EHOSTUNREACH
        // Safe: the list is the system's, and lives until the end of this function.
        while let address = next?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if descriptor >= 0, Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 {
                return descriptor
            }
            reason = errno
            if descriptor >= 0 { close(descriptor) }
            next = address.ai_next
        }
        throw failure(String(cString: strerror(reason)))
    }

    private func failure(_ reason: String) -> Failure {
        Failure(.failed, "\(name) can't be reached: \(reason)", advice: "start it with `vaultdb serve`")
    }
}
