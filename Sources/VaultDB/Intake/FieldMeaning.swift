/// What the name of a form's field says about its value.
struct FieldMeaning {
    /// The role that the name stands for, and nothing else.
    let role: FormRole?
    /// The role that one of its words stands for: weaker, as in "Where may we send an email?".
    let hint: FormRole?
    /// Whether the value is some other number: a date, a price, an identity card.
    let isOtherNumber: Bool
    /// Whether it is about somebody else than the person who fills the form in.
    let isOtherPerson: Bool

    init(of name: String) {
        let words = FieldName.words(of: name)
        let telling = words.filter { !Self.fillers.contains($0) }
        isOtherPerson = !Self.otherPersons.isDisjoint(with: words)
        isOtherNumber = !Self.otherNumbers.isDisjoint(with: words)
        role = Self.roles[telling.joined()] ?? Self.roles[words.joined()]
        // Of "mail" and "phone" in one name, neither says enough.
        let hints = Set(telling.compactMap { Self.roles[$0] }.filter { $0 == .email || $0 == .phone })
        hint = hints.count == 1 ? hints.first : nil
    }

    func asks(for role: FormRole) -> Bool { self.role == role || hint == role }

    private static let roles: [String: FormRole] = {
        let lists: [(FormRole, [String])] = [
            (.email, FieldName.email + ["correos", "emailid", "direccioncorreo", "direccioncorreoelectronico"]),
            (
                .phone,
                FieldName.phone + [
                    "tfno", "tlf", "tlfno", "telf", "cell", "cellphone", "mobilephone", "mobilenumber", "wa",
                    "telefonomovil", "telefonofijo", "telefonocelular", "numerotelefono", "numeromovil",
                    "numerotelefonomovil", "numerocelular", "numerowhatsapp", "whatsappnumber", "telephonenumber",
                    "contactnumber", "smartphone",
                ]
            ),
            (.firstName, FieldName.firstName + ["forename", "fname", "nombrepila", "primernombre"]),
            (.lastName, FieldName.lastName + ["lname", "secondname", "primerapellido"]),
            (
                .name,
                FieldName.fullName + [
                    "nombreapellidos", "nombreapellido", "nombresapellidos", "apellidosnombre", "firstlastname",
                    "firstnamelastname", "namesurname", "llamas", "comotellamas", "comosellama",
                ]
            ),
        ]
        let pairs = lists.flatMap { role, names in names.map { ($0, role) } }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }()

    /// Words that say whose it is or ask for it.
    private static let fillers: Set<String> = [
        "your", "my", "the", "a", "an", "and", "of", "for", "to", "s", "what", "whats", "is", "are", "please", "enter",
        "type", "write", "best", "valid", "contact", "customer", "client", "patient", "user", "lead", "sender",
        "required", "optional", "form", "field", "input",
        "tu", "su", "mi", "el", "la", "los", "las", "un", "una", "y", "e", "de", "del", "para", "cual", "es", "son",
        "por", "favor", "escribe", "escriba", "introduce", "introduzca", "indica", "indique", "contacto", "cliente",
        "paciente", "usuario", "interesado", "obligatorio", "opcional", "formulario", "campo", "como", "te", "se",
    ]

    private static let otherNumbers: Set<String> = [
        "postal", "postcode", "zip", "zipcode", "cp", "code", "codigo", "pin", "dni", "nie", "nif", "cif", "passport",
        "pasaporte", "documento", "document", "cedula", "curp", "rfc", "ssn", "social", "tax", "vat", "date", "fecha",
        "birth", "birthday", "birthdate", "dob", "nacimiento", "year", "ano", "month", "mes", "day", "dia", "time",
        "hora", "timestamp", "price", "precio", "amount", "importe", "cantidad", "quantity", "qty", "total", "budget",
        "presupuesto", "coste", "cost", "order", "pedido", "invoice", "factura", "iban", "account", "cuenta", "card",
        "tarjeta", "age", "edad", "id", "uuid", "ip", "identificador", "policy", "poliza", "expediente", "historia",
        "historial", "reference", "referencia", "ref", "height", "altura", "weight", "peso", "size", "talla", "fax",
        "serial", "sku", "token", "key", "nonce", "captcha", "ticket", "gclid", "fbclid", "utm", "latitude",
        "longitude", "lat", "lng",
    ]

    private static let otherPersons: Set<String> = [
        "emergency", "emergencia", "friend", "friends", "amigo", "amiga", "referral", "referred", "referrer",
        "referido", "referida", "recomendado", "recomendada", "recommended", "doctor", "medico", "dentist", "dentista",
    ]
}
