/// A phone number as WhatsApp writes it, and the other ways in which WhatsApp writes the same one.
///
/// Accounts that are older than a change of a country's numbering plan keep the number that they were registered with,
/// and some countries put a digit into mobile numbers that is dialled or left out. So one person can come under two
/// spellings. Both are looked up; neither is rewritten.
struct WhatsAppNumber: Hashable, Sendable {
    /// Country code first, without `+`: 8 to 15 of them (ITU-T E.164 allows no more), the first not 0.
    let digits: String

    /// Takes a number with its country code, with or without `+` or `00`, and with the usual punctuation.
    init?(_ text: String) {
        var digits = ""
        var isInternational = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "0"..."9": digits.unicodeScalars.append(scalar)
            case "+" where digits.isEmpty && !isInternational: isInternational = true
            case " ", ".", "-", "(", ")": continue
            default: return nil
            }
        }
        if !isInternational, digits.hasPrefix("00") { digits.removeFirst(2) }
        self.init(digits: digits[...])
    }

    private init?(digits: Substring) {
        guard (8...15).contains(digits.utf8.count), !digits.hasPrefix("0") else { return nil }
        self.digits = String(digits)
    }

    /// The other spelling of this number, or none. It has this one as its own other spelling.
    var variants: [WhatsAppNumber] {
        [brazilian, mexican, argentine].compactMap(\.self)
    }

    /// Brazil put a 9 before the eight digits of its mobile numbers, which began with 6
    /// to 9. Landlines begin with 2 to 5, and have one spelling.
    private var brazilian: WhatsAppNumber? {
        guard let national = national(after: "55") else { return nil }
        let area = national.prefix(2)
        let subscriber = national.dropFirst(2)
        guard area.allSatisfy({ $0 != "0" }) else { return nil }
        switch subscriber.utf8.count {
        case 8 where isMobile(subscriber): return WhatsAppNumber(digits: "55\(area)9\(subscriber)")
        case 9 where subscriber.hasPrefix("9") && isMobile(subscriber.dropFirst()):
            return WhatsAppNumber(digits: "55\(area)\(subscriber.dropFirst())")
        default: return nil
        }
    }

    private func isMobile(_ subscriber: Substring) -> Bool { subscriber.first.map { "6789".contains($0) } ?? false }

    /// Mexico dropped the 1 between country code and mobile number in 2019.
    private var mexican: WhatsAppNumber? { withOrWithout("1", after: "52") }

    /// Argentina has a 9 between country code and mobile number when it is called from abroad.
    private var argentine: WhatsAppNumber? { withOrWithout("9", after: "54") }

    /// Ten national digits, and the same ten with one before them. None begins with 0 or with the digit itself.
    private func withOrWithout(_ digit: String, after country: String) -> WhatsAppNumber? {
        guard let national = national(after: country) else { return nil }
        switch national.utf8.count {
        case 10 where isNational(national, without: digit):
            return WhatsAppNumber(digits: "\(country)\(digit)\(national)")
        case 11 where national.hasPrefix(digit) && isNational(national.dropFirst(), without: digit):
            return WhatsAppNumber(digits: "\(country)\(national.dropFirst())")
        default: return nil
        }
    }

    private func isNational(_ national: Substring, without digit: String) -> Bool {
        !national.hasPrefix("0") && !national.hasPrefix(digit)
    }

    private func national(after country: String) -> Substring? {
        digits.hasPrefix(country) ? digits.dropFirst(country.utf8.count) : nil
    }
}

extension ExternalID {
    /// Other spellings of the same WhatsApp number, the likeliest first: a lookup of this id that finds nobody asks for
    /// them. Empty for all other ids. Whatever is a variant of this id has this id as a variant.
    public var variants: [ExternalID] {
        (whatsAppNumber?.variants ?? []).compactMap { ExternalID("\(Channel.whatsapp.rawValue):\($0.digits)") }
    }

    private var whatsAppNumber: WhatsAppNumber? {
        Channel(namespace: namespace) == .whatsapp ? WhatsAppNumber(String(value)) : nil
    }
}

extension Identifier {
    /// Other spellings of the same WhatsApp number, one of which may be stored; empty for all other identifiers.
    var variants: [Identifier] {
        guard case .external(let external) = self else { return [] }
        return external.variants.map(Identifier.external)
    }
}

extension Normalizer {
    /// Numbers that a phone which is not valid may stand for, because WhatsApp spells them so: Brazilian mobiles without
    /// their ninth digit. A resolve looks them up, and never stores them for it.
    func whatsAppVariants(ofInvalid raw: String) -> [PhoneNumber] {
        // They begin with their country code, so the region plays no part.
        (WhatsAppNumber(raw)?.variants ?? []).compactMap { phone("+\($0.digits)", region: .spain) }
    }
}
