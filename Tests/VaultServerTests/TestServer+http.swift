// A server under test over HTTP. Every answer of the API is compared with what its document promises.

import Foundation
import Logging
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests {
    @Suite("HTTP") enum HTTPTests {}
}

extension VaultOptions {
    /// The tests ask for order and answers, not for what survives a power cut.
    static var quick: VaultOptions {
        var options = VaultOptions()
        options.durability = .relaxed
        options.logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
        return options
    }
}

extension TestServer {
    /// Runs `body` against a server that serves HTTP, and stops it.
    static func runHTTP(
        _ configure: (inout ServerConfiguration) throws -> Void = { _ in },
        prepare: (Vault) throws -> Void = { _ in }, vault: Vault? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        try await run(
            {
                $0.httpPort = 0
                try configure(&$0)
            }, prepare: prepare, vault: vault, body)
    }

    func connectHTTP(secondsMax: Int = 60) throws -> Wire { try Wire(port: httpPort, secondsMax: secondsMax) }

    /// A request on a connection of its own, by default for the organization of the tests and with a JSON body.
    /// - Parameter headers: beside the usual ones, or instead of them; nil leaves one out.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String: String?] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> WebAnswer {
        try ask(method, path, bytes: body.map { Array($0.utf8) }, headers: headers, sourceLocation: sourceLocation)
    }

    func ask(
        _ method: String, _ path: String, bytes: [UInt8]?, headers: [String: String?] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> WebAnswer {
        var fields: [String: String?] = [
            "Host": "127.0.0.1:\(try httpPort)", "X-Organization-Id": Self.organization, "Connection": "close",
        ]
        if let bytes {
            fields["Content-Type"] = "application/json"
            fields["Content-Length"] = "\(bytes.count)"
        }
        fields.merge(headers) { $1 }
        let head = fields.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.sorted().joined()
        let wire = try connectHTTP()
        try wire.send(bytes: Array("\(method) \(path) HTTP/1.1\r\n\(head)\r\n".utf8) + (bytes ?? []))
        let answer = try wire.answer(isHead: method == "HEAD")
        try APIPromise.expect(answer, to: method, path, sourceLocation: sourceLocation)
        return answer
    }

    /// The id of the identity that these identifiers are, or become.
    func resolved(_ body: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let answer = try ask("POST", "/api/v1/contacts/resolve", body, sourceLocation: sourceLocation)
        return try answer.text("identity_id")
    }

    func put(
        _ record: String, _ body: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let answer = try ask("PUT", "/api/v1/records/\(record)", body, sourceLocation: sourceLocation)
        try #require(answer.status < 300, "\(answer.text)", sourceLocation: sourceLocation)
        return try answer.text("identity_id")
    }

    /// Two people whom a third row named at once.
    func conflictingPair() throws -> (first: String, second: String) {
        let first = try resolved(#"{"email": "ana@example.com", "name": "Ana Ruiz"}"#)
        let second = try resolved(#"{"phone": "+34600123456", "name": "Ana R"}"#)
        _ = try resolved(#"{"email": "ana@example.com", "phone": "+34600123456"}"#)
        return (first, second)
    }
}
