import TestSupport
import Testing

@testable import VaultDB

/// Who sent a public form: what its fields are taken for, and what is left of it.
@Suite struct FormReaderTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: [(String, String)]
        var email: String?
        var phone: String?
        var name: String?
        var first: String?
        var last: String?
        var rest: [String] = []

        init(
            _ title: String, _ fields: [(String, String)], email: String? = nil, phone: String? = nil,
            name: String? = nil, first: String? = nil, last: String? = nil, rest: [String] = []
        ) {
            testDescription = title
            self.fields = fields
            (self.email, self.phone, self.name) = (email, phone, name)
            (self.first, self.last, self.rest) = (first, last, rest)
        }
    }

    private static let reader = FormReader(Normalizer(), region: .spain)

    private func read(_ fields: [(String, String)]) throws(VaultError) -> Form {
        try Self.reader.read(fields.map { FormField(name: $0.0, value: $0.1) })
    }

    static let realistic: [Example] = [
        Example(
            "Contact Form 7",
            [
                ("_wpcf7", "123"), ("your-name", " Ana  López "), ("your-email", "Ana@Example.com"),
                ("your-tel", "600 123 456"), ("your-subject", "Cita"), ("your-message", "Hola"),
            ],
            email: "Ana@Example.com", phone: "600 123 456", name: "Ana López",
            rest: ["_wpcf7", "your-subject", "your-message"]),
        Example(
            "questions in Spanish",
            [
                ("¿Cómo te llamas?", "Ana"), ("¿Cuál es tu teléfono?", "+34 600 12 34 56"),
                ("¿A qué correo te escribimos?", "ana@example.com"), ("¿Qué te preocupa?", "Un diente"),
            ],
            email: "ana@example.com", phone: "+34 600 12 34 56", name: "Ana", rest: ["¿Qué te preocupa?"]),
        Example(
            "Facebook lead ads",
            [
                ("id", "1234567890123"), ("created_time", "2025-01-31T10:00:00+0000"), ("full_name", "Ana López"),
                ("phone_number", "p:+34600123456"), ("email", "ana@example.com"), ("ad_id", "600123456"),
            ],
            email: "ana@example.com", phone: "p:+34600123456", name: "Ana López", rest: ["id", "created_time", "ad_id"]),
        Example(
            "Google Forms",
            [
                ("Marca temporal", "31/01/2025 10:00:00"), ("Dirección de correo electrónico", "ana@example.com"),
                ("Nombre y apellidos", "Ana López"), ("Teléfono móvil (con prefijo)", "600123456"),
                ("Fecha de nacimiento", "12/05/1990"),
            ],
            email: "ana@example.com", phone: "600123456", name: "Ana López",
            rest: ["Marca temporal", "Fecha de nacimiento"]),
        Example(
            "camel case",
            [
                ("firstName", "Ana"), ("lastName", "López"), ("yourEmail", "ana@example.com"),
                ("phoneNumber", "600123456"), ("utmSource", "google"),
            ],
            email: "ana@example.com", phone: "600123456", first: "Ana", last: "López", rest: ["utmSource"]),
        Example(
            "plain Spanish",
            [
                ("Nombre del paciente", "Ana"), ("APELLIDOS", "López Díaz"), ("E-Mail", "ana@example.com"),
                ("WhatsApp", "+34600123456"), ("Acepto", "sí"),
            ],
            email: "ana@example.com", phone: "+34600123456", first: "Ana", last: "López Díaz", rest: ["Acepto"]),
        Example(
            "fields without telling names",
            [
                ("field_1", "Ana López"), ("field_2", "ana@example.com"), ("field_3", "600 123 456"),
                ("field_4", "28001"),
            ],
            email: "ana@example.com", phone: "600 123 456", rest: ["field_1", "field_4"]),
    ]

    private static let longName = String(repeating: "x", count: 120)

    static let hostile: [Example] = [
        Example(
            "two emails: the one that is named so",
            [("friend", "bob@example.com"), ("a", "x@example.com"), ("email", "ana@example.com")],
            email: "ana@example.com", rest: ["friend", "a"]),
        Example(
            "two emails of one name: the first", [("email", "ana@example.com"), ("email", "bob@example.com")],
            email: "ana@example.com", rest: ["email"]),
        Example("two emails in one field", [("email", "a@x.com,b@y.com")], rest: ["email"]),
        Example(
            "an unusable email, and one elsewhere", [("email", "ana at home"), ("note", "ana@example.com")],
            email: "ana@example.com", rest: ["email"]),
        Example(
            "an email with a space in it, which is nobody's",
            [("Email", "juan perez@gmail.com"), ("Teléfono", "600 77 01 22"), ("Your work email", "a\u{A0}b@x.com")],
            phone: "600 77 01 22", rest: ["Email", "Your work email"]),
        Example("an email and a word beside it", [("email", "ana@x.com (work)")], email: "ana@x.com", rest: ["email"]),
        Example("an email in the name", [("name", "ana@example.com")], email: "ana@example.com"),
        Example("an email and a phone in a name", [("name", "600123456")], phone: "600123456"),
        Example(
            "an unusable phone is kept", [("phone", "later"), ("email", "ana@example.com")],
            email: "ana@example.com", rest: ["phone"]),
        Example("a phone in the message stays there", [("message", "Call me: 600123456 please")], rest: ["message"]),
        Example(
            "an email in the message", [("message", "Write me to <Ana@Example.com>. Thanks.")],
            email: "ana@example.com", rest: ["message"]),
        Example(
            "an email in the message, with a mark on what follows it",
            [("message", "Write to ana@example.com,\u{301} please")], email: "ana@example.com", rest: ["message"]),
        Example("two emails in the message", [("message", "ana@example.com or bob@example.com")], rest: ["message"]),
        Example(
            "one email twice in messages", [("a", "to ana@example.com"), ("b", "or ANA@example.com!")],
            email: "ana@example.com", rest: ["a", "b"]),
        Example(
            "numbers that look like phones",
            [
                ("DNI", "612345678"), ("Código postal", "600123456"), ("fechaNacimiento", "1990-05-12"),
                ("nº de pedido", "600123457"), ("IBAN", "600123458"), ("date", "600 123 459"), ("x", "1990-05-12"),
            ],
            rest: ["DNI", "Código postal", "fechaNacimiento", "nº de pedido", "IBAN", "date", "x"]),
        Example("a DNI", [("field", "61234567Z")], rest: ["field"]),
        Example(
            "somebody else's", [("Teléfono de emergencia", "600123456"), ("friend's email", "bob@example.com")],
            rest: ["Teléfono de emergencia", "friend's email"]),
        Example("nothing", [("email", ""), ("phone", "  "), ("name", "\u{0}\n\u{A0}")]),
        Example(
            "names that are none", [("company name", "ACME"), ("username", "ana"), ("nombre de la mascota", "Rex")],
            rest: ["company name", "username", "nombre de la mascota"]),
        Example("control characters in a name", [("name", "Ana\u{0}\tLópez\n")], name: "Ana López"),
        Example(
            "a name without letters, and one that is too long",
            [("first name", "***"), ("last name", String(repeating: "x", count: 200))],
            rest: ["first name", "last name"]),
        Example(
            "a whole name beside a first name", [("name", "Ana Ruiz"), ("first name", "Ana"), ("last name", "Ruiz")],
            first: "Ana", last: "Ruiz", rest: ["name"]),
        Example(
            "a last name that would make the name too long",
            [("name", String(repeating: "x", count: 200)), ("last name", String(repeating: "y", count: 100))],
            name: String(repeating: "x", count: 200), rest: ["last name"]),
        Example(
            "a last name that a long name ends with",
            [("name", "\(longName) \(longName)"), ("last name", longName)],
            name: "\(longName) \(longName)", last: longName),
        Example("no dot, no domain", [("a", "ana@example"), ("b", "@ana"), ("c", "ana@.com")], rest: ["a", "b", "c"]),
    ]

    @Test(arguments: realistic + hostile)
    func `a form tells who sent it`(_ example: Example) throws {
        let form = try read(example.fields)
        #expect(form.email == example.email)
        #expect(form.phone == example.phone)
        #expect(form.name == example.name)
        #expect(form.firstName == example.first)
        #expect(form.lastName == example.last)
        #expect(form.rest.map(\.name) == example.rest)
    }

    @Test func `what was taken is told, in the order of the roles`() throws {
        let form = try read([("nombre", "Ana"), ("tel", "600123456"), ("apellidos", "L"), ("mail", "a@example.com")])
        #expect(form.taken.map(\.field) == ["mail", "tel", "nombre", "apellidos"])
        #expect(form.taken.map(\.role) == [.email, .phone, .firstName, .lastName])
        let text = try read([("phone", "600123456"), ("message", "a@example.com is mine")])
        #expect(text.taken.map(\.field) == ["message", "phone"])
    }

    @Test func `what was asked for and is not usable is told`() throws {
        #expect(try read([("email", "ana perez@x.com"), ("phone", "12")]).unusable == [.email, .phone])
        #expect(try read([("email", "ana at home"), ("note", "ana@x.com"), ("tel", "")]).unusable.isEmpty)
        #expect(try read([("leave your email here", "me, ana@x.com or b@x.com please")]).unusable == [.email])
        #expect(try read([("leave your email here", "no"), ("phone number of a friend", "12")]).unusable.isEmpty)
        #expect(try read([("emergency phone", "12"), ("message", "a b@x.com or c@x.com")]).unusable.isEmpty)
    }

    @Test func `what is left becomes a JSON object, in which no name comes twice`() throws {
        let fields = [
            ("date", "1"), ("date", "\"2\"\u{0}"), ("date 2", "3"), ("", "4"), ("a\nb", "5"), ("date", "6"), ("z", " "),
        ]
        let form = try read(fields)
        #expect(
            form.attributes
                == #"{"date":"1","date 3":"\"2\"\u0000","date 2":"3","field":"4","a b":"5","date 4":"6"}"#)
        #expect(try read([("email", "a@example.com")]).attributes == nil)
    }

    @Test func `names of what is left are one where their bytes are`() throws {
        let form = try read([("\u{E9}", "1"), ("e\u{301}", "2"), ("\u{E9}", "3")])
        #expect(form.attributes == "{\"\u{E9}\":\"1\",\"e\u{301}\":\"2\",\"\u{E9} 2\":\"3\"}")
    }

    @Test(arguments: [
        [FormField](repeating: FormField(name: "a", value: "b"), count: 201),
        [FormField(name: String(repeating: "n", count: 201), value: "")],
        [FormField(name: "a", value: String(repeating: "é", count: (8 << 10) + 1))],
        [FormField(name: "a", value: String(repeating: "\u{1}", count: 10_000) + "x")],
    ])
    func `a form beyond the bounds is refused`(_ fields: [FormField]) {
        #expect { try Self.reader.read(fields) } throws: { ($0 as? VaultError)?.code == .invalidArgument }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no field is lost, and what is taken is usable`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["email", "Teléfono", "name", "", "message", "dni", "nombre", "\u{301}", "a b", "firstName", "🙂"]
        let values = [
            "ana@example.com", "600123456", "Ana", "", "write to b@example.com", "@", "++34600123456", "\u{0}", "1.1.1",
            "<a@b.c>", "tel:+34600123456;ext=1", String(repeating: "9", count: 300), "a@b@c.de", "\u{202E}ana",
        ]
        for _ in 0..<500 {
            let fields = try (0..<Int.random(in: 0...8, using: &random)).map { _ in
                FormField(
                    name: try #require(names.randomElement(using: &random)),
                    value: try #require(values.randomElement(using: &random)))
            }
            let form = try Self.reader.read(fields)
            let filled = fields.filter { !$0.value.onOneLine().isEmpty }
            for field in filled {
                #expect(form.rest.contains(field) || form.taken.contains { $0.field == field.name }, "seed \(seed)")
            }
            #expect(form.rest.count + form.taken.count >= filled.count, "\(fields), seed \(seed)")
            #expect(form.rest.allSatisfy(filled.contains), "\(fields), seed \(seed)")
            if let email = form.email { #expect(EmailAddress(email) != nil, "seed \(seed)") }
        }
    }
}
