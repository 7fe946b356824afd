// What the log promises: it says in words what happened, and names nobody.

import Foundation
import Logging
import Synchronization
import Testing

@testable import VaultDB

/// Keeps what is logged.
private final class Captured: Sendable {
    struct Line: Equatable {
        let level: Logger.Level
        let message: String
        let metadata: [String: String]
        var text: String { "\(message) \(metadata)" }
    }

    private let kept = Mutex<[Line]>([])
    var lines: [Line] { kept.withLock { $0 } }

    func append(_ line: Line) { kept.withLock { $0.append(line) } }

    func logger(_ level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(captured: self) }
        logger.logLevel = level
        return logger
    }
}

private struct Handler: LogHandler {
    let captured: Captured
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        captured.append(
            .init(level: event.level, message: "\(event.message)", metadata: metadata.mapValues { "\($0)" }))
    }
}

@Suite("Logging") struct LoggingTests {
    @Test func `what happened is said in words, with masked identifiers`() throws {
        let captured = Captured()
        let vault = try memoryVault(logger: captured.logger())
        let created = try vault.resolve("john@example.com")
        try vault.resolve("john@example.com")
        try vault.resolve("john@example.com", phone: "600123456", externals: ["ig:john"])
        try vault.resolve("other@example.com")
        try vault.resolve("other@example.com", phone: "600123456")
        let lines = captured.lines
        #expect(
            lines.map(\.message) == [
                "New identity created", "Identity match found", "Enriched identity", "New identity created",
                "Identity match found, in conflict with another",
            ])
        #expect(lines.map(\.level) == [.info, .debug, .info, .info, .info])
        #expect(lines[0].metadata == ["identity": created.identity.id.text])
        #expect(lines[1].metadata == ["identity": created.identity.id.text, "matched": "j***@example.com"])
        #expect(lines[2].metadata["enriched"] == #"["ig:j***", "+34***456"]"#)
        #expect(lines[4].metadata["conflicts"] == #"["+34***456"]"#)
    }

    @Test func `hits are told only where the level asks for them`() throws {
        let captured = Captured()
        let vault = try memoryVault(logger: captured.logger(.info))
        for _ in 0..<3 { try vault.resolve("john@example.com") }
        #expect(captured.lines.map(\.message) == ["New identity created"])
    }

    @Test func `what changed nobody is no news`() throws {
        let captured = Captured()
        let vault = try memoryVault(logger: captured.logger())
        var lead = RecordDraft(kind: .lead, id: "1", email: "john@example.com")
        lead.idempotencyKey = "lead"
        for _ in 0..<2 { try vault.put(lead) }
        try vault.resolve("john@example.com", key: "hit")
        try vault.resolve("john@example.com", dry: true)
        for _ in 0..<2 { try vault.mark("john@example.com", as: .shared) }
        let messages = ["New identity created", "Identity match found", "Identifier shared"]
        #expect(captured.lines.map(\.message) == messages)
        #expect(captured.lines.map(\.level) == [.info, .debug, .info])
    }

    @Test func `nothing raw is logged in a random run`() throws {
        let captured = Captured()
        let vault = try memoryVault(logger: captured.logger())
        let seed: UInt64 = 12
        let secrets = try Secrets.fill(vault, seed: seed)
        let texts = captured.lines.map(\.text)
        #expect(texts.count > 150)
        for secret in secrets { #expect(!texts.contains { $0.contains(secret) }, "\(secret), seed \(seed)") }
    }

    @Test func `no error says an email, a phone or a name`() throws {
        let vault = try memoryVault()
        let secret = "Secret.600@"
        let attempts: [() throws -> Void] = [
            { try vault.resolve(secret) }, { try vault.resolve(phone: secret) }, { try vault.release("secret@x.com") },
            { try vault.resolve("a@b.c", name: String(repeating: secret, count: 100)) },
            { _ = try vault.identifier(secret, .email, in: .clinic) },
            { _ = try vault.identifier(secret, .phone, in: .clinic) },
            { _ = try vault.identifier(secret, .external, in: .clinic) },
            { try vault.put(RecordDraft(kind: .lead, id: "1", email: secret)) },
        ]
        for attempt in attempts {
            do {
                try attempt()
                Issue.record("it should be refused")
            } catch {
                let text = "\(error)".lowercased()
                #expect(!text.contains("secret") && !text.contains("600"))
            }
        }
    }
}
