// LibPhoneNumber is the one place that calls the C shim over libphonenumber.

internal import CPhoneNumber

enum LibPhoneNumber {
    /// The longest spelling that can be a number, in bytes.
    static let spellingBytesMax = Int(CPN_RAW_BYTES_MAX)

    /// Asks libphonenumber what `spelling` is for somebody in `region`: 5 to 35 µs. Nil if the library itself failed,
    /// as for want of memory: that says nothing about the spelling, so it must not be remembered.
    static func read(_ spelling: Span<UInt8>, region: Region) -> PhoneReading? {
        var digits: UInt64 = 0
        // Safe: the shim reads `count` bytes from `baseAddress` during the call, and keeps no pointer.
        let status = spelling.withUnsafeBytes { cpn_normalize($0.baseAddress, $0.count, region.packed, &digits) }
        switch status {
        case .valid: return reading(digits)
        case .invalid: return .invalid
        case .failed: return nil
        }
    }

    /// Reads many spellings, which lie one after the other in `spellings`, in one call. Nil if the library failed on
    /// one of them.
    static func read(_ spellings: [UInt8], lengths: [Int], region: Region) -> [PhoneReading]? {
        precondition(lengths.reduce(0, +) == spellings.count)
        var digits = [UInt64](repeating: 0, count: lengths.count)
        // Safe: the lengths add up to the bytes, and there is a place in `digits` for each.
        let status = cpn_normalize_batch(spellings, lengths, lengths.count, region.packed, &digits)
        return status == .valid ? digits.map(reading) : nil
    }

    static func supports(_ region: UInt16) -> Bool {
        cpn_region_supported(region)
    }

    /// The version in the file name of the loaded library, such as "8.12".
    static let version: String = {
        var text = [CChar](repeating: 0, count: 64)
        cpn_library_version(&text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    static let metadataFingerprint = cpn_metadata_fingerprint()

    private static func reading(_ digits: UInt64) -> PhoneReading {
        PhoneNumber(digits: digits).map(PhoneReading.valid) ?? .invalid
    }
}
