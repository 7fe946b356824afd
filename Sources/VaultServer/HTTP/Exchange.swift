internal import NIOHTTP1

/// What a request says of the connection and of its own answer (RFC 9112, section 9.3).
struct Exchange {
    private let isHTTP10: Bool
    /// Whether another request may follow.
    let persists: Bool
    /// Whether its client sends the body once it gets `100 Continue`.
    let waits: Bool
    /// Whether it asks for another protocol. It is answered in this one, as a server may.
    let asksForOther: Bool

    /// - Parameter isStreaming: its answer begins before its length is known.
    init(_ head: HTTPRequestHead, isStreaming: Bool) {
        isHTTP10 = head.version == .http1_0
        waits = !isHTTP10 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
        // HTTP/1.0 knows no chunks: where there is no length, the end of the connection is the end of the body.
        let hasEnd = !isHTTP10 || !isStreaming
        asksForOther = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        // NIO's parser reads nothing behind a request for another protocol.
        persists = head.isKeepAlive && hasEnd && !asksForOther
    }

    /// Makes of a request's head the one of HTTP/1.1 that says the same: who answers knows no other, and no other way to
    /// say `close`.
    func normalize(_ head: inout HTTPRequestHead) {
        if !persists { head.headers.replaceOrAdd(name: "connection", value: "close") }
        if isHTTP10, !head.headers.contains(name: "host") { head.headers.add(name: "host", value: "") }
    }

    /// Makes a response's head one that the client understands.
    func fit(_ head: inout HTTPResponseHead) {
        if isHTTP10 { head.version = .http1_0 }
        if !persists {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if isHTTP10 {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
    }
}
