internal import Foundation

/// How the email and phone that records were given are read.
struct RecordReading: Sendable {
    let normalizer: Normalizer
    /// Of records that have none of their own.
    let region: Region

    func contacts(of record: Record) -> RecordContacts {
        let email = record.email.flatMap { EmailAddress($0) }
        guard let phone = record.phone else { return RecordContacts(email: email) }
        let region = record.region ?? self.region
        let phones =
            normalizer.phone(phone, region: region).map { [$0] }
            ?? normalizer.whatsAppVariants(ofInvalid: phone)
        return RecordContacts(
            email: email, phones: phones, digits: phones.isEmpty ? RecordContacts.significantDigits(phone) : "")
    }

    /// The region that is kept with a draft's phone: the one that was named for it, or the organization's where the phone
    /// says no country, so that it is read alike whatever the organization's region becomes.
    func regionKept(with draft: RecordDraft) -> Region? {
        if let named = draft.phoneRegion { return named }
        guard let first = draft.phone?.utf8.first, first != UInt8(ascii: "+") else { return nil }
        return region
    }

    /// Whether a record's phone is read as a draft's is that spells it alike.
    func reads(_ record: Record, as draft: RecordDraft) -> Bool {
        if let named = draft.phoneRegion { return record.region == named }
        guard let phone = record.phone, let kept = record.region, kept != region else { return true }
        return normalizer.phone(phone, region: kept) == normalizer.phone(phone, region: region)
    }
}

/// What a record was given, read.
struct RecordContacts: Sendable {
    /// Shorter ones may be a number's by chance.
    private static let digitsMin = 6

    let email: EmailAddress?
    /// The number that its phone is; where it is none, what it may stand for.
    var phones: [PhoneNumber] = []
    /// The digits of a phone that can't be read, but for leading zeros.
    var digits = ""

    var identifiers: [Identifier] { [email.map(Identifier.email)].compactMap(\.self) + phones.map(Identifier.phone) }

    /// Whether it was given this identifier.
    func mentions(_ identifier: Identifier) -> Bool {
        switch identifier {
        case .email(let email): self.email == email
        case .phone(let phone): phones.contains(phone)
        case .external: false
        }
    }

    /// Whether it has what may be this identifier. A phone that can't be read may be a number of other rules than today's: it
    /// is the same one where it has all its digits, but for the country code.
    func mayName(_ identifier: Identifier) -> Bool {
        if case .phone(let phone) = identifier, hasDigits(of: phone) { return true }
        return mentions(identifier)
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
