/// How the email and phone that records were given are read.
struct RecordReading: Sendable {
    /// Shorter ones may end a number by chance.
    private static let digitsMin = 6

    let normalizer: Normalizer
    let region: Region

    /// Whether a record was given this identifier. A phone may have been read for another region then: it is the same
    /// number too where all its digits, but for leading zeros, end it.
    func mentions(_ record: Record, _ identifier: Identifier) -> Bool {
        switch identifier {
        case .email(let email): return record.email.flatMap(normalizer.email) == email
        case .phone(let phone):
            guard let raw = record.phone else { return false }
            if normalizer.phone(raw, region: region) == phone { return true }
            let digits = raw.unicodeScalars.filter { ("0"..."9").contains($0) }.drop { $0 == "0" }
            return digits.count >= Self.digitsMin && phone.rawValue.hasSuffix(String(String.UnicodeScalarView(digits)))
        case .external: return false
        }
    }
}
