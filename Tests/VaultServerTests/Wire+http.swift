// HTTP/1.1 over a plain socket: requests as they are written, whole or in pieces, and answers as they come.

import Foundation
import Testing
import VaultDB

/// An answer of the server over HTTP.
struct WebAnswer {
    let status: Int
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONElement {
        get throws { try JSONElement(parsing: body.span) }
    }
    var lines: [JSONElement] {
        get throws { try body.split(separator: 0x0A).map { try JSONElement(parsing: Array($0).span) } }
    }

    /// The value of a header; nil where it is absent.
    subscript(header: String) -> String? { headers.first { $0.name == header.lowercased() }?.value }

    /// A member of the body that is a text.
    func text(_ member: String) throws -> String { try #require(try json[member]?.string, "\(text)") }
}

extension Wire {
    func send(bytes: [UInt8]) throws { try send(bytes[...]) }

    /// A chunk of a body that is sent in such.
    func send(chunk: String) throws { try send(chunk: Array(chunk.utf8)) }

    func send(chunk: [UInt8]) throws {
        try send(bytes: Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8))
    }

    /// The next answer with its whole body.
    /// - Parameter isHead: there is none, as the request was HEAD.
    func answer(isHead: Bool = false) throws -> WebAnswer {
        var answer = try answerHead()
        if isHead || answer.status == 304 || answer.status == 204 { return answer }
        if answer["transfer-encoding"] == "chunked" {
            while let chunk = try chunk() { answer.body += chunk }
        } else {
            answer.body = try take(answer["content-length"].flatMap { Int($0) } ?? 0)
        }
        return answer
    }

    func answerHead() throws -> WebAnswer {
        let status = try line().split(separator: " ")
        var headers: [(name: String, value: String)] = []
        while case let field = try line(), !field.isEmpty {
            let colon = try #require(field.firstIndex(of: ":"), "no header: \(field)")
            headers.append(
                (field[..<colon].lowercased(), field[colon...].dropFirst().trimmingCharacters(in: .whitespaces)))
        }
        return WebAnswer(status: try #require(status.dropFirst().first.flatMap { Int($0) }), headers: headers)
    }

    /// The next piece of a body; nil at its end.
    func chunk() throws -> [UInt8]? {
        let size = try #require(Int(try line(), radix: 16))
        let chunk = try take(size)
        _ = try line()
        return size == 0 ? nil : chunk
    }
}
