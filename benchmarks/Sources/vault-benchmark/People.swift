/// Invented people, the same for the same number: an email and a Spanish mobile each, unlike anybody else's.
struct People {
    let count: Int

    private static let domains = ["correo.example", "mail.example.com", "clinica.example.org", "buzon.example.net"]

    func givenName(_ index: Int) -> String { Names.given.name(scrambled(index)) }
    func familyName(_ index: Int) -> String { Names.family.name(scrambled(index + count)) }

    func email(_ index: Int) -> String {
        let domain = Self.domains[scrambled(index) / 256 % Self.domains.count]
        return "\(givenName(index)).\(familyName(index))\(index)@\(domain)"
    }

    func name(_ index: Int) -> String { "\(givenName(index)) \(familyName(index))" }

    /// An id for those who give none themselves, in the order of the people, as a UUID of version 7 is.
    func id(_ index: Int) -> String {
        let digits = String(index, radix: 16)
        let tail = String(UInt64(scrambled(index)) | 1 << 63, radix: 16)
        let number = String(repeating: "0", count: 12 - digits.count) + digits
        let chance = tail.prefix(3)
        return "\(number.prefix(8))-\(number.suffix(4))-7\(chance)-8\(chance)-\(tail.suffix(12))"
    }

    /// Nine digits that begin with 6: an affine step modulo 10^8 visits every number once.
    private func mobile(_ index: Int) -> Int { 600_000_000 + (index * 37_139_213 + 12_345_677) % 100_000_000 }

    func phone(_ index: Int) -> String { "+34\(mobile(index))" }

    /// As people write it: `612 345 678`, `612-34-56-78`, `612345678`.
    func nationalPhone(_ index: Int) -> String {
        let digits = Array(String(mobile(index)))
        switch index % 3 {
        case 0: return "\(String(digits[0..<3])) \(String(digits[3..<6])) \(String(digits[6...]))"
        case 1:
            return "\(String(digits[0..<3]))-\(String(digits[3..<5]))-\(String(digits[5..<7]))-\(String(digits[7...]))"
        default: return String(digits)
        }
    }

    /// A row of a CSV file with the columns `id,first_name,last_name,email,phone,source,status,created_at`.
    func row(_ index: Int) -> String {
        let id = String(UInt64(scrambled(index)) | 1 << 63, radix: 16)
        let phone = index % 2 == 0 ? phone(index) : nationalPhone(index)
        return
            "\(id)-\(index),\(givenName(index)),\(familyName(index)),\(email(index)),\(phone),web,NEW,2025-01-01T00:00:00Z\n"
    }

    private func scrambled(_ index: Int) -> Int {
        var value = UInt64(index) &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 29) &* 0xBF58_476D_1CE4_E5B9
        return Int((value ^ value >> 32) >> 1)
    }
}
