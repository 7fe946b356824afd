// Normalizer turns what people typed into the phone numbers that the vault stores and looks up.

/// The one way from text to a `PhoneNumber`, for what is stored and for what is looked up. An `EmailAddress` makes
/// itself.
///
/// Any thread may use one at any time. It remembers recent phone spellings, which changes the speed of an answer and
/// never the answer.
package final class Normalizer: Sendable {
    /// How many phone spellings are remembered unless told otherwise: about 4 MB.
    package static let spellingCacheSlotsDefault = 65_536

    private let cache: PhoneSpellingCache

    /// Remembers up to `spellingCacheSlots` phone spellings, in memory that is taken at once; none if it is 0.
    package init(spellingCacheSlots: Int = Normalizer.spellingCacheSlotsDefault) {
        cache = PhoneSpellingCache(slots: spellingCacheSlots)
    }

    /// By which rules normalisers of this process work.
    package static var version: NormalizerVersion {
        NormalizerVersion(
            libphonenumber: LibPhoneNumber.version, metadataFingerprint: LibPhoneNumber.metadataFingerprint, rules: 2)
    }

    /// How often a phone spelling was remembered, and how often libphonenumber was asked.
    package var spellingCacheCounts: (hits: Int, misses: Int) {
        cache.counts
    }
}

// Phones
extension Normalizer {
    /// The number that `raw` means for somebody in `region`, or nil if libphonenumber reads no valid number there.
    ///
    /// `raw` reaches libphonenumber as it is: nothing is trimmed or cleaned that could change its answer. More than
    /// 250 bytes are never a number. The answer is a fixed point: its `rawValue` gives itself, in every region.
    ///
    /// Nil too if libphonenumber fails for want of memory; that answer is not remembered.
    package func phone(_ raw: String, region: Region) -> PhoneNumber? {
        phone(utf8: raw.utf8.span, region: region)
    }

    /// The number that `utf8` means for somebody in `region`; nil too if it is not UTF-8.
    package func phone(utf8: Span<UInt8>, region: Region) -> PhoneNumber? {
        guard let spelling = PhoneSpelling(utf8, region: region) else {
            return LibPhoneNumber.read(utf8, region: region)?.number
        }
        if let reading = cache.recall(spelling) { return reading.number }
        guard let reading = LibPhoneNumber.read(utf8, region: region) else { return nil }
        cache.remember(spelling, as: reading)
        return reading.number
    }

    /// The numbers that `raws` mean for somebody in `region`, each as `phone(_:region:)` says. What is not remembered
    /// reaches libphonenumber in one call.
    package func phones(_ raws: [String], region: Region) -> [PhoneNumber?] {
        var numbers = [PhoneNumber?](repeating: nil, count: raws.count)
        var unread = UnreadSpellings()
        for (position, raw) in raws.enumerated() where raw.utf8.count <= LibPhoneNumber.spellingBytesMax {
            if let spelling = PhoneSpelling(raw.utf8.span, region: region), let reading = cache.recall(spelling) {
                numbers[position] = reading.number
            } else {
                unread.append(raw, at: position)
            }
        }
        let readings = LibPhoneNumber.read(unread.bytes, lengths: unread.lengths, region: region)
        guard let readings else { return raws.map { phone($0, region: region) } }
        for (position, reading) in zip(unread.positions, readings) {
            numbers[position] = reading.number
            if let spelling = PhoneSpelling(raws[position].utf8.span, region: region) {
                cache.remember(spelling, as: reading)
            }
        }
        return numbers
    }
}

/// The spellings of a batch that are not remembered, one after the other, and where in the batch they are from.
private struct UnreadSpellings {
    var bytes: [UInt8] = []
    var lengths: [Int] = []
    var positions: [Int] = []

    mutating func append(_ raw: String, at position: Int) {
        bytes.append(contentsOf: raw.utf8)
        lengths.append(raw.utf8.count)
        positions.append(position)
    }
}
