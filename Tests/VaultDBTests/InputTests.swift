// What bad input does: a clear error or correct behaviour, never a crash, and a vault that is clean afterwards.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Bad input") struct InputTests {
    static let nasty = [
        "", " ", "\0", "a\0b", "\u{7F}", "\r\n\t", "\u{85}\u{2028}", "@", "a@", "@b", "a@b@c", "a b@c.d", ":", "a:",
        ":b", "::",
        "ig:\0", "IG : x", "ig:\u{301}x", "ig: \u{301}x", "ig:\u{958}", "ig:e\u{301}", "ig:é", "i\u{301}g:x", "K:x",
        "+", "+0",
        "+34", "+99999999999999999999", "٦٠٠١٢٣٤٥٦", "６００１２３４５６", "tel:+34600123456", "+34600123456;ext=5",
        "😀", "😀@😀.com", "👨‍👩‍👧@example.com", "שלום@example.com", "\u{202E}evil@example.com", "é@example.com",
        "e\u{301}@example.com", "\u{FEFF}bom@example.com", "İ@example.com", "ẞ@EXAMPLE.com", "<a@b.c>", "mailto:",
        "a@b\u{301}",
        String(decoding: [0xFF, 0xFE, 0x40, 0x80] as [UInt8], as: UTF8.self), "\u{FFFD}@\u{FFFD}",
        String(repeating: "a", count: 250) + "@b.c", String(repeating: "a", count: 251) + "@b.c",
        String(repeating: "é", count: 126) + "@b", "ig:" + String(repeating: "x", count: 255),
        "ig:" + String(repeating: "x", count: 256), "ig:" + String(repeating: "\u{958}", count: 85),
        String(repeating: "n", count: 33) + ":x", String(repeating: "9", count: 10_000),
        String(repeating: "a", count: 10_000) + "@example.com", String(repeating: "😀", count: 3_000),
        "' OR 1=1 --", "../../etc/passwd", "%s%n", "{\"$gt\":\"\"}", "<script>alert(1)</script>",
    ]

    @Test(arguments: [.min, -1, 0, 10_001, .max] as [Int])
    func `every list refuses a limit out of bounds`(_ limit: Int) async throws {
        let clinic = try Clinic()
        let (people, id) = (clinic.people, try clinic.person("a@example.com", name: "Ana"))
        let lists: [() throws -> Void] = [
            { _ = try people.scan(.identity, limit: limit) }, { _ = try people.events(limit: limit) },
            { _ = try people.eventPage(limit: limit) }, { _ = try people.historyPage(of: id, limit: limit) },
            { _ = try people.merges(limit: limit) }, { _ = try people.erasures(limit: limit) },
            { _ = try people.conflictPage(limit: limit) }, { _ = try people.records(of: id, limit: limit) },
            { _ = try people.contact(id, limit: limit) }, { _ = try people.search("ana", limit: limit) },
        ]
        for (number, list) in lists.enumerated() {
            #expect(code { try list() } == .invalidArgument, "list \(number)")
        }
        var refusal: VaultError.Code?
        do {
            _ = try await people.changes(from: 1, limit: limit, waitMilliseconds: 0)
        } catch {
            refusal = error.code
        }
        #expect(refusal == .invalidArgument)
    }

    @Test(arguments: EngineKind.allCases)
    func `whatever stands in a field, the call works or says why, and the vault stays clean`(_ kind: EngineKind) throws
    {
        let vault = try kind.vault()
        let expected: Set<VaultError.Code?> = [nil, .noUsableIdentifier, .invalidArgument]
        for (number, text) in Self.nasty.enumerated() {
            let codes = [
                code { try vault.resolve(text) }, code { try vault.resolve(phone: text) },
                code { try vault.resolve(externals: [text, text + " "]) },
                code { try vault.resolve("n\(number)@example.com", name: text) },
                code { try vault.resolve("n\(number)@example.com", source: text) },
                code { try vault.resolve("n\(number)@example.com", key: text) },
                code { try vault.resolve(text, phone: text, externals: [text], name: text, source: text, dry: true) },
                code { try vault.put(RecordDraft(kind: .lead, id: text, email: "n\(number)@example.com")) },
                code {
                    try vault.put(
                        RecordDraft(
                            kind: .follower, id: "\(number)", firstName: text, lastName: text,
                            email: "n\(number)@example.com", phone: text, externals: [text], source: text,
                            status: text))
                },
            ]
            #expect(Set(codes).isSubset(of: expected), "\(text.debugDescription): \(codes)")
            for kind in IdentifierKind.allCases { _ = try vault.find(text, kind, in: .clinic) }
            _ = try vault.record(.lead, text, in: .clinic)
        }
        #expect(try vault.check().faults == [])
        #expect(try vault.verifyAudit(in: .clinic).isIntact)
    }

    @Test(arguments: EngineKind.allCases)
    func `what was resolved once is a hit the next time`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        for text in Self.nasty {
            for request in [
                ResolveRequest(email: text), ResolveRequest(phone: text), ResolveRequest(externals: [text]),
            ] {
                guard let first = try? vault.resolve(request, in: .clinic) else { continue }
                let before = try vault.contents()
                #expect(try vault.resolve(request, in: .clinic).identity == first.identity)
                #expect(try vault.contents() == before, "\(text.debugDescription)")
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `an external id is a fixed point of normalising, byte by byte`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let alphabet: [Unicode.Scalar] = [
            ":", " ", "a", "A", "K", "é", "e", "\u{301}", "\u{327}", "\u{958}", "\u{2126}", "\u{FB1D}", "\u{1100}",
            "\u{1161}", "\u{0}", "\u{A0}", "\u{200D}", "🙂", "\u{1D160}", "İ",
        ]
        for _ in 0..<20_000 {
            var scalars = String.UnicodeScalarView("ig:".unicodeScalars)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                scalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
            }
            guard let external = ExternalID(String(scalars)) else { continue }
            let again = ExternalID(external.rawValue)
            #expect(again?.rawValue.utf8.elementsEqual(external.rawValue.utf8) == true, "\(scalars), seed \(seed)")
            #expect("\(external.namespace):\(external.value)".utf8.elementsEqual(external.rawValue.utf8))
        }
    }

    @Test(arguments: EngineKind.allCases)
    func `external ids that differ only in their Unicode form are one`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let first = try vault.resolve(externals: ["ig:jos\u{E9}"])
        let second = try vault.resolve("a@example.com", externals: ["ig:jose\u{301}"])
        #expect(second.identity == first.identity)
        try vault.release("ig:jose\u{301}")
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: EngineKind.allCases)
    func `a hundred external ids are taken and more are refused`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let hundred = (0..<100).map { "crm:\($0)" }
        #expect(try vault.person(vault.resolve(externals: hundred)).identifiers.count == 100)
        for count in [101, 1_000] {
            let before = try vault.contents()
            #expect(code { try vault.resolve(externals: (0..<count).map { "crm:\($0)" }) } == .invalidArgument)
            #expect(
                code { try vault.put(RecordDraft(kind: .lead, id: "1", externals: (0..<count).map { "x:\($0)" })) }
                    == .invalidArgument)
            #expect(try vault.contents() == before)
        }
    }

    @Test func `names and sources are one line within bounds`() throws {
        let vault = try memoryVault()
        let longest = String(repeating: "n", count: Limits.nameBytesMax)
        #expect(try vault.person(vault.resolve("a@example.com", name: longest)).displayName == longest)
        let padded = "  " + longest + "\n\n"
        #expect(try vault.person(vault.resolve("b@example.com", name: padded)).displayName == longest)
        let control = try vault.resolve("c@example.com", name: "Ana\u{0}\u{1B}[31m\u{85}\r\nX\u{2028}Y")
        #expect(try vault.person(control).displayName == "Ana [31m X Y")
        #expect(try vault.person(vault.resolve("d@example.com", name: "שלום 🙂")).displayName == "שלום 🙂")
        for length in [Limits.nameBytesMax + 1, 10_000] {
            #expect(
                code { try vault.resolve("e@example.com", name: String(repeating: "n", count: length)) }
                    == .invalidArgument)
        }
        #expect(
            code { try vault.resolve("e@example.com", source: String(repeating: "s", count: 65)) } == .invalidArgument)
        #expect(try vault.find("e@example.com") == nil)
        let source = String(repeating: "s", count: 64)
        #expect(try vault.person(vault.resolve("f@example.com", source: source)).identifiers[0].source == source)
    }

    struct Draft: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let draft: RecordDraft
    }

    static let refusedDrafts = [
        Draft(testDescription: "no id", draft: RecordDraft(kind: .lead, id: "", email: "a@example.com")),
        Draft(testDescription: "NUL in the id", draft: RecordDraft(kind: .lead, id: "a\0b", email: "a@example.com")),
        Draft(
            testDescription: "id too long",
            draft: RecordDraft(kind: .lead, id: String(repeating: "x", count: 201), email: "a@example.com")),
        Draft(
            testDescription: "status too long",
            draft: RecordDraft(
                kind: .lead, id: "1", email: "a@example.com", status: String(repeating: "x", count: 1_025))),
        Draft(
            testDescription: "email too long",
            draft: RecordDraft(
                kind: .lead, id: "1", email: String(repeating: "x", count: 1_025), phone: "600123456")),
        Draft(
            testDescription: "name too long",
            draft: RecordDraft(
                kind: .lead, id: "1", firstName: String(repeating: "x", count: 200),
                lastName: String(repeating: "y", count: 200), email: "a@example.com")),
        Draft(
            testDescription: "attributes too long",
            draft: RecordDraft(
                kind: .lead, id: "1", email: "a@example.com",
                attributes: "{\"a\":\"" + String(repeating: "x", count: 16 << 10) + "\"}")),
    ]

    @Test(arguments: refusedDrafts)
    func `a record out of bounds is refused and nothing is written`(_ given: Draft) throws {
        let vault = try memoryVault()
        let before = try vault.contents()
        #expect(code { try vault.put(given.draft) } == .invalidArgument)
        #expect(try vault.contents() == before)
    }

    @Test(
        arguments: EngineKind.allCases,
        ["a/b", " ", "\n", "😀", "\u{1}", "e\u{301}", String(repeating: "x", count: 200)])
    func `a record id may consist of any other bytes`(_ kind: EngineKind, _ id: String) throws {
        let vault = try kind.vault()
        let attributes = "{\"a\":\"" + String(repeating: "x", count: (16 << 10) - 8) + "\"}"
        let draft = RecordDraft(kind: .lead, id: id, email: "a@example.com", attributes: attributes)
        #expect(try vault.put(draft).change == .created)
        #expect(try vault.put(draft).change == .unchanged)
        let record = try #require(try vault.record(.lead, id, in: .clinic))
        #expect(record.id.utf8.elementsEqual(id.utf8) && record.attributes == attributes)
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: [
        "x", "[]", "1", "\"a\"", "{", "{}{}", "{\"a\":}", "{\"a\":1,}", "null", " ", "{\"a\":\"\n\"}",
        #"{"a":1,"a":2}"#, #"{"x":[{"a":1,"\u0061":2}]}"#, #"{"a":"\u0000"}"#, #"{"a":"\ud800"}"#,
        "{\"a\":" + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}",
    ])
    func `attributes that are no JSON object are refused`(_ attributes: String) throws {
        let vault = try memoryVault()
        let draft = RecordDraft(kind: .lead, id: "1", email: "a@example.com", attributes: attributes)
        #expect(code { try vault.put(draft) } == .invalidArgument)
    }

    @Test(arguments: [
        ("{}", "{}"), (#" {"a" : [1, {"b": null}]} "#, #"{"a":[1,{"b":null}]}"#),
        (#"{"é":"🙂\u00e9  x"}"#, #"{"é":"🙂\u00e9  x"}"#),
    ])
    func `a JSON object is kept as it was given, without white space between its tokens`(
        _ given: String, _ kept: String
    ) throws {
        let vault = try memoryVault()
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com", attributes: given))
        #expect(try vault.record(.lead, "1", in: .clinic)?.attributes == kept)
    }

    @Test func `asking for a record by an id that is too long finds nothing`() throws {
        let vault = try memoryVault()
        try vault.put(RecordDraft(kind: .lead, id: "1", email: "a@example.com"))
        for length in [201, 255, 512, 100_000] {
            #expect(try vault.record(.lead, String(repeating: "x", count: length), in: .clinic) == nil)
        }
    }
}
