// The fields that the vault knows in an imported file, and the column names that stand for them.

import Foundation

/// A field of a record that a column can be mapped to; the raw value is its name in `--map`.
public enum ImportField: String, Sendable, CaseIterable {
    case id
    case name
    case firstName = "first_name"
    case lastName = "last_name"
    case email
    case phone
    case source
    case status
    case createdAt = "created_at"

    /// English and Spanish column names, folded as ``folded(_:)`` does.
    private var aliases: [String] {
        switch self {
        case .id: ["id", "recordid", "codigo", "identificador"]
        case .name: ["name", "fullname", "nombrecompleto"]
        case .firstName: ["firstname", "givenname", "nombre", "nombres"]
        case .lastName: ["lastname", "surname", "familyname", "apellido", "apellidos"]
        case .email: ["email", "mail", "correo", "correoelectronico", "emailaddress"]
        case .phone:
            ["phone", "telephone", "tel", "telefono", "movil", "mobile", "celular", "whatsapp", "phonenumber"]
        case .source: ["source", "origen", "fuente", "canal", "utmsource"]
        case .status: ["status", "estado"]
        case .createdAt: ["createdat", "created", "date", "fecha", "fechacreacion", "fechaalta", "timestamp"]
        }
    }

    /// Longer names are compared as they are: folding megabytes takes seconds.
    private static let nameBytesMax = 1_024

    private static let byAlias: [String: ImportField] = {
        let pairs = allCases.flatMap { field in field.aliases.map { ($0, field) } }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }()

    /// The field that a column name stands for in English or Spanish, however it is spelled.
    public init?(columnName: String) {
        guard let field = Self.byAlias[Self.folded(columnName)] else { return nil }
        self = field
    }

    /// The letters and digits of a name without case and accents, so that `Teléfono ` and `TELEFONO` are one;
    /// a name without any letter or digit, or too long to be one, stays as it is.
    static func folded(_ columnName: String) -> String {
        guard columnName.utf8.count <= nameBytesMax else { return columnName }
        let letters = columnName.folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
            .filter { $0.isLetter || $0.isNumber }
        return letters.isEmpty ? columnName : letters
    }
}
