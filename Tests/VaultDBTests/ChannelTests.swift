import TestSupport
import Testing

@testable import VaultDB

/// How ids of known systems are spelled, and which spellings are one WhatsApp number.
@Suite struct ChannelTests {
    @Test(
        arguments: [
            ("whatsapp:34600123456", "whatsapp:34600123456"), ("WhatsApp:+34 600 123 456", "whatsapp:34600123456"),
            ("whatsapp:0034600123456", "whatsapp:34600123456"), ("whatsapp:+34-600.123.456", "whatsapp:34600123456"),
            ("whatsapp:(+34) 600 123 456", "whatsapp:34600123456"), ("whatsapp: 12345678 ", "whatsapp:12345678"),
            ("whatsapp:123456789012345", "whatsapp:123456789012345"),
            ("whatsapp:US.13491208655302741918", "whatsapp:US.13491208655302741918"),
            ("whatsapp:ES.aB9", "whatsapp:ES.aB9"),
            ("whatsapp:US.ENT.11815799212886844830", "whatsapp:US.ENT.11815799212886844830"),
            ("instagram:@Ana.Pérez", nil), ("instagram:@Ana.Lopez_1", "instagram:ana.lopez_1"),
            ("instagram:17841400008460056", "instagram:17841400008460056"), ("instagram:a", "instagram:a"),
            ("facebook:Ana.Lopez", "facebook:ana.lopez"), ("facebook:@ana.lopez", "facebook:ana.lopez"),
            ("messenger:24", "messenger:24"), ("messenger:7654321098765432", "messenger:7654321098765432"),
            ("telegram:@Ana_Lopez", "telegram:ana_lopez"), ("telegram:42", "telegram:42"),
            ("tiktok:@Ana.Lopez", "tiktok:ana.lopez"), ("tiktok:7069", "tiktok:7069"),
            ("tiktok:-000kQx7Yq_L2m9ZpTt4VbNc", nil),
            ("tiktok:_000kQx7YqL2m9ZpTt4VbNc0123", "tiktok:_000kQx7YqL2m9ZpTt4VbNc0123"),
            ("x:@AnaLopez", "x:analopez"), ("twitter:Ana_1", "twitter:ana_1"),
            ("x:1234567890123456789", "x:1234567890123456789"),
            ("stripe:cus_9s6XKzkNRiz8", "stripe:cus_9s6XKzkNRiz8"), ("stripe:anything", "stripe:anything"),
            ("crm:@Ana", "crm:@Ana"), ("wa:+34 600", "wa:+34 600"), ("line:Uabc", "line:Uabc"),
        ] as [(String, String?)])
    func `an id is kept in its system's spelling`(_ raw: String, _ expected: String?) {
        #expect(ExternalID(raw)?.rawValue == expected)
    }

    @Test(arguments: [
        "whatsapp:1234567", "whatsapp:1234567890123456", "whatsapp:034600123456", "whatsapp:+0034600123456",
        "whatsapp:+34+600123456", "whatsapp:34600123456+", "whatsapp:34600x123456", "whatsapp:ana", "whatsapp:+",
        "whatsapp:٣٤٦٠٠١٢٣٤٥٦", "whatsapp:34600123456\u{301}", "whatsapp:34/600123456", "whatsapp:00",
        "whatsapp:34600123456@s.whatsapp.net", "whatsapp:us.123", "whatsapp:USA.123", "whatsapp:US.", "whatsapp:US.1.2",
        "whatsapp:US.ent.1", "whatsapp:US.ENT.", "whatsapp:US.12-3", "whatsapp:ÜS.1",
        "whatsapp:US." + String(repeating: "1", count: 129), "whatsapp:3460012\u{0}3456",
        "instagram:", "instagram:@", "instagram:@@ana", "instagram:ana lopez", "instagram:ana-lopez",
        "instagram:" + String(repeating: "a", count: 31),
        "facebook:ana", "facebook:ana_lopez", "facebook:" + String(repeating: "9", count: 51), "messenger:ánana",
        "telegram:ana", "telegram:ana.lopez", "telegram:" + String(repeating: "a", count: 33),
        "tiktok:a", "tiktok:a b", "tiktok:" + String(repeating: "a", count: 65), "x:ana.lopez", "x:a-b", "x:",
        "twitter:" + String(repeating: "a", count: 16), "x:" + String(repeating: "1", count: 21), "stripe:", "stripe: ",
    ])
    func `what breaks a system's rule is no external id`(_ raw: String) {
        #expect(ExternalID(raw) == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `normalising is a fixed point, and variants are mutual`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("0123456789@+._-( )aAzZkKéENT5\u{301}")
        let countries = ["", "+", "00", "55", "5511", "52", "521", "54", "549", "34"]
        for _ in 0..<20_000 {
            let channel = try #require(Channel.allCases.randomElement(using: &random))
            let isNumber = Bool.random(using: &random)
            let some = isNumber ? Array(alphabet[..<10]) : alphabet
            let start = countries.randomElement(using: &random) ?? ""
            let tail = (0..<Int.random(in: 1...12, using: &random)).compactMap { _ in some.randomElement(using: &random)
            }
            let text = "\(channel.rawValue):\(start)\(String(tail))"
            guard let external = ExternalID(text) else { continue }
            #expect(ExternalID(external.rawValue) == external, "\(text), seed \(seed)")
            #expect(ExternalID(stored: external.rawValue) == external, "\(text), seed \(seed)")
            for variant in external.variants {
                #expect(variant != external && variant.variants.contains(external), "\(text), seed \(seed)")
            }
        }
    }

