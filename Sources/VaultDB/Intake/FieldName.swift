internal import Foundation

/// The words that people name columns and form fields by, in English and Spanish, and how names are compared.
enum FieldName {
    /// Folded names, as `folded(_:)` makes them.
    static let email = ["email", "mail", "correo", "correoelectronico", "emailaddress"]
    static let phone = [
        "phone", "telephone", "tel", "telefono", "movil", "mobile", "celular", "whatsapp", "phonenumber",
    ]
    static let firstName = ["firstname", "givenname", "nombre", "nombres"]
    static let lastName = ["lastname", "surname", "familyname", "apellido", "apellidos"]
    static let fullName = ["name", "fullname", "nombrecompleto"]

    /// Longer names are not folded: that of megabytes takes seconds, and comparing them Unicode's way much longer.
    private static let bytesMax = 1_024

    /// The letters and digits of a name without case and accents, so that `Teléfono ` and `TELEFONO` are one;
    /// a name without any letter or digit stays as it is. Nil for one that is too long.
    static func folded(_ name: String) -> String? {
        guard name.utf8.count <= bytesMax else { return nil }
        let letters = plain(name).filter { $0.isLetter || $0.isNumber }
        return letters.isEmpty ? name : letters
    }

    /// The words of a name, folded: `your-email`, `yourEmail` and `Your email?` have the same two.
    static func words(of name: String) -> [String] {
        guard name.utf8.count <= bytesMax else { return [] }
        var spaced = ""
        var afterLower = false
        for character in name {
            if character.isUppercase, afterLower { spaced.append(" ") }
            afterLower = character.isLowercase || character.isNumber
            spaced.append(character)
        }
        return plain(spaced).split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }

    private static func plain(_ name: String) -> String {
        name.folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
    }
}
