import Foundation
import Testing

@Suite("A standard stream that is closed is none of the vault's files")
struct StandardStreamsTests {
    @Test(arguments: [">&-", "2>&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"])
    func nothingIsPrintedIntoTheVault(_ closed: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,x\n", to: "rows.csv")
        func status(_ words: String) throws -> Int32 {
            try place.start(program: ["sh", "-c", "exec \(Program.path) \(words) \(closed)"]).end().status
        }
        // What can't be printed is a failure; what can't be told is not.
        let expected: Int32 = closed.contains(" >&-") || closed.hasPrefix(">&-") ? 1 : 0
        #expect(try status("resolve --email a@example.com --json") == expected)
        #expect(try status("import --kind lead rows.csv --json") == expected)
        for name in try place.files() where name.hasPrefix("clinic.vault") {
            let content = try place.read(name)
            #expect(!content.contains("identity_id") && !content.contains("no_usable_identifier"), "\(name)")
        }
        #expect(try place.run("find", "--email", "a@example.com").status == 0)
        try place.expectClean()
    }

    @Test func nothingIsReadFromAnInputThatIsClosed() throws {
        let place = try Workplace.withVault()
        let command = "exec \(Program.path) import --kind lead - <&-"
        expectOneLineError(try place.start(program: ["sh", "-c", command]).end(), status: 1)
        try place.expectClean()
    }
}
