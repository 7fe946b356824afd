internal import Foundation

/// How the email and phone that records were given are read.
struct RecordReading: Sendable {
    let normalizer: Normalizer
    /// Of records that have none of their own.
    let region: Region

    func contacts(of record: Record) -> RecordContacts {
        RecordContacts(
            email: record.email.flatMap(normalizer.email),
            phone: record.phone.flatMap { normalizer.phone($0, region: record.region ?? region) },
            digits: record.phone.map(RecordContacts.significantDigits) ?? "")
    }
}

/// What a record was given, read.
struct RecordContacts: Sendable {
    /// Shorter ones may be a number's by chance.
    private static let digitsMin = 6

    let email: EmailAddress?
    let phone: PhoneNumber?
    /// The digits of the phone as it was given, but for leading zeros.
    let digits: String

    var identifiers: [Identifier] { [email.map(Identifier.email), phone.map(Identifier.phone)].compactMap(\.self) }

    /// Whether it was given this identifier. The organization may have had another region then: a phone is the same number
    /// too where it has all its digits, but for the country code.
    func mentions(_ identifier: Identifier) -> Bool {
        switch identifier {
        case .email(let email): self.email == email
        case .phone(let phone): self.phone == phone || hasDigits(of: phone)
        case .external: false
        }
    }

    private func hasDigits(of phone: PhoneNumber) -> Bool {
        guard digits.utf8.count >= Self.digitsMin else { return false }
        return phone.rawValue.dropFirst() == digits || phone.nationalDigits.drop { $0 == "0" } == digits
    }

    fileprivate static func significantDigits(_ raw: String) -> String {
        let digits = raw.unicodeScalars.filter { ("0"..."9").contains($0) }.drop { $0 == "0" }
        return String(String.UnicodeScalarView(digits))
    }
}