    @Test(
        arguments: [
            // Brazil: eight digits from 6 on, or 9 and eight such digits.
            ("551187654321", "5511987654321"), ("555191234567", "5551991234567"), ("556561234567", "5565961234567"),
            // Mexico, and Argentina.
            ("525512345678", "5215512345678"), ("541123456789", "5491123456789"), ("543411234567", "5493411234567"),
        ])
    func `numbers that WhatsApp spells in two ways are variants of each other`(_ one: String, _ other: String) throws {
        let one = try #require(ExternalID("whatsapp:\(one)"))
        let other = try #require(ExternalID("whatsapp:\(other)"))
        #expect(one.variants == [other] && other.variants == [one])
    }

    @Test(arguments: [
        // Brazilian landlines, a nine before a landline, no area, an area with a zero, too long.
        "551123456789", "551151234567", "5511951234567", "5511932345678", "55119876543",
        "550187654321", "55119876543210", "5511887654321",
        // Neither ten nor eleven national digits, eleven without the digit, and other countries.
        "52551234567", "5225512345678", "5205512345678", "54112345678", "5411234567890", "541012345678901",
        "34600123456", "14155552671", "447500963029", "5511", "5198765432",
    ])
    func `landlines and all other numbers have one spelling`(_ digits: String) {
        guard let external = ExternalID("whatsapp:\(digits)") else { return }
        #expect(external.variants.isEmpty)
    }

    @Test(arguments: ["crm:5511987654321", "whatsapp:BR.5511987654321", "telegram:5511987654321", "wa:525512345678"])
    func `only WhatsApp's numbers have variants`(_ raw: String) throws {
        let external = try #require(ExternalID(raw))
        #expect(external.variants.isEmpty)
    }

