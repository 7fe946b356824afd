import VaultDB

/// A person on one card: who it is, how to reach them, since when, and how many records of which kind there are.
struct ContactCard {
    private static let columnsMin = 44
    private static let columnsMax = 110
    private static let columnsWithoutTerminal = 80
    /// Between the two sides, between a name and its value, and between badges.
    private static let gapColumns = 3
    private static let valuesPerKindMax = 5

    /// A named value. Further ones of the same name have an empty name.
    private struct Field {
        let name: String
        let cell: TextTable.Cell
    }

    private let contact: Contact
    private let frame = Frame.current
    private let columns: Int
    /// Between the frame's lines and a space on each side.
    private var innerColumns: Int { columns - 4 }

    init(_ contact: Contact) {
        self.contact = contact
        let available = Terminal.output.width ?? Self.columnsWithoutTerminal
        columns = min(max(available, Self.columnsMin), Self.columnsMax)
    }

    func print() throws(Failure) {
        try Output.line(frame.rule(frame.top, columns: columns))
        try printHead()
        try Output.line(frame.rule(frame.middle, columns: columns))
        try printFields()
        try Output.line(frame.rule(frame.bottom, columns: columns))
    }

    // MARK: Head

    private func printHead() throws(Failure) {
        let identity = contact.identity
        let name = TextTable.Cell(identity.displayName ?? "(no name)", style: .bold)
        var badges = badgeLines
        // The first line of badges stands beside the name where both fit.
        let beside = badges.first.map { DisplayText.width(name.text) + Self.gapColumns + width($0) <= innerColumns }
        try line([name], beside == true ? badges.removeFirst() : [])
        try line([.init(identity.id.text)])
        if let redirected = contact.redirectedFrom {
            try line([.init(safe: "merged from \(redirected.text)", style: .notable)])
        }
        for badges in badges { try line(badges) }
    }

    /// A badge and a number for each kind, on as few lines as they need.
    private var badgeLines: [[TextTable.Cell]] {
        var lines: [[TextTable.Cell]] = []
        for count in contact.counts {
            let counted = [Badge(count.kind).cell, .init(safe: " \(count.count.grouped)", style: .plain)]
            if let last = lines.last, width(last) + 2 + width(counted) <= innerColumns {
                lines[lines.count - 1] += [.init(safe: "  ", style: .plain)] + counted
            } else {
                lines.append(counted)
            }
        }
        return lines
    }

    // MARK: Fields

    private func printFields() throws(Failure) {
        let (left, right) = (identityFields, activityFields)
        let rightColumns = width(right)
        guard width(left) + Self.gapColumns + rightColumns <= innerColumns else {
            return try printLines(left + right, [], rightColumns: 0)
        }
        try printLines(left, right, rightColumns: rightColumns)
    }

    private func printLines(_ left: [Field], _ right: [Field], rightColumns: Int) throws(Failure) {
        let (leftNames, rightNames) = (nameColumns(left), nameColumns(right))
        for index in 0..<max(left.count, right.count) {
            let one = index < left.count ? cells(left[index], leftNames) : []
            var other = index < right.count ? cells(right[index], rightNames) : []
            other.append(.init(safe: String(repeating: " ", count: rightColumns - width(other)), style: .plain))
            try line(one, other)
        }
    }

    /// Who it is.
    private var identityFields: [Field] {
        let identity = contact.identity
        var fields: [Field] = []
        for kind in IdentifierKind.allCases {
            let held = identity.identifiers(of: kind).sorted { $0.isPrimary && !$1.isPrimary }
            let isOne = held.count == 1
            fields += named(kind.description, held.map { .init($0.described(isOnly: isOne), style: style(of: $0)) })
        }
        return fields + named("also", identity.aliases.map { .init($0) })
    }

    private func style(of held: HeldIdentifier) -> Style {
        held.state != .owned ? .notable : held.isPrimary && held.identifier.kind != .external ? .bold : .plain
    }

    /// What happened.
    private var activityFields: [Field] {
        named("first contact", [.init(contact.firstContact.day)])
            + named("last activity", [.init(contact.lastActivity.day)])
            + named("interactions", [.init(contact.totalInteractions.grouped, style: .bold)])
    }

    /// Values under one name, of many only the first few.
    private func named(_ name: String, _ values: [TextTable.Cell]) -> [Field] {
        var shown = values
        if values.count > Self.valuesPerKindMax {
            shown = Array(values.prefix(Self.valuesPerKindMax - 1))
            shown.append(.init("and \((values.count - shown.count).grouped) more", style: .dim))
        }
        return shown.enumerated().map { Field(name: $0 == 0 ? name : "", cell: $1) }
    }

    // MARK: Lines

    private func nameColumns(_ fields: [Field]) -> Int { fields.map(\.name.utf8.count).max() ?? 0 }

    private func width(_ fields: [Field]) -> Int {
        nameColumns(fields) + Self.gapColumns + (fields.map { DisplayText.width($0.cell.text) }.max() ?? 0)
    }

    private func width(_ cells: [TextTable.Cell]) -> Int { cells.reduce(0) { $0 + DisplayText.width($1.text) } }

    private func cells(_ field: Field, _ nameColumns: Int) -> [TextTable.Cell] {
        let padding = String(repeating: " ", count: nameColumns - field.name.utf8.count + Self.gapColumns)
        return [.init(safe: field.name + padding, style: .dim), field.cell]
    }

    /// One line of the card: cells from the left, which are cut where they don't fit, and cells at the right end.
    private func line(_ left: [TextTable.Cell], _ right: [TextTable.Cell] = []) throws(Failure) {
        var room = innerColumns - width(right)
        var text = ""
        for cell in left {
            let shown = DisplayText.cut(cell.text, to: room)
            text += cell.style.applied(to: shown)
            room -= DisplayText.width(shown)
        }
        text += String(repeating: " ", count: max(room, 0))
        for cell in right { text += cell.style.applied(to: cell.text) }
        let side = Style.dim.applied(to: frame.vertical)
        try Output.line("\(side) \(text) \(side)")
    }
}
