// What an email address is: the rules of normalisation, each with its odd cases, and that they lead to a fixed point.

import TestSupport
import Testing

@testable import VaultDB

@Suite struct NormalizationEmailTests {
    @Test(
        arguments: [
            ("john@example.com", "john@example.com"),
            ("  John@Example.COM  ", "john@example.com"),
            ("\u{3000}\u{A0}\tjohn@example.com\r\n", "john@example.com"),
            ("John Smith <John@Example.com>", "john@example.com"),
            ("\"Smith, John\" < John@Example.com >", "john@example.com"),
            ("<john@example.com>", "john@example.com"),
            ("<<john@example.com>>", "john@example.com"),
            ("A <a@x.es> <b@x.es>", "b@x.es"),
            ("mailto:john@example.com", "john@example.com"),
            ("MailTo: john@example.com", "john@example.com"),
            ("mailto:mailto:john@example.com", "john@example.com"),
            ("John <mailto:john@example.com>", "john@example.com"),
            ("mailto:John <john@example.com>", "john@example.com"),
            ("mailto:<mailto:<john@example.com>>", "john@example.com"),
            ("j.o.h.n+tag@example.com", "j.o.h.n+tag@example.com"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
            ("@a@b", "@a@b"),
            ("mail@to:x", "mail@to:x"),
            ("JOSÉ@EJEMPLO.ES", "josé@ejemplo.es"),
            ("Jose\u{301}@ejemplo.es", "josé@ejemplo.es"),
            ("İ@example.com", "i\u{307}@example.com"),
            ("STRAẞE@example.com", "straße@example.com"),
            ("ΣΑΣ@example.com", "σασ@example.com"),
            ("\u{212A}@example.com", "k@example.com"),
            ("H\u{331}@example.com", "\u{1E96}@example.com"),
            ("\u{1F44D}@example.com", "\u{1F44D}@example.com"),
            ("مثال@example.com", "مثال@example.com"),
        ])
    func anAddressIsNormalized(raw: String, expected: String) throws {
        let address = try #require(EmailAddress(raw))
        #expect(Array(address.rawValue.utf8) == Array(expected.utf8))
        #expect(EmailAddress(address.rawValue) == address)
    }

    @Test(
        arguments: [
            "", " ", "@", "john", "john@", "@example.com", "john example.com", "john@exa mple.com", "jo hn@example.com",
            "john@example.com\0", "jo\0hn@example.com", "john@\u{7F}example.com", "john@\u{85}example.com",
            "john@exam\u{2003}ple.com", "mailto:", "mailto:@", "<>", "John <>", "john@example.com <>", "<@>", "< @ >",
            "mailto:mailto:", "john@example.com and jane@example.com",
        ])
    func whatIsNoAddressIsNone(raw: String) {
        #expect(EmailAddress(raw) == nil)
    }

    @Test func theLongestAddressHas254Bytes() {
        let domain = "@example.com"
        let longest = String(repeating: "a", count: 254 - domain.utf8.count) + domain
        #expect(EmailAddress(longest)?.rawValue == longest)
        #expect(EmailAddress(" \(longest.uppercased()) ")?.rawValue == longest)
        #expect(EmailAddress("a" + longest) == nil)
        #expect(EmailAddress("é" + longest.dropFirst(1)) == nil)
        #expect(EmailAddress("é" + longest.dropFirst(2)) != nil)
    }

    @Test func aTextThatIsTooLongIsNotLookedAt() {
        let address = "john@example.com"
        let padding = String(repeating: " ", count: EmailAddress.rawBytesMax - address.utf8.count)
        #expect(EmailAddress(padding + address) != nil)
        #expect(EmailAddress(" " + padding + address) == nil)
        #expect(EmailAddress(String(repeating: "mailto:", count: 500) + address)?.rawValue == address)
        #expect(EmailAddress(String(repeating: "<", count: 4000) + address + ">")?.rawValue == address)
    }

    @Test func bytesThatAreNotUTF8AreNoAddress() {
        let address = Array("john@example.com".utf8)
        #expect(EmailAddress(utf8: address)?.rawValue == "john@example.com")
        #expect(EmailAddress(utf8: address + [0xFF]) == nil)
        #expect(EmailAddress(utf8: [0xC3] + address) == nil)
        #expect(EmailAddress(stored: [0xC3] + address) == nil)
    }

    @Test(arguments: ["", "john", "@x.es", "john@", "jo\u{0}hn@x.es", "Jose\u{301}@ejemplo.es"])
    func storedBytesWithoutTheFormOfAnAddressAreRefused(text: String) {
        #expect(EmailAddress(stored: Array(text.utf8)) == nil)
    }

    @Test(arguments: ["josé@ejemplo.es", "John@Example.com", "john smith@x.es", "mailto:john@x.es"])
    func storedBytesAreReadAsTheyAre(text: String) {
        #expect(EmailAddress(stored: Array(text.utf8))?.rawValue == text)
    }

    @Test(
        arguments: [
            ("john@example.com", "j***@example.com"), ("jo@example.com", "j***@example.com"),
            ("j@example.com", "***@example.com"), ("éa@x.es", "é***@x.es"), ("a@b@c.com", "a***@c.com"),
            ("john@secret@\u{301}x.es", "j***@\u{301}x.es"),
        ])
    func aMaskedAddressHidesTheLocalPart(raw: String, expected: String) throws {
        #expect(try #require(EmailAddress(raw)).masked == expected)
    }

    @Test(arguments: [("john@example.com", true), ("josé@x.es", false), ("john@x.es>", false), ("mailto:a@b", false)])
    func normalizedASCIIIsRecognized(text: String, expected: Bool) {
        #expect(EmailAddress.isNormalized(text) == expected)
    }
}

@Suite struct NormalizationEmailPropertyTests {
    @Test(arguments: [UInt64](1...4))
    func whateverComesOutIsAFixedPoint(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var usable = 0
        for _ in 0..<15_000 {
            let raw = Self.text(using: &random)
            let settled = EmailAddress.isNormalized(raw)
            guard let address = EmailAddress(raw) else {
                #expect(!settled, "seed \(seed): \(raw.debugDescription)")
                continue
            }
            usable += 1
            let bytes = Array(address.rawValue.utf8)
            let again = EmailAddress(address.rawValue).map { Array($0.rawValue.utf8) }
            #expect(again == bytes, "seed \(seed): \(raw.debugDescription)")
            #expect(!settled || bytes == Array(raw.utf8), "seed \(seed): \(raw.debugDescription)")
            #expect(EmailAddress(stored: bytes) == address, "seed \(seed): \(raw.debugDescription)")
        }
        #expect(usable > 1000, "seed \(seed)")
    }

