import Foundation
import Glibc
import Testing

@Suite("import puts rows, says what became of each, and may be run again")
struct ImportTests {
    /// A byte order mark, semicolons, CRLF, Spanish names, a quoted line break, and three rows that can't be used.
    private static let nasty =
        "\u{FEFF}código;nombre;apellidos;correo;teléfono;notas\r\n"
        + "1;Ana;Ruiz;ANA@example.com;600 123 456;\"dos\r\nlíneas; y \"\"comillas\"\"\"\r\n"
        + "2;Luis;;;12;\r\n"
        + "3;Eva;;eva@example.com;;\r\n"
        + ";Sin;;sin@example.com;;\r\n"
        + "5;Corta\r\n"
        + "6;Ana otra vez;;ana@example.com;;🦷\r\n"

    private func placeWithNastyRows() throws -> Workplace {
        let place = try Workplace.withVault()
        try place.write(Self.nasty, to: "nasty.csv")
        return place
    }

    @Test func rejectedRowsAreToldWithTheirLine() throws {
        let place = try placeWithNastyRows()
        let result = try place.run("import", "--kind", "lead", "nasty.csv")
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 3, "\(result.errors)")
        #expect(lines.contains("nasty.csv:4: no usable email, phone or external id (no_usable_identifier)"))
        #expect(lines.contains { $0.hasPrefix("nasty.csv:6: ") && $0.hasSuffix("(missing_id)") })
        #expect(lines.contains { $0.hasPrefix("nasty.csv:7: ") && $0.hasSuffix("(wrong_field_count)") })
        #expect(result.output.contains("created"))
        #expect(result.output.contains("2 identities"))
    }

    @Test func theSummaryIsOneDocument() throws {
        let place = try placeWithNastyRows()
        let summary = try place.run("import", "--kind", "lead", "nasty.csv", "--json").object
        #expect(summary["rows"] as? Int == 6)
        #expect(summary["created"] as? Int == 2)
        #expect(summary["matched"] as? Int == 1)
        #expect(summary["rejected"] as? Int == 3)
        #expect(summary["kind"] as? String == "lead")
        #expect((summary["totals"] as? [String: Any])?["identities"] as? Int == 2)
        let id = try #require(try place.run("get", "records", "lead/1", "--json").object["identity_id"] as? String)
        let records = try place.run("records", id, "--json").object["results"] as? [[String: Any]]
        let record = try #require(records?.first { $0["id"] as? String == "1" })
        #expect((record["attributes"] as? [String: Any])?["notas"] as? String == "dos\r\nlíneas; y \"comillas\"")
        try place.expectClean()
    }

    @Test func theFirstLargeImportLeavesFullPages() throws {
        func imported(compacting: Bool) throws -> (bytes: Int, free: Int, document: [String: Any]) {
            let place = try Workplace.withVault()
            var rows = "id,name,email\n"
            for number in 0..<10_000 {
                rows += "\(number),Ana \(number),\(number &* 7_919 % 10_000)@example.com\n"
            }
            try place.write(rows, to: "many.csv")
            let result =
                compacting
                ? try place.run("import", "--kind", "lead", "many.csv", "--json")
                : try place.run("import", "--kind", "lead", "many.csv", "--json", "--no-compact")
            let document = try result.object
            let file = try place.run("stat", "--json").object
            try place.expectClean()
            return (file["file_bytes"] as? Int ?? 0, file["pages_free"] as? Int ?? 0, document)
        }
        let (compacted, plain) = (try imported(compacting: true), try imported(compacting: false))
        #expect(compacted.bytes < plain.bytes * 9 / 10)
        #expect(compacted.free < plain.free)
        let told = compacted.document["compacted_bytes"] as? [String: Int]
        #expect(told?["after"] == compacted.bytes)
        #expect(plain.document["compacted_bytes"] is NSNull)
    }

    @Test func aRerunChangesNothing() throws {
        let place = try placeWithNastyRows()
        try place.run("import", "--kind", "lead", "nasty.csv")
        let before = try place.counters()
        let again = try place.run("import", "--kind", "lead", "nasty.csv", "--json").object
        #expect(again["unchanged"] as? Int == 3)
        #expect(again["created"] as? Int == 0)
        #expect(again["updated"] as? Int == 0)
        #expect(try place.counters() == before)
    }

    @Test func assignmentsNameTheIdentityOfEachRow() throws {
        let place = try Workplace.withVault()
        let rows = [
            "id,email", "\"a,\"\"1\"\"\",a@example.com", "2,nonsense", "4", "3,A@example.com", "5,b@example.com,",
        ]
        try place.write(rows.joined(separator: "\n"), to: "rows.csv")
        let result = try place.run("import", "--kind", "lead", "rows.csv", "--assignments", "out.csv")
        #expect(result.status == 0, "\(result.errors)")
        let id = try #require(
            try place.run("find", "--email", "a@example.com", "--json").object["identity_id"] as? String)
        let expected = [
            "kind,id,identity_id", "lead,\"a,\"\"1\"\"\",\(id)", "lead,2,", "lead,4,", "lead,3,\(id)", "lead,5,", "",
        ]
        #expect(try place.read("out.csv") == expected.joined(separator: "\r\n"))
        #expect(try place.files().filter { $0.hasSuffix(".tmp") } == [])
    }

    @Test func assignmentsHaveALineOfEachRow() throws {
        let place = try Workplace.withVault()
        let lines = [
            #"{"id":"1","email":"a@example.com"}"#, #"{"id":"2","email":["x"]}"#, #"{"email":"b@example.com"}"#,
            #"{"id":"4","#, "nonsense",
        ]
        try place.write(lines.joined(separator: "\n"), to: "rows.jsonl")
        let result = try place.run("import", "--kind", "lead", "rows.jsonl", "--assignments", "out.csv")
        #expect(result.status == 0, "\(result.errors)")
        let rows = try place.read("out.csv").split(separator: "\r\n")
        #expect(rows.count == 6 && rows[1].hasPrefix("lead,1,0"))
        #expect(rows.dropFirst(2) == ["lead,2,", "lead,,", "lead,4,", "lead,,"])
    }

    @Test func rejectsBeyondTwentyAreCountedAndWrittenOnDemand() throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n" + (1...30).map { "\($0),x\n" }.joined(), to: "rows.csv")
        let result = try place.run("import", "--kind", "lead", "rows.csv")
        #expect(result.errors.split(separator: "\n").count == 21)
        #expect(result.errors.contains("… and 10 more; --rejects FILE writes all"))
        place.environment["LC_ALL"] = "C"
        #expect(try place.run("import", "--kind", "lead", "rows.csv").errors.contains("~ and 10 more"))
        #expect(try place.run("import", "--kind", "lead", "rows.csv", "-v").errors.split(separator: "\n").count >= 30)
        try place.run("import", "--kind", "lead", "rows.csv", "--rejects", "bad.csv")
        let lines = try place.read("bad.csv").split(separator: "\r\n")
        #expect(lines.count == 31)
        #expect(lines[1] == "rows.csv,2,no_usable_identifier,\"no usable email, phone or external id\"")
    }

    @Test func standardInputIsRead() throws {
        let place = try Workplace.withVault()
        try place.write("{\"id\": \"1\", \"email\": \"a@example.com\"}\n{\"id\": \"2\"}\n", to: "rows.jsonl")
        let result = try place.run("import", "--kind", "lead", "--json", "-", input: "rows.jsonl")
        #expect(try result.object["created"] as? Int == 1)
        #expect(result.errors.hasPrefix("stdin:2: "))
    }

    @Test func columnsCanBeMapped() throws {
        let place = try Workplace.withVault()
        try place.write("customer no,contact,cus\n1,a@example.com,cus_1\n", to: "rows.txt")
        let map = "id=customer no,email=contact,external:stripe=cus"
        #expect(try place.run("import", "--kind", "client", "--format", "csv", "--map", map, "rows.txt").status == 0)
        #expect(try place.run("find", "--external", "stripe:cus_1").status == 0)
        expectOneLineError(try place.run("import", "--kind", "client", "rows.txt"), status: 1, containing: "--map")
    }

    @Test func backfillKeepsTheOrder() throws {
        let place = try Workplace.withVault()
        try place.write("id,email,phone\n1,a@example.com,\n", to: "leads.csv")
        try place.write("id,email,phone\n1,a@example.com,600123456\n", to: "patients.csv")
        let result = try place.run(
            "backfill", "lead=leads.csv", "patient=patients.csv", "--json", "--assignments", "out.csv")
        let files = try #require(try result.object["files"] as? [[String: Any]])
        #expect(files.compactMap { $0["kind"] as? String } == ["lead", "patient"])
        #expect(files.compactMap { $0["created"] as? Int } == [1, 0])
        #expect(files.compactMap { $0["enriched"] as? Int } == [0, 1])
        #expect((try result.object["sum"] as? [String: Any])?["rows"] as? Int == 2)
        #expect(
            try place.read("out.csv").split(separator: "\r\n").map { $0.prefix(9) }.dropFirst() == [
                "lead,1,01", "patient,1",
            ])
        #expect(try place.run("backfill", "lead=leads.csv", "patient=patients.csv").output.contains("all"))
    }

    @Test func whatCannotBeReadOrWrittenIsRefusedBeforeTheFirstRow() throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n", to: "leads.csv")
        let before = try place.counters()
        expectOneLineError(
            try place.run("backfill", "lead=leads.csv", "patient=missing.csv"), status: 1, containing: "missing.csv")
        expectOneLineError(
            try place.run("import", "--kind", "lead", "leads.csv", "--assignments", "missing/out.csv"), status: 1,
            containing: "missing/out.csv")
        for option in ["--assignments", "--rejects"] {
            let result = try place.run("import", "--kind", "lead", "leads.csv", option, "")
            expectOneLineError(result, status: 2, containing: "has no name")
        }
        expectOneLineError(
            try place.run("backfill", "lead=leads.csv", "patient=."), status: 1, containing: "directory")
        expectOneLineError(try place.run("import", "--kind", "lead", "."), status: 1, containing: "directory")
        expectOneLineError(try place.run("import", "--kind", "lead", "/dev/null"), status: 1, containing: "empty")
        #expect(try place.counters() == before)
    }

    @Test func aFullNameBesideItsPartsIsKeptOnce() throws {
        let place = try Workplace.withVault()
        try place.write(
            "id,Full name,first_name,last_name,email\n1,Ana Ruiz,Ana,,a@example.com\n2,Eva Gil,,Gil,e@example.com\n",
            to: "rows.csv")
        try place.run("import", "--kind", "lead", "rows.csv")
        let ana = try place.document("record", "lead", "1")
        #expect(ana["first_name"] as? String == "Ana")
        #expect((ana["attributes"] as? [String: Any])?["Full name"] as? String == "Ana Ruiz")
        let eva = try place.document("record", "lead", "2")
        #expect(eva["first_name"] as? String == "Eva" && eva["last_name"] as? String == "Gil")
    }

    // MARK: Files that are written

    @Test(arguments: [
        "rows.csv", "./rows.csv", "the rows", "clinic.vault", "the clinic", "the same clinic", "clinic.vault-lock",
        "clinic.vault-wal0",
    ])
    func whatIsReadOrIsTheVaultIsNotWrittenOver(_ name: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n", to: "rows.csv")
        #expect(symlink(place.vault, place.file("the clinic")) == 0)
        #expect(link(place.vault, place.file("the same clinic")) == 0)
        #expect(link(place.file("rows.csv"), place.file("the rows")) == 0)
        for option in ["--assignments", "--rejects"] {
            let result = try place.run("import", "--kind", "lead", "rows.csv", option, name)
            expectOneLineError(result, status: 2, containing: name)
        }
        #expect(try place.read("rows.csv").hasPrefix("id,email"))
        // A vault with two names is not opened.
        unlink(place.file("the same clinic"))
        try place.expectClean()
    }

    @Test(arguments: ["--assignments", "--rejects"])
    func whatNoImportHasWrittenIsNotWrittenOver(_ option: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n2,x\n", to: "rows.csv")
        #expect(try place.run("backup", "other.vault").status == 0)
        #expect(symlink("other.vault", place.file("link.csv")) == 0)
        try place.write("Dear Ana,\n", to: "notes")
        for name in ["other.vault-wal0", "locked", "free.csv-lock"] { try place.write("", to: name) }
        try Data([0xDE, 0xC0, 0xEF, 0xBE]).write(to: URL(filePath: place.file("locked-lock")))
        let expected = [
            "notes": "not what \(option) writes", "other.vault": "belongs to a vault", "link.csv": "belongs to a vault",
            "other.vault-wal0": "belongs to a vault", "other.vault-wal1": "belongs to a vault",
            "other.vault.compact": "belongs to a vault", "locked": "belongs to a vault",
        ]
        for (name, part) in expected {
            let before = try? Data(contentsOf: URL(filePath: place.file(name)))
            let result = try place.run("import", "--kind", "lead", "rows.csv", option, name)
            expectOneLineError(result, status: 1, containing: part)
            #expect((try? Data(contentsOf: URL(filePath: place.file(name)))) == before)
        }
        #expect(try place.counters()["records"] ?? 0 == 0)
        try place.write("", to: "out.csv")
        for name in ["out.csv", "out.csv", "free.csv"] {
            #expect(try place.run("import", "--kind", "lead", "rows.csv", option, name).status == 0)
        }
    }

    @Test(arguments: ["out.csv", "./out.csv", "link.csv"])
    func assignmentsAndRejectsAreTwoFiles(_ name: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n", to: "rows.csv")
        #expect(symlink("out.csv", place.file("link.csv")) == 0)
        try place.write("old", to: "out.csv")
        let result = try place.run(
            "import", "--kind", "lead", "rows.csv", "--assignments", "out.csv", "--rejects", name)
        expectOneLineError(result, status: 2, containing: name)
        #expect(try place.read("out.csv") == "old")
    }

    @Test func aLinkIsFollowedAndAPipeIsWrittenTo() throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n2,x\n", to: "rows.csv")
        try place.write("kind,id,identity_id\r\nold", to: "out.csv")
        #expect(symlink("out.csv", place.file("link.csv")) == 0)
        #expect(mkfifo(place.file("pipe"), 0o600) == 0)
        // Open for reading and writing, a FIFO waits for no one, and holds what is written into it.
        let pipe = try #require(FileHandle(forUpdatingAtPath: place.file("pipe")))
        let result = try place.run(
            "import", "--kind", "lead", "rows.csv", "--assignments", "link.csv", "--rejects", "pipe")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try place.read("out.csv").hasPrefix("kind,id,identity_id\r\nlead,1,"))
        #expect(String(decoding: pipe.availableData, as: UTF8.self).contains("rows.csv,3,"))
        var status = stat()
        #expect(lstat(place.file("link.csv"), &status) == 0 && (status.st_mode & S_IFMT) == S_IFLNK)
    }

    /// What is in the file already stays, and what is written by other names of the stream goes behind each other.
    @Test(arguments: [
        "--assignments /dev/stdout --rejects /dev/stdout", "--assignments out.txt --rejects /proc/self/fd/2",
        "--assignments /dev/fd/3 --rejects ./out.txt",
    ])
    func aRedirectedStreamIsWrittenToAndNotReplaced(_ outputs: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n2,x\n", to: "rows.csv")
        try place.write("old\n", to: "out.txt")
        let command = "exec \(Program.path) import --kind lead rows.csv \(outputs) >> out.txt 2>&1 3>&1"
        #expect(try place.start(program: ["sh", "-c", command]).end().status == 0)
        let text = try place.read("out.txt")
        #expect(text.hasPrefix("old\n"), "\(text)")
        for part in ["kind,id,identity_id", "lead,1,", "rows.csv,3,", "The organization holds"] {
            #expect(text.contains(part), "\(part): \(text)")
        }
    }

    @Test(arguments: ["--rejects", "--assignments"])
    func aFileOnStdoutHasItAlone(_ option: String) throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,x\n", to: "rows.csv")
        let text = try place.run("import", "--kind", "lead", "rows.csv", option, "-")
        #expect(text.output.split(separator: "\r\n").count == 2, "\(text.output)")
        #expect(text.errors.contains("The organization holds"))
        let json = try place.run("import", "--kind", "lead", "rows.csv", option, "-", "--json")
        #expect(json.output == text.output)
        #expect(json.errors.contains("\"rejected\":1"))
        #expect(!place.exists("-"))
    }

    @Test func aStreamThatIsNotOpenIsRefusedBeforeTheFirstRow() throws {
        let place = try Workplace.withVault()
        try place.write("id,email\n1,a@example.com\n", to: "rows.csv")
        let result = try place.run("import", "--kind", "lead", "rows.csv", "--assignments", "/dev/fd/900")
        expectOneLineError(result, status: 1, containing: "/dev/fd/900")
        #expect(try place.counters()["records"] ?? 0 == 0)
    }

    /// `script` gives the program a terminal, as a person's shell does.
    @Test func aBarIsDrawnOnATerminalAndTakenAway() throws {
        let place = try Workplace.withVault()
        try place.write(Workplace.generatedRows(2_000), to: "rows.csv")
        place.environment["TERM"] = "xterm"
        let command = "\(Program.path) import --kind lead --batch 100 rows.csv"
        let output = try place.start(program: ["script", "-qec", command, "/dev/null"]).end().output
        #expect(output.contains("rows/s"))
        #expect(output.contains("%"))
        let last = try #require(output.range(of: "\r\u{1B}[K", options: .backwards))
        #expect(!output[last.upperBound...].contains("█"))
        place.environment["TERM"] = "dumb"
        let plain = try place.start(program: ["script", "-qec", command, "/dev/null"]).end().output
        #expect(!plain.contains("\u{1B}"))
    }
}
