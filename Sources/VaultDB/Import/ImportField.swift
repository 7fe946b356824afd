// The fields that the vault knows in an imported file, and the column names that stand for them.

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

    /// English and Spanish column names, folded as ``FieldName`` does.
    private var aliases: [String] {
        switch self {
        case .id: ["id", "recordid", "codigo", "identificador"]
        case .name: FieldName.fullName
        case .firstName: FieldName.firstName
        case .lastName: FieldName.lastName
        case .email: FieldName.email
        case .phone: FieldName.phone
        case .source: ["source", "origen", "fuente", "canal", "utmsource"]
        case .status: ["status", "estado"]
        case .createdAt: ["createdat", "created", "date", "fecha", "fechacreacion", "fechaalta", "timestamp"]
        }
    }

    private static let byAlias: [String: ImportField] = {
        let pairs = allCases.flatMap { field in field.aliases.map { ($0, field) } }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }()

    /// The field that a column name stands for in English or Spanish, however it is spelled.
    public init?(columnName: String) {
        guard let folded = FieldName.folded(columnName), let field = Self.byAlias[folded] else { return nil }
        self = field
    }
}
