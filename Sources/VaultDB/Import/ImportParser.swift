// Makes rows of CSV or JSON Lines as the bytes arrive: the whole way from text to fields, with no file behind it.

/// What an import reads next. Behind a reference, as a row has a dozen texts and is handed on several times.
public indirect enum ImportItem: Sendable, Hashable {
    case row(ImportRow)
    case fault(RowFault)
}

/// A push parser for a text of either format, in memory that does not grow with the text.
///
/// Chunks may end anywhere. A UTF-8 byte order mark is dropped. One bad row is an item like any other; an error thrown
/// means that the text as a whole cannot be imported, and the parser is of no use then.
public struct ImportParser: Sendable {
    private let format: ImportFormat?
    private let mapping: ColumnMapping
    /// The first bytes, until they tell what the text is.
    private var opening: [UInt8] = []
    private var rows: Rows?

    private enum Rows {
        case csv(CSVRowParser)
        case jsonLines(JSONLinesParser)
    }

    /// A parser for `format`, or for what the first character says: `{` opens JSON Lines, all else CSV.
    public init(format: ImportFormat? = nil, mapping: ColumnMapping = ColumnMapping()) {
        self.format = format
        self.mapping = mapping
    }

    /// Reads further bytes and appends the rows that they complete, in order.
    public mutating func feed(_ bytes: Span<UInt8>, into items: inout [ImportItem]) throws(ImportError) {
        if rows != nil { return try parse(bytes, into: &items) }
        for index in bytes.indices { opening.append(bytes[index]) }
        try parseOpening(isWhole: false, into: &items)
    }

    /// Ends the text: a last row needs no line end. Throws where there was no text at all.
    public mutating func finish(into items: inout [ImportItem]) throws(ImportError) {
        if rows == nil { try parseOpening(isWhole: true, into: &items) }
        switch rows.take() {
        case .csv(var parser): try parser.finish(into: &items)
        case .jsonLines(var parser): parser.finish(into: &items)
        case nil: throw .empty
        }
    }

    private mutating func parse(_ bytes: Span<UInt8>, into items: inout [ImportItem]) throws(ImportError) {
        // Taken out and put back, so that the parser's buffers are never shared and so never copied.
        switch rows.take() {
        case .csv(var parser):
            try parser.feed(bytes, into: &items)
            rows = .csv(parser)
        case .jsonLines(var parser):
            parser.feed(bytes, into: &items)
            rows = .jsonLines(parser)
        case nil: return
        }
    }

    private mutating func parseOpening(isWhole: Bool, into items: inout [ImportItem]) throws(ImportError) {
        let text = opening
        guard let start = try TextOpening(text).textStart(isWhole: isWhole) else { return }
        guard let found = try TextOpening(text).format(format, from: start, isWhole: isWhole) else { return }
        opening = []
        rows = found == .csv ? .csv(CSVRowParser(mapping: mapping)) : .jsonLines(JSONLinesParser(mapping: mapping))
        try parse(text.span.extracting(start..<text.count), into: &items)
    }
}

/// Gives the records of a CSV text their fields.
private struct CSVRowParser: Sendable {
    private let mapping: ColumnMapping
    private var parser = CSVParser()
    private var columns: [ColumnMapping.Column] = []
    private var records: [CSVParser.Item] = []

    init(mapping: ColumnMapping) {
        self.mapping = mapping
    }

    mutating func feed(_ bytes: Span<UInt8>, into items: inout [ImportItem]) throws(ImportError) {
        try parser.feed(bytes, into: &records)
        try takeRecords(into: &items)
    }

    mutating func finish(into items: inout [ImportItem]) throws(ImportError) {
        try parser.finish(into: &records)
        try takeRecords(into: &items)
    }

    private mutating func takeRecords(into items: inout [ImportItem]) throws(ImportError) {
        for record in records {
            switch record {
            case .header(let names): columns = try mapping.columns(named: names)
            case .record(let line, let fields): items.append(row(of: fields, line: line).checked)
            case .fault(var fault, let fields):
                fault.recordID = row(of: fields, line: fault.line).recordID
                items.append(.fault(fault))
            }
        }
        records.removeAll(keepingCapacity: true)
    }

    private func row(of fields: [String], line: Int) -> ImportRow {
        var row = ImportRow(line: line)
        for (column, text) in zip(columns, fields) where !text.isBlank {
            for target in column.targets { row.put(text, from: column.name, as: target) }
        }
        return row
    }
}
