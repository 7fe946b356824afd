// TestServer runs a server over a new vault within the test's own process.

import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

/// What is tested on a running server. One test after the other: they wait for sockets, and threads for waiting are few.
@Suite("Server", .serialized, .timeLimit(.minutes(5))) enum ServerTests {}

final class TestServer: Sendable {
    static let organization = "8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80"
    static let other = "0198c0de-0000-7000-8000-00000c111c00"

    let vault: Vault
    let server: Server
    let port: Int
    /// Of HTTP, where the configuration asks for it.
    private let httpRoot: String?
    private let directory: TemporaryDirectory
    private let services: ServiceGroup
    private let running: Task<Void, any Error>

    var vaultPath: String { directory.file("vault") }
    var clinic: Organization { vault.organization(UUID(uuidString: Self.organization) ?? UUID()) }

    /// Runs `body` against a server, and stops it.
    static func run(
        _ configure: (inout ServerConfiguration) throws -> Void = { _ in },
        prepare: (Vault) throws -> Void = { _ in }, vault: Vault? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        let server = try await TestServer(configure, prepare, vault: vault)
        do {
            try await body(server)
        } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    init(
        _ configure: (inout ServerConfiguration) throws -> Void = { _ in },
        _ prepare: (Vault) throws -> Void = { _ in }, vault given: Vault? = nil
    ) async throws {
        directory = try TemporaryDirectory()
        let options = VaultOptions.quick
        vault = try given ?? Vault(at: directory.file("vault"), options: options)
        try prepare(vault)
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.httpPort = nil
        configuration.threads = 2
        try configure(&configuration)
        let (addresses, ready) = AsyncStream.makeStream(of: Server.Addresses.self)
        server = try Server(
            vault, configuration, durability: .relaxed, logger: options.logger,
            onReady: {
                ready.yield($0)
                ready.finish()
            })
        services = ServiceGroup(services: [server], logger: options.logger)
        running = Task { [services] in
            // A server that can't start must not be waited for.
            defer { ready.finish() }
            try await services.run()
        }
        var listening: Server.Addresses?
        for await found in addresses { listening = found }
        port = try #require(listening?.resp.split(separator: ":").last.flatMap { Int($0) })
        httpRoot = listening?.http
    }

    func stop() async throws {
        try await stopServing()
        vault.close()
    }

    func stopServing() async throws {
        await services.triggerGracefulShutdown()
        try await running.value
    }

    func connect() throws -> Wire { try Wire(port: port) }

    /// Where HTTP listens.
    var httpPort: Int {
        get throws { try #require(httpRoot?.split(separator: ":").last.flatMap { Int($0) }, "HTTP is not served") }
    }
}
