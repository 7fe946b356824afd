import CPhoneNumber
import TestSupport

@testable import VaultDB

/// One phone number as typed, and where.
struct Spelling: CustomStringConvertible {
    let text: String
    let region: Region

    var description: String { "\(text.debugDescription) in \(region)" }
}

/// Phone numbers of every region as people and programs write them, right and wrong.
enum NormalizationSpellings {
    /// Every region that libphonenumber supports.
    static let regions: [Region] = {
        let count = cpn_supported_regions(nil, 0)
        var packed = [cpn_region](repeating: 0, count: count)
        _ = cpn_supported_regions(&packed, count)
        return packed.compactMap(Region.init(packed:))
    }()

    /// The example numbers of a region, of all types and in all formats.
    static func examples(of region: Region) -> [String] {
        var examples: [String] = []
        for type in 0..<UInt32(CPN_TYPE_COUNT) {
            for format in 0..<UInt32(CPN_FORMAT_COUNT) {
                var text = [CChar](repeating: 0, count: 64)
                let length = cpn_example_number(region.packed, type, format, &text, text.count)
                guard length > 0 else { continue }
                examples.append(String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
        }
        return examples
    }

    /// `countPerRegion` spellings for each region, most of them read where they belong and some elsewhere.
    static func random(countPerRegion: Int, using random: inout SeededGenerator) -> [Spelling] {
        var spellings: [Spelling] = []
        for region in regions {
            let examples = examples(of: region)
            guard !examples.isEmpty else { continue }
            for _ in 0..<countPerRegion {
                var text = random.pick(examples)
                while random.chance(of: 60) {
                    text = random.pick(mutations)(text, &random)
                }
                let reader = random.chance(of: 85) ? region : random.pick(regions)
                spellings.append(Spelling(text: text, region: reader))
            }
        }
        return spellings
    }

    private typealias Mutation = @Sendable (String, inout SeededGenerator) -> String

    private static let mutations: [Mutation] = [
        changedDigit, changedDigit, addedDigit, droppedDigit, separated, separated, prefixed, prefixed, extended,
        inOtherDigits, wrapped, garbled,
    ]

    @Sendable private static func changedDigit(_ text: String, _ random: inout SeededGenerator) -> String {
        var characters = Array(text)
        let places = characters.indices.filter { characters[$0].isASCII && characters[$0].isNumber }
        guard !places.isEmpty else { return text }
        characters[random.pick(places)] = random.pick(Array("0123456789"))
        return String(characters)
    }

    @Sendable private static func addedDigit(_ text: String, _ random: inout SeededGenerator) -> String {
        var characters = Array(text)
        let place = Int.random(in: 0...characters.count, using: &random)
        characters.insert(random.pick(Array("0123456789")), at: place)
        return String(characters)
    }

    @Sendable private static func droppedDigit(_ text: String, _ random: inout SeededGenerator) -> String {
        var characters = Array(text)
        guard !characters.isEmpty else { return text }
        characters.remove(at: Int.random(in: 0..<characters.count, using: &random))
        return String(characters)
    }

    @Sendable private static func separated(_ text: String, _ random: inout SeededGenerator) -> String {
        let separator = random.pick(["", "", " ", ".", "-", "/", "\u{A0}", "\u{3000}", " - ", "\u{2010}", ") ("])
        let parts = text.split { " -./".contains($0) }
        return parts.joined(separator: separator)
    }

    @Sendable private static func prefixed(_ text: String, _ random: inout SeededGenerator) -> String {
        let bare = text.hasPrefix("+") ? String(text.dropFirst()) : text
        return random.pick(["", "+", "00", "011", "0", "\u{FF0B}", "++", "+ ", "(+", "+00", "8~10"]) + bare
    }

    @Sendable private static func extended(_ text: String, _ random: inout SeededGenerator) -> String {
        text + random.pick([" ext. 123", "x5", ";ext=7", "#12", " Extension 4", " доб. 9", ",,3", " / 600"])
    }

    @Sendable private static func inOtherDigits(_ text: String, _ random: inout SeededGenerator) -> String {
        let zero: UInt32 = random.pick([0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE])
        let scalars = text.unicodeScalars.map { scalar in
            "0"..."9" ~= scalar ? Unicode.Scalar(zero + scalar.value - 0x30) ?? scalar : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }

    @Sendable private static func wrapped(_ text: String, _ random: inout SeededGenerator) -> String {
        let (before, after) = random.pick([
            (" ", " "), ("tel:", ""), ("whatsapp:", ""), ("Tel. ", ""), ("(", ")"), ("\t", "\n"), ("\u{200F}", ""),
            ("", " (mobile)"), ("call ", " now"), ("", "\0"), ("\u{FEFF}", ""), ("☎️ ", ""),
            ("tel:", ";phone-context=+34"),
        ])
        return before + text + after
    }

    @Sendable private static func garbled(_ text: String, _ random: inout SeededGenerator) -> String {
        var scalars = Array(text.unicodeScalars)
        let place = Int.random(in: 0...scalars.count, using: &random)
        scalars.insert(random.pick(Array("aZ*#~?;=@é中😀\0\u{202E}\u{301}".unicodeScalars)), at: place)
        return String(String.UnicodeScalarView(scalars))
    }
}

extension PhoneNumber {
    /// What the plain calls of libphonenumber say, without the normaliser in between.
    static func reference(_ text: String, region: Region) -> PhoneNumber? {
        var digits: UInt64 = 0
        let bytes = Array(text.utf8)
        guard cpn_normalize_reference(bytes, bytes.count, region.packed, &digits) == .valid else { return nil }
        return PhoneNumber(digits: digits)
    }
}
