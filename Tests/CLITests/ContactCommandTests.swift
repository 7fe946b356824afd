import Foundation
import Testing

@Suite("contact draws a person; search finds one by name")
struct ContactCommandTests {
    /// A lead and a follower on one day, and a patient later, who gives another phone.
    private func placeWithAna() throws -> (place: Workplace, id: String) {
        let place = try Workplace.withVault()
        let records = [
            [
                "lead", "1042", "first_name=Ana", "last_name=Ruiz Gómez", "email=ana@example.com", "phone=600 123 456",
                "source=web", "status=NEW", "created_at=2025-01-01T09:30:00Z",
            ],
            [
                "follower", "ana.ruiz", "first_name=Anita", "email=ana@example.com", "external=instagram:ana.ruiz",
                "source=instagram", "created_at=2025-01-01T18:02:00Z", "active=false",
            ],
            [
                "patient", "p-7", "first_name=Ana", "last_name=Ruiz Gómez", "email=ana@example.com", "phone=910123456",
                "source=clinic", "created_at=2025-02-03T10:00:00Z", "status=ACTIVE",
            ],
        ]
        for words in records { #expect(try place.start(["put"] + words).end().status == 0) }
        return (place, try place.person("--email", "ana@example.com"))
    }

    private static func card(_ id: String) -> String {
        """
        ╭──────────────────────────────────────────────────────────────────────────────╮
        │ Ana Ruiz Gómez                           [lead] 1  [follower] 1  [patient] 1 │
        │ \(id)                                         │
        ├──────────────────────────────────────────────────────────────────────────────┤
        │ email      ana@example.com                        first contact   2025-01-01 │
        │ phone      +34910123456 (primary)                 last activity   2025-02-03 │
        │            +34600123456                           interactions    3          │
        │ external   instagram:ana.ruiz                                                │
        │ also       Anita                                                             │
        ╰──────────────────────────────────────────────────────────────────────────────╯

        2025-01-01 Wednesday
          09:30  [lead]      Ana Ruiz Gómez  web        CONVERTED  1042
          18:02  [follower]  Anita           instagram  inactive   ana.ruiz
        2025-02-03 Monday
          10:00  [patient]   Ana Ruiz Gómez  clinic     ACTIVE     p-7

        """
    }

    @Test func withoutATerminalTheCardIsText() throws {
        let (place, id) = try placeWithAna()
        #expect(try place.run("contact", id).output == Self.card(id))
        for way in [
            ["--email", "ANA@example.com"], ["--phone", "600 123 456"], ["--external", "instagram:ana.ruiz"],
        ] {
            #expect(try place.start(["contact"] + way).end().output == Self.card(id))
        }
    }

    @Test func whereTextIsNotUTF8TheFrameIsASCII() throws {
        let (place, id) = try placeWithAna()
        place.environment["LC_ALL"] = "C"
        let output = try place.run("contact", id, "--limit", "1").output
        #expect(output.hasPrefix("+-----") && output.contains("\n| Ana Ruiz"))
        let drawn = output.replacing("Gómez", with: "")
        #expect(drawn.utf8.allSatisfy { $0 < 0x80 })
    }

    @Test(arguments: [60, 80, 100, 200])
    func onATerminalNoLineIsWider(_ columns: Int) throws {
        let (place, id) = try placeWithAna()
        place.environment["TERM"] = "xterm"
        place.environment["NO_COLOR"] = "1"
        try place.run("put", "lead", String(repeating: "x", count: 60), "email=ana@example.com")
        try place.run(
            "resolve", "--email", "ana@example.com", "--external", "stripe:\(String(repeating: "c", count: 90))")
        let output = try place.onTerminal(columns: columns, "contact", id).output
        let lines = output.split(separator: "\n")
        for line in lines { #expect(line.count <= columns, "\(line)") }
        #expect(lines.first?.count == min(columns, 110))
    }

    @Test func onATerminalBadgesAreColoured() throws {
        let (place, id) = try placeWithAna()
        place.environment["TERM"] = "xterm"
        let output = try place.onTerminal("contact", id).output
        for badge in ["\u{1B}[97;44m lead ", "\u{1B}[30;42m patient ", "\u{1B}[97;45m follower "] {
            #expect(output.contains(badge))
        }
        #expect(output.contains("\u{1B}[2mAnita"), "what is inactive is dim")
    }

    @Test func theDocumentHasTheContractsNames() throws {
        let (place, id) = try placeWithAna()
        let contact = try place.document("contact", "--email", "ana@example.com")
        #expect(contact["identity_id"] as? String == id)
        #expect(contact["total_interactions"] as? Int == 3)
        #expect(contact["primary_phone"] as? String == "+34910123456")
        #expect(contact["first_contact"] as? String == "2025-01-01T09:30:00Z")
        #expect(contact["last_activity"] as? String == "2025-02-03T10:00:00Z")
        for list in ["leads", "patients", "followers"] { #expect((contact[list] as? [Any])?.count == 1) }
        #expect(
            (contact["timeline"] as? [[String: Any]])?.compactMap { $0["kind"] as? String }
                == ["lead", "follower", "patient"])
    }

    @Test func aLongTimelineIsPaged() throws {
        let (place, id) = try placeWithAna()
        let first = try place.document("contact", id, "--limit", "2", "--newest-first")
        let next = try #require(first["next"] as? String)
        let text = try place.run("contact", id, "--limit", "2", "--newest-first").output
        #expect(text.contains("next page: vaultdb contact \(id) --from \(next) --limit 2 --newest-first"))
        let second = try place.document("contact", id, "--limit", "2", "--newest-first", "--from", next)
        #expect((second["timeline"] as? [[String: Any]])?.compactMap { $0["id"] as? String } == ["1042"])
        #expect(second["total_interactions"] as? Int == 3)
        #expect(second["next"] is NSNull)
    }

    @Test func afterAMergeTheCardSaysSo() throws {
        let (place, id) = try placeWithAna()
        let other = try place.person("--email", "b@example.com")
        try place.run("merge", other, "--into", id)
        #expect(try place.run("contact", other).output.contains("│ merged from \(other) "))
        #expect(try place.document("contact", other)["redirected_from"] as? String == other)
    }

    @Test func aPersonWithoutAnythingHasACardToo() throws {
        let place = try Workplace.withVault()
        let id = try place.person("--phone", "600123456")
        let output = try place.run("contact", id).output
        #expect(output.contains("(no name)") && output.hasSuffix("no interactions yet\n"))
    }

    @Test func whoIsNotThereEndsWithThree() throws {
        let (place, id) = try placeWithAna()
        let unknown = "11111111-2222-4333-8444-555555555555"
        expectOneLineError(try place.run("contact", unknown), status: 3, containing: "no identity")
        expectOneLineError(try place.run("contact", "--email", "x@example.com"), status: 3, containing: "no identity")
        expectOneLineError(try place.run("contact", "--phone", "12"), status: 3)
        expectOneLineError(try place.run("contact", id, "--org", unknown), status: 3, containing: "organization")
        expectOneLineError(try place.run("contact"), status: 2, containing: "exactly one")
        expectOneLineError(try place.run("contact", id, "--email", "ana@example.com"), status: 2)
    }

    @Test func noControlCharacterReachesATerminal() throws {
        let place = try Workplace.withVault()
        try place.run(
            "put", "lead", "1\u{1B}[2J", "email=a@example.com", "first_name=\u{1B}]0;x\u{07}Ana", "source=\u{9B}K")
        let id = try place.person("--email", "a@example.com")
        for words in [["contact", id], ["records", id], ["search", "ana"], ["contact", id, "--json"]] {
            let result = try place.start(words).end()
            #expect(!result.output.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
        }
    }

    @Test func searchListsPeopleByName() throws {
        let (place, id) = try placeWithAna()
        let text = try place.run("search", "ana", "ru")
        #expect(text.status == 0, "\(text.errors)")
        #expect(text.output.contains("Ana Ruiz Gómez") && text.output.contains(id))
        let json = try place.run("search", "ana", "--limit", "1", "--json")
        _ = try json.json
        #expect(json.output.contains(id))
        #expect(try place.run("search", "zacarias").output == "nobody has such a name\n")
        expectOneLineError(try place.run("search"), status: 2)
        expectOneLineError(try place.run("search", " "), status: 2, containing: "word")
        expectOneLineError(try place.run("search", "ana", "--limit", "0"), status: 2)
    }
}
