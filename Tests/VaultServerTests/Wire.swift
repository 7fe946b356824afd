// Wire is a plain socket to a server under test, for what no client library would send.

import Foundation
import Glibc
import Testing

final class Wire {
    private var socket: Int32
    private var buffer: [UInt8] = []
    /// Whether the server has ended the connection without an end of what it sends.
    private(set) var isReset = false

    /// - Parameter secondsMax: how long a reply may be waited for before the test fails.
    /// - Parameter receiveBytes: what the system may hold of replies that are not read, likewise of what is sent.
    init(port: Int, receiveBytes: Int32? = nil, sendBytes: Int32? = nil, secondsMax: Int = 60) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(socket >= 0)
        for (option, bytes) in [(SO_RCVBUF, receiveBytes), (SO_SNDBUF, sendBytes)] {
            guard var bytes else { continue }
            setsockopt(socket, SOL_SOCKET, option, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: secondsMax, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0, "can't connect to \(port)")
    }

    deinit { if socket >= 0 { close(socket) } }

    func send(_ text: String) throws { try send(Array(text.utf8)[...]) }

    func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            try #require(count > 0, "the server does not take what is sent")
            rest = rest.dropFirst(count)
        }
    }

    /// Sends what the system takes at once.
    /// - Returns: the bytes taken; nil where the connection is gone.
    func sendWhatFits(_ bytes: [UInt8]) -> Int? {
        let count = bytes.withUnsafeBytes {
            Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if count >= 0 { return count }
        return errno == EAGAIN ? 0 : nil
    }

    /// Sends a request again and again, until the system has taken nothing of it for a while.
    /// - Returns: the bytes taken; from `bytesMax` on no more are sent.
    func sendUntilStalled(_ request: [UInt8], bytesMax: Int) async throws -> Int {
        let piece = Array((0..<20).flatMap { _ in request })
        var (taken, stalls) = (0, 0)
        while stalls < 300, taken < bytesMax {
            let count = try #require(sendWhatFits(Array(piece[(taken % piece.count)...])))
            taken += count
            if count == 0 {
                stalls += 1
                try await Task.sleep(for: .milliseconds(1))
            } else {
                stalls = 0
            }
        }
        return taken
    }

    func command(_ words: String...) throws -> String {
        try send(Self.encoded(words))
        return try reply()
    }

    static func encoded(_ words: [String]) -> String {
        "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }

    /// Ends the connection without a word, and what was received with it.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close(socket)
        socket = -1
    }

    /// Closes the connection as a program does that ends, and has the system forget it at once and not after a minute.
    func closeAndForget() {
        var none: Int32 = -1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_LINGER2, &none, socklen_t(MemoryLayout<Int32>.size))
        close(socket)
        socket = -1
    }

    func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// The next reply, in words: arrays in brackets, null as `nil`.
    func reply() throws -> String {
        let line = try line()
        let rest = String(line.dropFirst())
        switch line.first {
        case "+", "-", ":", ",", "#": return line.first == "+" ? rest : line
        case "_": return "nil"
        case "$", "=":
            guard let count = Int(rest), count >= 0 else { return "nil" }
            let text = try take(count + 2).dropLast(2)
            return String(decoding: text, as: UTF8.self)
        case "*", "~", "%":
            guard let count = Int(rest), count >= 0 else { return "nil" }
            let elements = try (0..<(line.first == "%" ? count * 2 : count)).map { _ in try reply() }
            return "[\(elements.joined(separator: ", "))]"
        default:
            Issue.record("no reply: \(line)")
            return line
        }
    }

    /// Whether the server has closed the connection, after what it still had to say.
    func isClosed() -> Bool {
        while fill() {}
        return errno != EAGAIN
    }

    /// Everything until the server closes.
    func all() -> String {
        while fill() {}
        return String(decoding: buffer, as: UTF8.self)
    }

    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<(end - 1)], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            try #require(fill(), "the connection ended before a reply")
        }
    }

    func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try #require(fill(), "the connection ended within a reply") }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        errno = 0
        let count = recv(socket, &piece, piece.count, 0)
        isReset = count < 0 && errno == ECONNRESET
        guard count > 0 else { return false }
        buffer += piece.prefix(count)
        return true
    }
}
