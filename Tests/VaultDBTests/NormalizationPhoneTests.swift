// What a phone number is: libphonenumber's valid numbers in E.164, and nothing else.

import TestSupport
import Testing

@testable import VaultDB

@Suite struct NormalizationPhoneTests {
    private let normalizer = Normalizer(spellingCacheSlots: 64)

    @Test(
        arguments: [
            ("600 123 456", "+34600123456"),
            ("600.123.456", "+34600123456"),
            ("(+34) 600123456", "+34600123456"),
            ("0034600123456", "+34600123456"),
            ("34627850155", "+34627850155"),
            (" +34635887766 ", "+34635887766"),
            ("whatsapp:+447500963029", "+447500963029"),
            ("+55 219 867 25037", "+5521986725037"),
            ("600 123 456 ext. 7", "+34600123456"),
            ("６００１２３４５６", "+34600123456"),
            ("٦٠٠١٢٣٤٥٦", "+34600123456"),
            ("\u{202B}600 123 456\u{202C}", "+34600123456"),
        ])
    func aSpellingInSpainIsRead(spelling: String, expected: String) {
        let number = normalizer.phone(spelling, region: .spain)
        #expect(number?.rawValue == expected)
        #expect(number == PhoneNumber.reference(spelling, region: .spain))
    }

    @Test func aSpellingIsLeftToTheRegion() throws {
        let unitedStates = try #require(Region("US"))
        #expect(normalizer.phone("0013059361673", region: .spain)?.rawValue == "+13059361673")
        #expect(
            normalizer.phone("0013059361673", region: unitedStates)
                == PhoneNumber.reference("0013059361673", region: unitedStates))
        #expect(normalizer.phone("(305) 936-1673", region: unitedStates)?.rawValue == "+13059361673")
        #expect(normalizer.phone("(305) 936-1673", region: .spain) == nil)
    }

    @Test(
        arguments: [
            "", " ", "12", "+", "+34", "000000000", "hello", "😀", "\0", "\0\0\0\0\0\0", "مرحبا", "+34 600", "600123",
            String(repeating: "6", count: 251), String(repeating: "6", count: 10_000), "+999600123456",
        ])
    func whatIsNoNumberIsNone(spelling: String) {
        #expect(normalizer.phone(spelling, region: .spain) == nil)
        #expect(normalizer.phone(spelling, region: .spain) == nil)
    }

    @Test(
        arguments: [
            [0xFF], [0x36, 0x80], [0xC3], [0xC0, 0xB6], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
            Array("600123456".utf8) + [0xFE], [0xF0, 0x9F] + Array("600123456".utf8),
            Array(repeating: 0x80, count: 250),
        ] as [[UInt8]])
    func whatIsNotUTF8IsNoNumber(bytes: [UInt8]) {
        #expect(normalizer.phone(utf8: bytes, region: .spain) == nil)
    }

    @Test func randomBytesAreReadWithoutHarm() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                random.chance(of: 50)
                    ? UInt8.random(in: 0x30...0x39, using: &random) : UInt8(truncatingIfNeeded: random.next())
            }
            let number = normalizer.phone(utf8: bytes, region: .spain)
            let isUTF8 = String(validating: bytes, as: UTF8.self) != nil
            #expect(isUTF8 || number == nil, "seed 11: \(bytes)")
        }
    }

    @Test func anAnswerThatIsNoFixedPointIsReadAgain() throws {
        let mexico = try #require(Region("MX"))
        let number = try #require(normalizer.phone("+52 1 1 445 750 8837", region: mexico))
        #expect(number.rawValue == "+524457508837")
        #expect(normalizer.phone("+52 1 445 750 8837", region: .spain) == number)
    }

    @Test func whatLibphonenumberCallsValidMayBeLongerThanE164Says() throws {
        var random = SeededGenerator(seed: 12)
        var longest = 0
        for _ in 0..<500 {
            let text = "+49" + (0..<15).map { _ in random.pick(["2", "3", "4", "5"]) }.joined()
            let number = normalizer.phone(text, region: .spain)
            #expect(number == PhoneNumber.reference(text, region: .spain), "seed 12: \(text)")
            longest = max(longest, number?.rawValue.utf8.count ?? 0)
        }
        #expect(longest == 18)
    }
}

