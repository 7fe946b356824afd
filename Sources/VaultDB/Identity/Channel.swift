/// The systems whose ids the vault knows the spelling of, by the namespace that external ids of theirs have.
///
/// Each has one canonical spelling, which normalising gives back unchanged. Ids of other namespaces are kept as given.
enum Channel: String, Sendable, CaseIterable {
    case whatsapp, instagram, facebook, messenger, telegram, tiktok, x, twitter, stripe

    init?(namespace: Substring) { self.init(rawValue: String(namespace)) }

    /// The canonical spelling of an id, or nil where it is none of this system's.
    /// - Parameter value: in Unicode NFC, without white space around it.
    func canonical(_ value: String) -> String? {
        guard self != .stripe else { return value }
        guard value.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return switch self {
        // A person is known by the phone number, or by a business-scoped user id.
        case .whatsapp: WhatsAppNumber(value)?.digits ?? Self.businessScopedID(value)
        // Instagram Help Center, "username": up to 30 letters, digits, periods and underscores. Ids that are scoped to
        // an app (Instagram Messaging API) are decimal numbers, and so are names of that form.
        case .instagram: Self.handle(value, 1...30, also: "._")
        // Facebook Help Center, "Guidelines for creating a custom username": 5 letters, digits and periods or more,
        // whatever their case. Facebook ignores the periods; the vault keeps them, as it does in emails.
        case .facebook, .messenger: Self.number(value) ?? Self.handle(value, 5...50, also: ".")
        // Telegram API, `account.checkUsername`: 5 to 32 letters, digits and underscores. User ids are numbers.
        case .telegram: Self.number(value) ?? Self.handle(value, 5...32, also: "_")
        // TikTok Help Center, "Changing your username": 2 to 24 letters, digits, underscores and periods. The open
        // ids of TikTok's Login Kit are longer and tell cases apart.
        case .tiktok: Self.handle(value, 2...24, also: "._") ?? Self.openID(value)
        // X Help Center, "Username": up to 15 letters, digits and underscores. User ids are numbers.
        case .x, .twitter: Self.number(value) ?? Self.handle(value, 1...15, also: "_")
        case .stripe: value
        }
    }

    /// What `canonical` takes, in words; nil where it takes anything.
    var form: String? {
        switch self {
        case .whatsapp: "a phone number with its country code, such as 34600123456, or a business-scoped user id"
        case .instagram: "1 to 30 letters, digits, periods and underscores"
        case .facebook, .messenger: "a number, or 5 to 50 letters, digits and periods"
        case .telegram: "a number, or 5 to 32 letters, digits and underscores"
        case .tiktok: "2 to 24 letters, digits, underscores and periods, or an open id"
        case .x, .twitter: "a number, or 1 to 15 letters, digits and underscores"
        case .stripe: nil
        }
    }

    /// Business-scoped user ids of the WhatsApp Business Platform: the country's two letters (ISO 3166-1 alpha-2), a
    /// period, and up to 128 letters and digits, such as `US.13491208655302741918`; those that several portfolios of a
    /// business share have `ENT.` before them. Their case is kept.
    private static func businessScopedID(_ value: String) -> String? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 && parts[1] == "ENT", let id = parts.last,
            parts[0].utf8.count == 2, parts[0].utf8.allSatisfy(isUpper), (1...128).contains(id.utf8.count),
            id.utf8.allSatisfy({ isUpper($0) || isLower($0) || isDigit($0) })
        else { return nil }
        return value
    }

    private static func openID(_ value: String) -> String? {
        let isOne =
            (25...64).contains(value.utf8.count)
            && value.utf8.allSatisfy { isLower($0) || isUpper($0) || isDigit($0) || "_-".utf8.contains($0) }
        return isOne ? value : nil
    }

    /// A name that people type with an `@` before it, in any case.
    private static func handle(_ value: String, _ lengths: ClosedRange<Int>, also punctuation: String) -> String? {
        let name = value.hasPrefix("@") ? value.dropFirst().lowercased() : value.lowercased()
        guard lengths.contains(name.utf8.count),
            name.utf8.allSatisfy({ isLower($0) || isDigit($0) || punctuation.utf8.contains($0) })
        else { return nil }
        return name
    }

    /// An id that is a decimal number of up to 64 bits.
    private static func number(_ value: String) -> String? {
        (1...20).contains(value.utf8.count) && value.utf8.allSatisfy(isDigit) ? value : nil
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
