internal import NIOHTTP1

/// What a request says of the connection and of its own answer (RFC 9112, section 9.3).
struct Exchange {
    private let isHTTP10: Bool
    /// Whether its rows are answered while they come.
    let isImport: Bool
    /// Whether another request may follow.
    let persists: Bool
    /// Whether its client sends the body once it gets `100 Continue`.
    let waits: Bool
    /// Whether it asks for another protocol. It is answered in this one, as a server may.
    let asksForOther: Bool

    /// - Parameter isImport: its answer begins before its length is known.
    /// - Parameter isTooLarge: its head alone has it refused.
    init(_ head: HTTPRequestHead, isImport: Bool, isTooLarge: Bool) {
        isHTTP10 = head.version == .http1_0
        self.isImport = isImport
        let expects = !isHTTP10 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
        waits = expects && !isTooLarge
        // HTTP/1.0 knows no chunks: where there is no length, the end of the connection is the end of the body.
        let hasEnd = !isHTTP10 || !isImport
        asksForOther = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        // NIO's parser reads nothing behind a request for another protocol. Whether the body of one that waits in vain
        // comes nevertheless is not known.
        persists = head.isKeepAlive && hasEnd && !asksForOther && expects == waits
    }

    /// Makes of a request's head the one of HTTP/1.1 that says the same: who answers knows no other, and no other way to
    /// say `close`.
    func normalize(_ head: inout HTTPRequestHead) {
        if !persists { head.headers.replaceOrAdd(name: "connection", value: "close") }
        if isHTTP10, !head.headers.contains(name: "host") { head.headers.add(name: "host", value: "") }
        // None or several are refused whatever the target says.
        if let authority = Self.authority(of: head.uri), head.headers["host"].count == 1 {
            head.headers.replaceOrAdd(name: "host", value: authority)
        }
    }

    /// What a target in absolute form asks for, which counts instead of `Host` (RFC 9112, section 3.2.2); nil of any
    /// other form.
    private static func authority(of target: String) -> String? {
        guard !target.hasPrefix("/"), let start = target.firstRange(of: "://")?.upperBound else { return nil }
        return String(target[start...].prefix { !"/?#".contains($0) })
    }

    /// Makes a response's head one that the client understands.
    func fit(_ head: inout HTTPResponseHead) {
        if isHTTP10 { head.version = .http1_0 }
        if !persists {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if isHTTP10, !head.headers.contains(name: "connection") {
            head.headers.add(name: "connection", value: "keep-alive")
        }
    }
}

extension HTTPRequestHead {
    /// Puts a question mark in the place of what is not ASCII in headers: it means nothing in those that are read here
    /// (RFC 9110, section 5.5), and comparing texts that have it may take seconds. An idempotency key is a text of any
    /// kind, and compared by its bytes.
    mutating func makeHeadersASCII() {
        if headers.allSatisfy({ $0.value.isASCII }) { return }
        headers = HTTPHeaders(
            headers.map { name, value in
                if value.isASCII || name.lowercased() == "idempotency-key" { return (name, value) }
                return (name, String(decoding: value.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self))
            })
    }
}

extension String {
    fileprivate var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}