@Suite struct NormalizationPhoneNumberTests {
    private func number(_ text: String) throws -> PhoneNumber {
        try #require(PhoneNumber(stored: text))
    }

    @Test(arguments: ["+34600123456", "+123", "+290215", "+6212345678901234567", "+9999999999999999999", "+1000000000"])
    func theASCIIFormComesBack(text: String) throws {
        let number = try number(text)
        #expect(number.rawValue == text)
        #expect(number.asciiBytes == text.utf8.count)
        let bytes = number.withASCII { ascii in ascii.indices.map { ascii[$0] } }
        #expect(bytes == Array(text.utf8))
    }

    @Test(
        arguments: [
            "", "+", "+3", "+34", "34600123456", "+04600123456", "+34600 12345", "+3460012345x", "++34600123456",
            "+34600123456\0", "+٣٤٦٠٠", "+62123456789012345678", "+99999999999999999999", " +34600123456", "+34-600",
        ])
    func whatHasNotTheShapeIsNoStoredNumber(text: String) {
        #expect(PhoneNumber(stored: text) == nil)
        #expect(PhoneNumber.candidate(text) == nil)
    }

    @Test func numbersOrderAsTheirTextsDo() throws {
        var random = SeededGenerator(seed: 13)
        let texts = (0..<2000).map { _ in
            "+\(Int.random(in: 1...3, using: &random))"
                + (0..<Int.random(in: 2...18, using: &random)).map { _ in random.pick(["0", "0", "1"]) }.joined()
        }
        let numbers = try texts.map(number)
        let sortedTexts = texts.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        #expect(numbers.sorted().map(\.rawValue) == sortedTexts, "seed 13")
    }

    @Test(
        arguments: [
            ("+34600123456", "+34***456"), ("+13059361673", "+1***673"), ("+79161234567", "+7***567"),
            ("+351912345678", "+351***678"), ("+68312345", "+683***"), ("+431110", "+43***"), ("+123", "+1***"),
        ])
    func aMaskedNumberShowsCountryCodeAndThreeDigits(text: String, expected: String) throws {
        #expect(try number(text).masked == expected)
    }

    @Test func aMaskedNumberHidesThreeDigitsAtLeast() throws {
        for region in NormalizationSpellings.regions {
            for example in NormalizationSpellings.examples(of: region) {
                guard let number = PhoneNumber.reference(example, region: region) else { continue }
                let shown = number.masked.count { $0.isNumber }
                #expect(shown + 3 <= number.rawValue.count - 1, "\(example) in \(region)")
            }
        }
    }
}

@Suite struct NormalizationRegionTests {
    @Test(arguments: [("ES", "ES"), ("es", "ES"), ("gB", "GB"), ("US", "US")])
    func aCodeOfEitherCaseIsARegion(code: String, expected: String) {
        #expect(Region(code)?.code == expected)
    }

    @Test(arguments: ["", "E", "ESP", "ZZ", "XX", "E1", "00", "é", " ES", "ES ", "\0\0", "{}", "001"])
    func whatLibphonenumberDoesNotKnowIsNone(code: String) {
        #expect(Region(code) == nil)
    }

    @Test func theConstantsAreRegions() {
        #expect(Region("ES") == .spain)
        #expect(Region(packed: Region.spain.packed) == .spain)
        #expect(Region.spain.description == "ES")
    }

    @Test func everySupportedRegionIsARegion() {
        #expect(NormalizationSpellings.regions.count > 200)
        #expect(NormalizationSpellings.regions.allSatisfy { Region($0.code) == $0 })
    }
}

@Suite struct NormalizationVersionTests {
    @Test func theVersionIsStableAndTellsTheLibrary() {
        let version = Normalizer.version
        #expect(version == Normalizer.version)
        #expect(version.libphonenumber.first?.isNumber == true)
        #expect(version.metadataFingerprint != 0)
        #expect(version.rules == 2)
    }

    @Test func theDescriptionIsOneLine() {
        let version = NormalizerVersion(libphonenumber: "8.12", metadataFingerprint: 0xABC, rules: 1)
        #expect(version.description == "rules 1, libphonenumber 8.12, metadata 0000000000000abc")
    }
}
