import Foundation
import Testing

@Suite("The contacts of a clinic, where they are there: one identity a person")
struct ContactsTests {
    /// Beside the checkout, or where VAULTDB_CONTACTS says.
    private static let contacts: String? = {
        if let given = ProcessInfo.processInfo.environment["VAULTDB_CONTACTS"] { return given }
        let package = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        let path = package.appending(path: "../shared/data/contacts").standardizedFileURL.path()
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    @Test(.enabled(if: contacts != nil, "the contacts are not there"))
    func theMainJobGivesTheKnownNumbersAndARerunChangesNothing() throws {
        let contacts = try #require(Self.contacts)
        let place = try Workplace.withVault()
        let words = ["backfill", "--json"] + ["lead", "patient", "follower"].map { "\($0)=\(contacts)/\($0)s.csv" }
        let document = try place.start(words).end().object
        let sum = try #require(document["sum"] as? [String: Any])
        let counters = try place.counters()
        #expect(sum["rows"] as? Int == 8_995)
        #expect(counters["identities"] == 4_327)
        #expect(counters["emails"] == 3_562)
        #expect(counters["phones"] == 3_486)
        #expect(sum["conflicts"] as? Int == 175)
        #expect(sum["rejected_by_reason"] as? [String: Int] == ["no_usable_identifier": 196])

        let again = try #require(try place.start(words).end().object["sum"] as? [String: Any])
        #expect(again["unchanged"] as? Int == 8_995 - 196)
        for name in ["created", "matched", "enriched", "updated"] { #expect(again[name] as? Int == 0) }
        #expect(try place.counters() == counters)
        try place.expectClean()
    }
}