    @Test(arguments: EngineKind.allCases)
    func `a person is found under the other spelling, which is not stored`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let old = try vault.resolve(externals: ["whatsapp:551187654321"])
        #expect(try vault.find("whatsapp:+55 11 98765-4321", .external, in: .clinic) == old.identity.id)
        let again = try vault.resolve("ana@example.com", externals: ["whatsapp:5511987654321"])
        #expect(again.identity == old.identity && again.matched?.text == "whatsapp:551187654321")
        #expect(again.texts.enriched == ["ana@example.com"])
        let texts = try vault.person(old).identifiers.map(\.identifier.text)
        #expect(texts.sorted() == ["ana@example.com", "whatsapp:551187654321"])
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: EngineKind.allCases)
    func `a phone that stands for another one is looked up beside a known email`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let ana = try vault.resolve("ana@example.com")
        let bob = try vault.resolve(phone: "+5511987654321")
        let both = try vault.resolve("ana@example.com", phone: "+55 11 8765-4321")
        #expect(both.identity == ana.identity && both.warnings.isEmpty)
        #expect(both.conflicts.map(\.owner) == [bob.identity.id])
        #expect(try vault.openConflicts().count == 1)
    }

    @Test(arguments: EngineKind.allCases)
    func `of two spellings that come together the first is stored`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let both = ["whatsapp:551187654321", "whatsapp:5511987654321"]
        let made = try vault.resolve(externals: both)
        #expect(try vault.person(made).identifiers.map(\.identifier.text) == [both[0]])
        let again = try vault.resolve(externals: both)
        #expect(again.identity == made.identity && again.enriched.isEmpty && again.sequence == made.sequence)
    }

    @Test(arguments: EngineKind.allCases)
    func `the exact spelling comes first, also where it identifies nobody`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let short = try vault.resolve(externals: ["whatsapp:525512345678"])
        let bob = try vault.resolve("bob@example.com")
        #expect(try vault.find("whatsapp:5215512345678", .external, in: .clinic) == short.identity.id)
        let number = try #require(try vault.number(of: .clinic))
        let long = Key.index(try vault.identifier("whatsapp:5215512345678"), in: number)
        let entry = IndexEntry(state: .blocked, holder: .nobody).encoded
        try vault.plant(Tables.byExternal, bytes(long), entry.indices.map { entry[$0] })
        #expect(try vault.find("whatsapp:5215512345678", .external, in: .clinic) == nil)
        #expect(try vault.find("whatsapp:525512345678", .external, in: .clinic) == short.identity.id)
        let answer = try vault.resolve("bob@example.com", externals: ["whatsapp:5215512345678"])
        #expect(answer.identity == bob.identity && answer.conflicts.isEmpty)
    }

    @Test(arguments: EngineKind.allCases)
    func `a marked number identifies nobody under its other spelling either`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        try vault.mark("whatsapp:5511961234567", as: .blocked)
        #expect(code { try vault.resolve(externals: ["whatsapp:551161234567"]) } == .noUsableIdentifier)
        let both = ["whatsapp:551161234567", "whatsapp:5511961234567"]
        let ana = try vault.resolve("ana@example.com", externals: both)
        #expect(ana.warnings == [.blocked(.external)])
        #expect(try vault.person(ana).identifiers.map(\.identifier.text) == ["ana@example.com"])
        try vault.mark("+5511961234567", as: .shared)
        let bea = try vault.resolve("bea@example.com", phone: "+551161234567")
        #expect(bea.warnings == [.shared(.phone)])
        #expect(try vault.check().faults == [])
    }

    @Test(arguments: EngineKind.allCases)
    func `a number's other spelling is marked, released and told of as the stored one`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let (long, short) = ("whatsapp:5215512345678", "whatsapp:525512345678")
        let ana = try vault.resolve(externals: [long])
        vault.clock.advance()
        let marked = try vault.mark(short, as: .shared)
        #expect(marked.identifier.text == long && marked.holder == ana.identity.id)
        #expect(try vault.release(short).after == .owned)
        vault.clock.advance()
        #expect(try vault.release(short).identifier.text == long)
        vault.clock.advance()
        let bea = try vault.resolve(externals: [short])
        for spelling in [long, short] {
            let held = try vault.holdings(of: vault.identifier(spelling), in: .clinic)
            #expect(held.map(\.identity).distinct() == [ana.identity.id, bea.identity.id])
            #expect(held.last?.until == nil)
        }
        #expect(try vault.check().faults == [])
    }

    @Test func `a Brazilian phone without its ninth digit is marked and released as that one`() throws {
        let vault = try EngineKind.memory.vault()
        let ana = try vault.resolve(phone: "+5511961231111")
        #expect(try vault.find("+551161231111") == ana.identity.id)
        #expect(try vault.holdings(of: vault.identifier("+551161231111"), in: .clinic).count == 1)
        #expect(try vault.release("+551161231111").holder == ana.identity.id)
    }

    @Test func `a number that was erased is known in its other spelling`() throws {
        let vault = try EngineKind.memory.vault()
        try vault.erase(try vault.resolve(externals: ["whatsapp:541123456789"]).identity.id)
        #expect(try vault.resolve(externals: ["whatsapp:5491123456789"]).warnings == [.previouslyErased])
    }
}
