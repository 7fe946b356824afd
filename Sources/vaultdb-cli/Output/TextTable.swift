/// Rows in aligned columns, for people.
struct TextTable {
    enum Alignment {
        case left, right
        /// On the left, and never cut: ids that somebody is to copy.
        case whole
    }

    struct Cell {
        let text: String
        let style: Style

        /// - Parameter text: anything; it is made safe.
        init(_ text: String?, style: Style = .plain) {
            self.text = DisplayText.oneLine(text ?? "")
            self.style = style
        }

        /// - Parameter text: known to be safe; white space at its ends stays.
        init(safe text: String, style: Style) {
            self.text = text
            self.style = style
        }
    }

    private enum Row {
        case cells([Cell])
        case heading(Cell)
    }

    private static let columnWidthMin = 8
    private static let gapColumns = 2

    private let header: [String]
    private let alignments: [Alignment]
    private let showsHeader: Bool
    private let indentColumns: Int
    private var rows: [Row] = []

    /// - Parameters:
    ///   - columns: a name, and on which side its values stand.
    ///   - indentColumns: how far in rows stand below their headings.
    init(_ columns: KeyValuePairs<String, Alignment>, showsHeader: Bool = true, indentColumns: Int = 0) {
        header = columns.map(\.key)
        alignments = columns.map(\.value)
        self.showsHeader = showsHeader
        self.indentColumns = indentColumns
    }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ cells: Cell...) { add(cells) }
    mutating func add(_ cells: [Cell]) { rows.append(.cells(cells)) }
    /// A line above the rows that follow.
    mutating func addHeading(_ text: String) { rows.append(.heading(Cell(text, style: .bold))) }

    /// - Parameter width: columns of the terminal, to which wide columns are cut; nil leaves all as they are.
    func text(width: Int?) -> String {
        let widths = columnWidths(in: width)
        var text = showsHeader ? line(header.map { Cell($0, style: .bold) }, widths) : ""
        for row in rows {
            switch row {
            case .cells(let cells): text += line(cells, widths)
            case .heading(let cell): text += cell.style.applied(to: cell.text) + "\n"
            }
        }
        return text
    }

    private func columnWidths(in width: Int?) -> [Int] {
        var widths = showsHeader ? header.map(DisplayText.width) : header.map { _ in 0 }
        for case .cells(let cells) in rows {
            for (column, cell) in cells.enumerated() {
                widths[column] = max(widths[column], DisplayText.width(cell.text))
            }
        }
        guard let width else { return widths }
        let cuttable = widths.indices.filter { alignments[$0] != .whole }
        while indentColumns + widths.reduce(0, +) + (widths.count - 1) * Self.gapColumns > width,
            let widest = cuttable.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.columnWidthMin
        {
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ cells: [Cell], _ widths: [Int]) -> String {
        var text = ""
        // Spaces that are owed, and written only where something follows.
        var owed = indentColumns
        for (column, cell) in cells.enumerated() {
            let shown = DisplayText.cut(cell.text, to: widths[column])
            let padding = max(widths[column] - DisplayText.width(shown), 0)
            let isRight = alignments[column] == .right
            if !shown.isEmpty {
                text += String(repeating: " ", count: owed + (isRight ? padding : 0)) + cell.style.applied(to: shown)
                owed = isRight ? 0 : padding
            } else {
                owed += padding
            }
            owed += Self.gapColumns
        }
        return text + "\n"
    }
}

/// Named values, one a line, for people.
struct TextFields {
    private var fields: [(name: String, cell: TextTable.Cell)] = []

    mutating func add(_ name: String, _ text: String?, style: Style = .plain) {
        guard let text, !text.isEmpty else { return }
        fields.append((name, TextTable.Cell(text, style: style)))
    }

    /// Several values under one name.
    mutating func add(_ name: String, _ texts: [String], style: Style = .plain) {
        for (position, text) in texts.enumerated() { add(position == 0 ? name : "", text, style: style) }
    }

    func print() throws(Failure) {
        let width = fields.map { DisplayText.width($0.name) }.max() ?? 0
        for (name, cell) in fields {
            let padding = String(repeating: " ", count: width - DisplayText.width(name))
            try Output.line("\(Style.dim.applied(to: name))\(padding)  \(cell.style.applied(to: cell.text))")
        }
    }
}

extension BinaryInteger {
    /// With commas between thousands.
    var grouped: String {
        var digits = Array(String(magnitude))
        for position in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: position) }
        return (self < 0 ? "-" : "") + String(digits)
    }
}
