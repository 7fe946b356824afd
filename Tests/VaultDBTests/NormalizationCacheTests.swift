// The memory of phone spellings is exact, bounded, and never changes an answer.

import Testing

@testable import VaultDB

@Suite struct NormalizationCacheTests {
    private func spelling(_ text: String, region: Region = .spain) throws -> PhoneSpelling {
        try #require(PhoneSpelling(text, region: region))
    }

    @Test func whatIsRememberedIsRecalledAndCounted() throws {
        let cache = PhoneSpellingCache(slots: 64)
        let number = try #require(PhoneNumber(digits: 34_600_123_456))
        #expect(cache.recall(try spelling("600123456")) == nil)
        cache.remember(try spelling("600123456"), as: .valid(number))
        cache.remember(try spelling("12"), as: .invalid)
        #expect(cache.recall(try spelling("600123456")) == .valid(number))
        #expect(cache.recall(try spelling("12")) == .invalid)
        #expect(cache.counts == (hits: 2, misses: 1))
    }

    @Test(arguments: ["", "\0", "\0\0", "600123457", "600123456\0", "600123456 ", " 600123456", "60012345"])
    func aSpellingThatDiffersInAByteIsAnother(other: String) throws {
        let cache = PhoneSpellingCache(slots: 64)
        cache.remember(try spelling("600123456"), as: .invalid)
        #expect(cache.recall(try spelling(other)) == nil)
    }

    @Test func theEmptySpellingAndNULsAreToldApart() throws {
        let cache = PhoneSpellingCache(slots: 64)
        cache.remember(try spelling(""), as: .invalid)
        #expect(cache.recall(try spelling("")) == .invalid)
        #expect(cache.recall(try spelling("\0")) == nil)
    }

    @Test func aRegionHasItsOwnReadings() throws {
        let cache = PhoneSpellingCache(slots: 64)
        let portugal = try #require(Region("PT"))
        cache.remember(try spelling("600123456"), as: .invalid)
        #expect(cache.recall(try spelling("600123456", region: portugal)) == nil)
    }

    @Test func aSpellingLongerThanASlotIsNotRemembered() {
        let longest = String(repeating: "1", count: PhoneSpelling.bytesMax)
        #expect(PhoneSpelling(longest, region: .spain) != nil)
        #expect(PhoneSpelling(longest + "1", region: .spain) == nil)
    }

    @Test(arguments: [Int.min, -1, 0])
    func noSlotsRememberNothing(slots: Int) throws {
        let cache = PhoneSpellingCache(slots: slots)
        cache.remember(try spelling("600123456"), as: .invalid)
        #expect(cache.recall(try spelling("600123456")) == nil)
    }

    @Test(arguments: [1, 64, 100, 4096])
    func aFullCacheDisplacesAndStaysExact(slots: Int) throws {
        let cache = PhoneSpellingCache(slots: slots)
        for digits in UInt64(600_000_000)..<600_020_000 {
            cache.remember(try spelling("\(digits)"), as: try .valid(#require(PhoneNumber(digits: digits))))
        }
        var remembered = 0
        for digits in UInt64(600_000_000)..<600_020_000 {
            guard let reading = cache.recall(try spelling("\(digits)")) else { continue }
            #expect(reading == .valid(try #require(PhoneNumber(digits: digits))))
            remembered += 1
        }
        #expect(remembered >= min(slots, 16))
        #expect(remembered <= max(128, 2 * slots))
    }

    @Test func whatIsAskedForOutlivesWhatIsNot() throws {
        let cache = PhoneSpellingCache(slots: 1024)
        let favourite = try spelling("600123456")
        cache.remember(favourite, as: .invalid)
        for digits in 700_000_000..<700_010_000 {
            #expect(cache.recall(favourite) == .invalid)
            cache.remember(try spelling("\(digits)"), as: .invalid)
        }
    }

    @Test func aNormalizerCountsItsHits() {
        let normalizer = Normalizer(spellingCacheSlots: 64)
        for _ in 0..<5 {
            _ = normalizer.phone("600 123 456", region: .spain)
            _ = normalizer.phone("12", region: .spain)
        }
        #expect(normalizer.spellingCacheCounts == (hits: 8, misses: 2))
    }
}
