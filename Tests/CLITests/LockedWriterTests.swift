import Foundation
import Glibc
import Testing

@Suite("A process that holds the lock of the vault's writer keeps nobody waiting without a word")
struct LockedWriterTests {
    private static let waiting = "vaultdb: waiting for another process that writes to the vault\n"

    @Test func aWriteSaysOnceThatItWaits() throws {
        let place = try Workplace.withVault()
        let lock = try HeldLock(place.vault)
        let running = try place.start(["resolve", "--email", "ana@example.com"])
        try running.wait { running.errorsSoFar == Self.waiting }
        try lock.end()
        let result = try running.end()
        #expect(result.status == 0 && result.errors == Self.waiting)
        try place.expectClean()
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func theFirstSignalEndsAnImportThatWaits(_ signal: Int32) throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(2), to: "rows.csv")
        let lock = try HeldLock(place.vault)
        let running = try place.start(["import", "--kind", "lead", "rows.csv", "--assignments", "out.csv"])
        try running.wait { running.errorsSoFar == Self.waiting }
        running.signal(signal)
        let result = try running.end()
        #expect(result.status == 128 + signal)
        #expect(result.errors.hasPrefix(Self.waiting + "vaultdb: interrupted while another process writes"))
        try lock.end()
        #expect(try place.counters()["records"] ?? 0 == 0)
        #expect(try !place.files().contains { $0.hasPrefix("out.csv") })
        try place.expectClean()
    }

    @Test func aServerTellsItsLogAndEndsInTime() throws {
        let place = try Workplace.withVault()
        place.environment["VAULTDB_DRAIN_SECONDS_MAX"] = "1"
        let served = try Served(place)
        let lock = try HeldLock(place.vault)
        let words = ["RESOLVE", Workplace.organization, "EMAIL", "late@example.com"]
        let asking = try place.start(program: ["redis-cli", "-p", "\(served.port)"] + words)
        try served.program.wait { served.program.errorsSoFar.contains("Writes wait") }
        let result = try served.stop()
        #expect(result.status == 1)
        #expect(result.errors.contains("The vault can't be closed in time"))
        #expect(!result.errors.contains("Cannot schedule"))
        #expect(try asking.end().output.contains("BUSY"))
        try lock.end()
        #expect(try place.run("find", "--email", "late@example.com").status == 3)
        try place.expectClean()
    }
}
