/// Somebody who is asked for.
struct BenchPerson: Sendable {
    var email: String?
    /// In E.164.
    var phone: String?
    /// The same number as people write it.
    var spelling: String?
}

/// Invented people, the same for the same number and unlike each other: an email, a Spanish mobile and a name.
enum InventedPeople {
    /// As many as there are Spanish mobiles that begin with 6.
    static let countMax = 100_000_000

    private static let given = [
        "ana", "juan", "lucia", "pablo", "carmen", "diego", "elena", "mario", "sofia", "hugo", "marta", "javier",
    ]
    private static let family = [
        "garcia", "lopez", "ruiz", "moreno", "navarro", "torres", "gil", "serrano", "molina", "ortega", "vidal",
    ]
    private static let domains = ["correo.example", "mail.example.com", "clinica.example.org", "buzon.example.net"]

    static func person(_ number: Int) -> BenchPerson {
        let digits = mobile(number)
        return BenchPerson(email: email(number), phone: "+34\(digits)", spelling: grouped(digits))
    }

    static func email(_ number: Int) -> String {
        "\(pick(given, number)).\(pick(family, number / 12))\(number)@\(pick(domains, number / 5))"
    }

    static func name(_ number: Int) -> String {
        "\(pick(given, number).capitalizedASCII) \(pick(family, number / 12).capitalizedASCII)"
    }

    /// A step by a number that has no factor in common with 10^8 visits every number once, in no order.
    private static func mobile(_ number: Int) -> String {
        String(600_000_000 + (number * 37_139_213 + 12_345_677) % countMax)
    }

    private static func pick(_ list: [String], _ number: Int) -> String { list[number % list.count] }

    /// `600123456` as `600 123 456`, and any other text by threes likewise.
    static func grouped(_ digits: String) -> String {
        var text = ""
        for (position, digit) in digits.enumerated() {
            if position > 0, position % 3 == 0 { text += " " }
            text.append(digit)
        }
        return text
    }
}

extension String {
    fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
