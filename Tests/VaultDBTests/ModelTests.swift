// Long random sequences of operations, on the vault and on the plain model side by side.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Against the model") struct ModelTests {
    struct Run: Sendable, CustomTestStringConvertible {
        let engine: EngineKind
        let seed: UInt64
        var testDescription: String { "\(engine), seed \(seed)" }
    }

    static let runs = [
        Run(engine: .memory, seed: 1), Run(engine: .memory, seed: 2), Run(engine: .memory, seed: 3),
        Run(engine: .lmdb, seed: 4), Run(engine: .lmdb, seed: 5),
    ]
    static let steps = 720

    /// What every run is to have met at least once: operations, and refusals by their codes.
    static let operations = [
        "blocked", "delete byKind", "delete hard", "delete hard: refused", "delete soft", "dry run", "erase",
        "keep apart", "keep apart: not_found", "merge", "merge and back", "merge converts",
        "merge moves conflicts", "merge settles", "merge: refused", "put", "put converts", "put created", "put moved",
        "put previously erased", "put unchanged", "put updated", "put, keeping", "put, named", "put, named, moving",
        "put: no_usable_identifier", "region", "release", "release: not_found", "replay: erased", "resolve",
        "resolve with a key", "resolve: no_usable_identifier", "shared", "unmerge", "unmerge: not_found",
        "unmerge: refused",
    ]

    @Test(arguments: runs)
    func `every answer and the whole state are those of the model`(_ run: Run) throws {
        let directory = try TemporaryDirectory()
        let vault: any TestVault = run.engine == .lmdb ? try lmdbVault(in: directory) : try memoryVault()
        let twins = Twins(vault, seed: run.seed)
        for step in 1...Self.steps where twins.agrees {
            try twins.step()
            if step % 20 == 0 { twins.expect(try vault.check().faults, [], "check") }
            if step % 60 == 0 { try twins.compareState() }
            if step % 300 == 0 { try twins.compareTrails() }
        }
        try #require(twins.report == "", "seed \(run.seed)")
        #expect(Self.operations.filter { twins.tally[$0] == nil } == [], "seed \(run.seed) has met everything")
        guard run.engine == .lmdb else { return }
        let before = try vault.contents()
        vault.close()
        let reopened = try lmdbVault(in: directory)
        #expect(try reopened.contents() == before)
    }

    @Test func `the pools are what the normaliser makes of their spellings`() throws {
        let normalizer = Normalizer(spellingCacheSlots: 0)
        for email in Pool.emails {
            for spelling in email.spellings { #expect(EmailAddress(spelling)?.rawValue == email.text) }
        }
        for phone in Pool.phones {
            for spelling in phone.spellings {
                #expect(normalizer.phone(spelling, region: .spain)?.rawValue == phone.text)
                #expect(normalizer.phone(spelling, region: Pool.france)?.rawValue == phone.textInFrance(spelling))
            }
        }
    }
}
