import VaultDB

/// A record's kind as it stands out: on a coloured ground, or in brackets where there is no colour. Both are equally
/// wide.
struct Badge {
    let cell: TextTable.Cell

    init(_ kind: RecordKind) {
        let text = Terminal.output.hasColour ? " \(kind) " : "[\(kind)]"
        cell = TextTable.Cell(safe: text, style: Self.style(of: kind))
    }

    private static func style(of kind: RecordKind) -> Style {
        switch kind {
        case .lead: .blue
        case .patient: .green
        case .follower: .magenta
        default: .inverse
        }
    }
}
