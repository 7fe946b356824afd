// The tables that are made of libphonenumber's metadata say of a number what libphonenumber says, or nothing.

import CPhoneNumber
import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite struct NormalizationTablesTests {
    /// How many inputs each part tries; VAULTDB_PHONE_INPUTS asks for more.
    private static let inputs =
        ProcessInfo.processInfo.environment["VAULTDB_PHONE_INPUTS"].flatMap { Int($0) } ?? 20_000

    @Test(arguments: [UInt64](1...8))
    func whatTheTablesAreCertainOfIsWhatLibphonenumberSays(seed: UInt64) {
        var random = SeededGenerator(seed: seed &* 0x5DEE_CE66)
        let regions = NormalizationSpellings.regions
        let examples = regions.map(NormalizationSpellings.examples)
        var certain = 0
        for _ in 0..<Self.inputs {
            let home = Int.random(in: regions.indices, using: &random)
            guard !examples[home].isEmpty else { continue }
            let text = Self.digits(like: random.pick(examples[home]), using: &random)
            let region = random.chance(of: 85) ? regions[home] : random.pick(regions)
            guard let answer = Self.byTables(text, region: region) else { continue }
            certain += 1
            let expected = PhoneNumber.reference(text, region: region)
            #expect(answer == expected, "seed \(seed): \(text) in \(region): \(answer), not \(expected as Any)")
        }
        #expect(certain > Self.inputs / 10, "seed \(seed)")
    }

    @Test(arguments: ["600123456", "600 123 456", "600-12-34-56", "+34 600 123 456", "+34600123456", "(91) 123.45.67"])
    func aNumberAsPeopleWriteItIsCertain(_ text: String) {
        let isWrapped = text.hasPrefix("(")
        #expect((Self.byTables(text, region: .spain) != nil) != isWrapped)
        #expect(Normalizer().phone(text, region: .spain) == PhoneNumber.reference(text, region: .spain))
    }

    @Test(arguments: [
        "", "+", "6", "600 123 45", "6001234567", "0034600123456", "600123456 ext 4", "600123456x4", "600/123456",
        " 600123456", "600123456#", "six", "١٢٣", "+1 2025550123", "+34", "123456789012345678901234567890",
    ])
    func whatIsNotCertainIsLeftToLibphonenumber(_ text: String) {
        #expect(Self.byTables(text, region: .spain) == nil)
    }

    /// Digits near an example's, at least half of them its own, with marks between them or without.
    private static func digits(like example: String, using random: inout SeededGenerator) -> String {
        var digits = example.utf8.filter { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty else { return example }
        for _ in 0..<Int.random(in: 0...digits.count / 2, using: &random) {
            let place = Int.random(in: digits.indices, using: &random)
            digits[place] = UInt8.random(in: 0x30...0x39, using: &random)
        }
        if random.chance(of: 15) { digits.append(UInt8.random(in: 0x30...0x39, using: &random)) }
        if random.chance(of: 15), digits.count > 1 { digits.removeLast() }
        var text = example.hasPrefix("+") || random.chance(of: 5) ? "+" : ""
        for digit in digits {
            if random.chance(of: 10), text.utf8.last.map({ $0 != 0x2B }) ?? false {
                text += random.pick([" ", "-", ".", " (", ") "])
            }
            text.unicodeScalars.append(Unicode.Scalar(digit))
        }
        return text
    }

    private static func byTables(_ text: String, region: Region) -> PhoneNumber? {
        var digits: UInt64 = 0
        let bytes = Array(text.utf8)
        guard cpn_normalize_by_tables(bytes, bytes.count, region.packed, &digits) else { return nil }
        return PhoneNumber(digits: digits)
    }
}
