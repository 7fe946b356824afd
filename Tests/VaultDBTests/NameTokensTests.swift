// What folding names promises: the same words whatever the case, the accents and the form, and a fixed point.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Words of names") struct NameTokensTests {
    private func folded(_ text: String) -> String {
        var bytes: [UInt8] = []
        NameFolding.fold(text, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("Juan Pérez", "juan perez"), ("  JOSÉ-MARÍA  d'Ors, hijo ", "jose maria dors hijo"), ("Núñez", "nunez"),
        ("O'Brien O’Brien O`Brien O´Brien OʼBrien Oʻbrien", "obrien obrien obrien obrien obrien obrien"),
        ("Gal·la Paral·lel Gaŀla Anna·Maria", "galla parallel galla anna maria"), ("Mª José", "ma jose"),
        ("Łukasz Đorđe Øystein Æthel Þór Sœur Guðrún", "lukasz dorde oystein aethel thor soeur gudrun"),
        ("Straße STRASSE ẞ", "strasse strasse ss"), ("Işık ISIK İstanbul ıi", "isik isik istanbul ii"),
        ("ＪＯＨＮ ﬁn", "john fin"), ("Ωμέγα Σίσυφος ΣΊΣΥΦΟΣ", "ωμεγα σισυφοσ σισυφοσ"), ("Йосиф Ёлка", "иосиф елка"),
        ("مُحَمَّد محـمد أحمد", "محمد محمد احمد"), ("שָׁלוֹם ג׳ורג׳", "שלום גורג"), ("ガ ｶﾞ か\u{3099}", "ガ ガ が"),
        ("प्रिया", "प्रिया"), ("김철수", "김철수"), ("山田　太郎", "山田 太郎"), ("a\u{AD}b\u{200D}c\u{FE0F}", "abc"),
        ("Juan (2º) 3ª №5", "juan 2o 3a no5"), ("🙂 & © ´ ' ·", ""), ("", ""), ("\u{93F}\u{301}x", "x"),
        ("juan.perez@x_y", "juan perez x y"),
    ])
    func `a name folds to its words`(_ name: String, _ words: String) {
        #expect(folded(name) == words)
        #expect(folded(words) == words)
        #expect(folded(name.decomposedStringWithCanonicalMapping) == words)
        #expect(folded(name.precomposedStringWithCanonicalMapping) == words)
        // A scalar that is not seen leads by the way that takes any text.
        #expect(folded(name + "\u{2060}") == words)
    }

    /// Everything a name may hold, and much that it may not.
    private static func text(_ random: inout SeededGenerator, count: ClosedRange<Int>) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0x20...0x7E, 0xA0...0x17F, 0x180...0x2FF, 0x300...0x36F, 0x370...0x5FF, 0x600...0x9FF, 0xA00...0x1FFF,
            0x2000...0x2FFF, 0x3000...0xD7FF, 0xE000...0xFFFF, 0x1_0000...0x10_FFFF,
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: count, using: &random) {
            let range = ranges.randomElement(using: &random) ?? ranges[0]
            let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random))
            // U+0345 is a mark whose capital is a letter, so that its case changes the order of other marks.
            if let scalar, scalar != "\u{345}" { scalars.append(scalar) }
        }
        return String(scalars)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `folding is a fixed point, and blind to case and canonical form`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_500 {
            let text = Self.text(&random, count: 1...12)
            let words = folded(text)
            let note = "seed \(seed): \(text.unicodeScalars.map { String($0.value, radix: 16) })"
            #expect(folded(words) == words, "\(note)")
            #expect(folded(text.uppercased()) == words && folded(text.lowercased()) == words, "\(note)")
            #expect(folded(text.decomposedStringWithCanonicalMapping) == words, "\(note)")
        }
    }

    @Test func `each scalar folds to a fixed point`() {
        var wrong: [UInt32] = []
        for value in (0...0x33FF).map(UInt32.init) + Array(0xA000...0xABFF) + Array(0xF900...0xFFFF) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let words = folded("a\(Character(scalar))b")
            if folded(words) != words { wrong.append(value) }
        }
        #expect(wrong == [])
    }

    @Test(arguments: [4, 5] as [UInt64])
    func `both ways to fold agree, and full-width letters are plain ones`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let values = (0..<12).map { _ in
                UInt32.random(in: Bool.random(using: &random) ? 0x20...0x7E : 0xC0...0x17F, using: &random)
            }
            let text = String(String.UnicodeScalarView(values.compactMap(Unicode.Scalar.init)))
            #expect(folded(text) == folded(text + "\u{2060}"), "seed \(seed): \(text)")
            let wide = values.map { 0x21...0x7E ~= $0 ? $0 + 0xFEE0 : $0 }
            let wideText = String(String.UnicodeScalarView(wide.compactMap(Unicode.Scalar.init)))
            #expect(folded(wideText) == folded(text), "seed \(seed): \(text)")
        }
    }

    // MARK: Bounds

    @Test func `words are distinct, in the order of their first place`() {
        let tokens = NameTokens(["Juan Pérez", "perez, JUAN de la Peña", "Juanito"])
        #expect(tokens.list == ["juan", "perez", "de", "la", "pena", "juanito"])
        #expect(tokens.count == 6 && !tokens.isEmpty)
        #expect(NameTokens([]) == .none && NameTokens(["🙂"]) == .none && NameTokens.none.isEmpty)
        #expect(tokens.places.map { String(decoding: tokens.encoded[$0], as: UTF8.self) } == tokens.list)
    }

    @Test func `an overlong word is cut where a scalar ends`() {
        #expect(NameTokens([String(repeating: "a", count: 64)]).list[0].utf8.count == 64)
        #expect(NameTokens([String(repeating: "a", count: 65)]).list[0].utf8.count == 64)
        #expect(NameTokens(["a" + String(repeating: "я", count: 40)]).list[0].utf8.count == 63)
        #expect(NameTokens([String(repeating: "김", count: 40)]).list[0].utf8.count == 63)
        let cut = String(repeating: "a", count: 64)
        #expect(NameTokens([cut + "b", cut + "c"]).list == [cut])
    }

    @Test(arguments: [6] as [UInt64])
    func `words are bounded in number and bytes`(_ seed: UInt64) {
        let many = NameTokens([(0..<100).map { "w\($0)" }.joined(separator: " ")])
        #expect(many.list == (0..<64).map { "w\($0)" })
        let long = NameTokens((0..<30).map { "\($0)" + String(repeating: "x", count: 60) })
        #expect(long.encoded.count <= 1_025 && long.count == 16)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let tokens = NameTokens((0..<8).map { _ in Self.text(&random, count: 0...120) })
            #expect(tokens.count <= 64 && tokens.encoded.count <= 1_025 && Set(tokens.list).count == tokens.count)
            #expect(tokens.list.allSatisfy { 1...64 ~= $0.utf8.count && NameTokens([$0]).list == [$0] }, "seed \(seed)")
        }
    }
}

extension NameTokens {
    var list: [String] { places.map { String(decoding: encoded[$0], as: UTF8.self) } }
}
