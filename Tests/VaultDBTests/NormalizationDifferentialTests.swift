// The normaliser agrees with libphonenumber, whatever makes it fast: the cache, the batch, and the look at the index
// before anything is parsed.

import TestSupport
import Testing

@testable import VaultDB

@Suite struct NormalizationDifferentialTests {
    /// Eight parts of 245 regions and 56 spellings make 109,760.
    @Test(arguments: [UInt64](1...8))
    func everyWayToReadASpellingAgreesWithLibphonenumber(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let normalizer = Normalizer(spellingCacheSlots: 4096)
        let spellings = NormalizationSpellings.random(countPerRegion: 56, using: &random)
        #expect(spellings.count >= 12_500)

        var stored: Set<PhoneNumber> = []
        for spelling in spellings {
            let expected = PhoneNumber.reference(spelling.text, region: spelling.region)
            let first = normalizer.phone(spelling.text, region: spelling.region)
            let second = normalizer.phone(spelling.text, region: spelling.region)
            let batch = normalizer.phones([spelling.text], region: spelling.region)
            guard first == expected, second == expected, batch == [expected] else {
                Issue.record("seed \(seed): \(spelling): \(first as Any), not \(expected as Any)")
                continue
            }
            if let expected { stored.insert(expected) }
        }
        for spelling in spellings {
            guard let candidate = PhoneNumber.candidate(spelling.text) else { continue }
            guard stored.contains(candidate) else { continue }
            let normalized = normalizer.phone(spelling.text, region: spelling.region)
            #expect(normalized == candidate, "seed \(seed): \(spelling)")
        }
        expectFixedPoints(stored, of: normalizer, seed: seed, using: &random)
    }

    private func expectFixedPoints(
        _ numbers: Set<PhoneNumber>, of normalizer: Normalizer, seed: UInt64, using random: inout SeededGenerator
    ) {
        #expect(numbers.count > 1000, "seed \(seed)")
        for number in numbers.sorted() {
            let region = random.pick(NormalizationSpellings.regions)
            let again = normalizer.phone(number.rawValue, region: region)
            #expect(again == number, "seed \(seed): \(number.rawValue) in \(region)")
        }
    }

    @Test func anExampleOfEveryRegionIsAFixedPointInEveryRegion() {
        let normalizer = Normalizer(spellingCacheSlots: 0)
        for home in NormalizationSpellings.regions {
            guard let example = NormalizationSpellings.examples(of: home).first,
                let number = normalizer.phone(example, region: home)
            else {
                Issue.record("no example for \(home)")
                continue
            }
            for region in NormalizationSpellings.regions {
                #expect(normalizer.phone(number.rawValue, region: region) == number, "\(number.rawValue) in \(region)")
            }
        }
    }

    @Test func aBatchAgreesWithSingleReadings() {
        var random = SeededGenerator(seed: 9)
        let texts = NormalizationSpellings.random(countPerRegion: 4, using: &random).map(\.text)
        let long = String(repeating: "1", count: 10_000)
        let raws = texts + ["", long, "600 123 456", "600 123 456"] + texts
        let batch = Normalizer().phones(raws, region: .spain)
        let single = raws.map { Normalizer.uncached.phone($0, region: .spain) }
        #expect(batch == single)
    }

    @Test func eightTasksOnOneNormalizerAgreeWithLibphonenumber() async {
        var random = SeededGenerator(seed: 10)
        let spellings = NormalizationSpellings.random(countPerRegion: 6, using: &random)
        let expected = spellings.map { PhoneNumber.reference($0.text, region: $0.region) }
        // Far fewer slots than spellings, so that the tasks displace each other's all the time.
        let normalizer = Normalizer(spellingCacheSlots: 256)
        let wrong = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let order = task.isMultiple(of: 2) ? Array(spellings.indices) : spellings.indices.reversed()
                    return order.count { index in
                        let spelling = spellings[index]
                        return normalizer.phone(spelling.text, region: spelling.region) != expected[index]
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0, "seed 10")
    }
}

extension Normalizer {
    fileprivate static let uncached = Normalizer(spellingCacheSlots: 0)
}