    /// Two spellings that Unicode holds for the same give the same bytes.
    @Test func equalAddressesHaveEqualBytes() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<10_000 {
            let scalars = Self.marks(using: &random)
            let one = EmailAddress("e" + String(String.UnicodeScalarView(scalars)) + "@x.es")
            let other = EmailAddress("e" + String(String.UnicodeScalarView(scalars.reversed())) + "@x.es")
            let haveEqualBytes = one.map { Array($0.rawValue.utf8) } == other.map { Array($0.rawValue.utf8) }
            #expect((one == other) == haveEqualBytes, "seed 5: \(scalars)")
        }
    }

    @Test func addressesOrderAsTheirBytesDo() {
        var random = SeededGenerator(seed: 6)
        let addresses = (0..<5000).compactMap { _ in EmailAddress(Self.text(using: &random)) }
        let bytes = addresses.map { Array($0.rawValue.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        #expect(addresses.sorted().map { Array($0.rawValue.utf8) } == bytes, "seed 6")
    }

    private static let pieces = [
        "@", "@", "@", "a", "Z", "9", ".", "+", "<", ">", " ", "mailto:", "MAILTO:", "maİlto:", "İ", "ẞ", "ß", "Σ", "ς",
        "\u{212A}", "\u{37E}", "\u{338}", "\u{226E}", "\u{226F}", "\u{307}", "\u{301}", "\u{331}", "H", "\u{1E96}", "é",
        "ﬃ", "Ǆ", "ǅ", "한", "\u{1112}\u{1161}", "\u{1AE3}", "\u{1D165}", "\u{3000}", "\u{85}", "\0", "\u{200B}",
        "\u{202E}",
        "\u{1F1EA}", "Ꭰ", "𐐀", "\u{345}", "ΐ", "\u{1FEF}", "\u{FEFF}", "\"",
    ]

    private static func text(using random: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            text += random.chance(of: 70) ? random.pick(pieces) : String(scalar(in: 0...0x1FFFF, using: &random))
        }
        return random.chance(of: 50) ? "x\(text)@y\(random.pick(pieces))" : text
    }

    private static func marks(using random: inout SeededGenerator) -> [Unicode.Scalar] {
        (0..<2).map { _ in
            let ranges: [ClosedRange<UInt32>] = [0x300...0x36F, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x20D0...0x20F0]
            return scalar(in: random.pick(ranges), using: &random)
        }
    }

    private static func scalar(in range: ClosedRange<UInt32>, using random: inout SeededGenerator) -> Unicode.Scalar {
        while true {
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { return scalar }
        }
    }
}
