import Foundation

@testable import VaultDB

/// What random requests are made of: few enough that people meet. Each identifier comes with ways to write it.
enum Pool {
    struct Email {
        let text: String
        let spellings: [String]
    }

    struct Phone {
        let digits: String
        var text: String { "+34\(digits)" }
        /// Those that mean the same in every region.
        var internationalSpellings: [String] {
            ["+34\(digits)", "+34 \(digits.prefix(3))-\(digits.suffix(6))", "0034\(digits)"]
        }
        var spellings: [String] { internationalSpellings + [digits, " \(digits) "] }

        /// Without a country code the region decides.
        func textInFrance(_ spelling: String) -> String {
            spelling.hasPrefix("+") || spelling.hasPrefix("0034") ? text : "+33\(digits)"
        }
    }

    static let france = Region("FR") ?? .spain
    static let emails = (0..<24).map { number in
        Email(
            text: "person.\(number)+x@example.com",
            spellings: [
                "person.\(number)+x@example.com", "  Person.\(number)+X@Example.COM\t",
                "Person <person.\(number)+x@example.com>", "mailto:person.\(number)+x@example.com",
            ])
    }
    static let phones = (0..<20).map { Phone(digits: "6001234\($0 + 10)") }
    static let externals = (0..<16).map { ("crm:ID-\($0)", ["crm:ID-\($0)", " CRM : ID-\($0) "]) }
    static let names = (0..<40).map { "Name \($0)" }
    static let sources = ["web", "instagram", "whatsapp"]
    static let statuses = [nil, "NEW", "NEW", "WON", "lost", "CANCELLED", "CONVERTED"]
    static let badEmails = ["nobody", "@x", "a b@c", ""]
    static let badPhones = ["12", "call me", "+", " "]

    /// Every identifier that a request can bring.
    static let identifiers: [Model.Name] =
        emails.map { .init(kind: .email, text: $0.text) }
        + phones.flatMap { [.init(kind: .phone, text: $0.text), .init(kind: .phone, text: "+33\($0.digits)")] }
        + externals.map { .init(kind: .external, text: $0.0) }
}
