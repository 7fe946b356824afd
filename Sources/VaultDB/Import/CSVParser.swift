// Cuts CSV text into records as its bytes arrive, in constant memory.

/// A push parser for RFC 4180 and what spreadsheets make of it.
///
/// Chunks may end anywhere: within a quote, a line end or a character. Lines end with LF, CRLF or CR; blank lines are
/// skipped; the delimiter is the one of `,` `;` tab `|` that the header line holds most of outside quotes, or what a
/// first line such as `sep=;` says, as Excel has it. A record that cannot be read is a fault, and the next one is read
/// as usual.
///
/// Written here because the one CSV package at hand, SwiftCSV, holds the whole text in memory.
struct CSVParser: Sendable {
    /// A record of this many bytes, quotes and delimiters included, is read; a longer one is a fault.
    static let rowBytesMax = 1 << 20
    /// In a record that is too long, a quote that is not closed after this many bytes ends the text.
    static let quotedBytesMax = 64 << 20
    /// A header of this many columns is read.
    static let columnCountMax = 1_000

    enum Item: Sendable, Hashable {
        /// The column names, without white space at their ends: always the first item, and only that.
        case header([String])
        /// As many fields as the header has.
        case record(line: Int, fields: [String])
        /// With the fields that could be read, from the first on; empty ones in the place of what is no text.
        case fault(RowFault, fields: [String] = [])
    }

    private enum State {
        case fieldStart
        case unquoted
        case quoted
        /// After a quote within a quoted field: it closed the field, unless another quote follows.
        case afterQuote
    }

    private let quotedBytesMax: Int
    private var state = State.fieldStart
    /// The physical line, from 1, that the next byte belongs to.
    private var line = 1
    private var previous: UInt8 = 0
    private var delimiter = Byte.comma
    private var columns: [String] = []

    private var recordLine = 1
    private var recordBytes = 0
    /// Whether the record is too long: its end is looked for, and nothing of it kept.
    private var isGivenUp = false
    /// Where the last quote opened: the line, and the bytes of the record up to there.
    private var (quoteLine, quoteStart) = (0, 0)
    private var fault: RowFault.Code?
    /// So many fields stand before a quote that is out of place.
    private var soundFieldCount = Int.max
    /// The record's fields without quotes and delimiters, end to end; the buffer is kept from record to record.
    private var content: [UInt8] = []
    private var fieldEnds: [Int] = []

    /// The header line as it stands, until its end is seen and tells the delimiter.
    private var headerLine = CSVHeaderLine()

    /// - Parameter quotedBytesMax: ``quotedBytesMax``, or less for a test.
    init(quotedBytesMax: Int = Self.quotedBytesMax) {
        self.quotedBytesMax = quotedBytesMax
    }

    /// Bytes of the record in work, at most ``rowBytesMax``.
    var bufferedBytes: Int { content.count + headerLine.bytes.count }

    /// Reads further bytes and appends what they complete.
    ///
    /// Throws ``ImportError`` where the header is no header; the parser is of no use then.
    mutating func feed(_ bytes: Span<UInt8>, into items: inout [Item]) throws(ImportError) {
        var index = 0
        while index < bytes.count {
            if columns.isEmpty {
                try takeHeader(bytes[index], into: &items)
            } else {
                takePlainBytes(of: bytes, from: &index)
                guard index < bytes.count else { return }
                try take(bytes[index], into: &items)
            }
            index += 1
        }
    }

    /// Ends the text: a last record needs no line end.
    mutating func finish(into items: inout [Item]) throws(ImportError) {
        if columns.isEmpty { try replayHeaderLine(into: &items) }
        if state == .quoted {
            guard !isGivenUp else { throw .unterminatedQuote(line: quoteLine) }
            fault = .unterminatedQuote
            soundFieldCount = min(soundFieldCount, fieldEnds.count)
            recordLine = quoteLine
        }
        if recordBytes > 0 { try endRecord(into: &items) }
        guard !columns.isEmpty else {
            throw .header("there are only blank lines", line: line, advice: "put the column names on the first line")
        }
    }
}

// MARK: - One byte at a time

extension CSVParser {
    private mutating func take(_ byte: UInt8, into items: inout [Item]) throws(ImportError) {
        let isSecondOfCRLF = byte == Byte.lineFeed && previous == Byte.carriageReturn
        let endsLine = byte == Byte.lineFeed || byte == Byte.carriageReturn
        previous = byte
        if isSecondOfCRLF, state != .quoted { return }
        if endsLine, !isSecondOfCRLF { line += 1 }

        recordBytes += 1
        switch state {
        case .quoted where byte == Byte.quote:
            state = .afterQuote
        case .quoted:
            append(byte)
        case .fieldStart where byte == Byte.quote:
            state = .quoted
            (quoteLine, quoteStart) = (line, recordBytes)
        case .afterQuote where byte == Byte.quote:
            append(byte)
            state = .quoted
        case .fieldStart, .unquoted, .afterQuote:
            if byte == delimiter {
                if !isGivenUp { fieldEnds.append(content.count) }
                state = .fieldStart
            } else if endsLine {
                return try endRecord(into: &items)
            } else {
                if state == .afterQuote {
                    fault = fault ?? .malformedQuote
                    soundFieldCount = min(soundFieldCount, fieldEnds.count)
                }
                append(byte)
                state = .unquoted
            }
        }
        if recordBytes > Self.rowBytesMax { try passOver(into: &items) }
    }

    /// Does what `take` would for the bytes within a field that mean nothing but themselves, which are most.
    private mutating func takePlainBytes(of bytes: Span<UInt8>, from index: inout Int) {
        guard state == .unquoted || state == .quoted else { return }
        let start = index
        let end = start + min(bytes.count - start, plainBytesMax)
        while index < end, isPlain(bytes[index]) {
            if !isGivenUp { content.append(bytes[index]) }
            index += 1
        }
        guard index > start else { return }
        recordBytes += index - start
        previous = bytes[index - 1]
    }

    /// So many more bytes may come before a limit is to be looked at; none or less where it is reached.
    private var plainBytesMax: Int {
        guard isGivenUp else { return Self.rowBytesMax - recordBytes }
        return state == .quoted ? quoteStart + quotedBytesMax - recordBytes : .max
    }

    private func isPlain(_ byte: UInt8) -> Bool {
        byte != delimiter && byte != Byte.quote && byte != Byte.lineFeed && byte != Byte.carriageReturn && byte != 0
    }

    private mutating func append(_ byte: UInt8) {
        guard !isGivenUp else { return }
        if byte == 0 { fault = fault ?? .nulByte }
        content.append(byte)
    }

    private mutating func startRecord() {
        state = .fieldStart
        recordLine = line
        recordBytes = 0
        isGivenUp = false
        fault = nil
        soundFieldCount = .max
        content.removeAll(keepingCapacity: true)
        fieldEnds.removeAll(keepingCapacity: true)
    }

    /// Gives up a record that is too long. Its quotes still count, so that no line within them is taken for a record.
    private mutating func passOver(into items: inout [Item]) throws(ImportError) {
        guard !columns.isEmpty else { throw .headerTooLong(line: recordLine) }
        if !isGivenUp {
            items.append(.fault(rowFault(.rowTooLong), fields: soundFields))
            isGivenUp = true
            content = []
            fieldEnds = []
        }
        guard state != .quoted || recordBytes - quoteStart <= quotedBytesMax else {
            throw .unterminatedQuote(line: quoteLine)
        }
    }
}

// MARK: - The header

extension CSVParser {
    /// Holds the header line back, since only the whole of it tells the delimiter.
    private mutating func takeHeader(_ byte: UInt8, into items: inout [Item]) throws(ImportError) {
        headerLine.append(byte)
        guard headerLine.bytes.count <= Self.rowBytesMax else { throw .headerTooLong(line: line) }
        if headerLine.isComplete { try replayHeaderLine(into: &items) }
    }

    private mutating func replayHeaderLine(into items: inout [Item]) throws(ImportError) {
        var bytes = headerLine.bytes[...]
        delimiter = headerLine.delimiter
        if line == 1, let declared = headerLine.declared {
            // Without what it says it is a blank line.
            bytes = bytes.dropFirst(CSVHeaderLine.declarationBytes)
            headerLine = CSVHeaderLine(candidates: [declared])
        } else {
            headerLine = CSVHeaderLine(candidates: headerLine.candidates)
        }
        for byte in bytes { try take(byte, into: &items) }
    }

    private mutating func endHeader(into items: inout [Item]) throws(ImportError) {
        guard fieldEnds.count <= Self.columnCountMax else { throw .tooManyColumns(fieldEnds.count, line: recordLine) }
        if let fault { throw .unreadableHeader(fault, line: recordLine) }
        guard let fields = fields() else { throw .encoding("WINDOWS-1252") }
        let names = fields.enumerated().map { index, name in
            let name = name.trimmingWhiteSpace()
            return name.isEmpty ? "column_\(index + 1)" : name
        }
        var seen = Set<ExactText>()
        for name in names where !seen.insert(ExactText(name)).inserted {
            throw .duplicateColumn(name, line: recordLine)
        }
        columns = names
        items.append(.header(names))
    }
}

// MARK: - The end of a record

extension CSVParser {
    private mutating func endRecord(into items: inout [Item]) throws(ImportError) {
        guard !isGivenUp else { return startRecord() }
        fieldEnds.append(content.count)
        if !isBlank {
            if columns.isEmpty { try endHeader(into: &items) } else { items.append(record()) }
        }
        startRecord()
    }

    /// A line of nothing but white space, which only a quote could make a field.
    private var isBlank: Bool {
        fieldEnds.count == 1 && state != .afterQuote && fault == nil
            && content.allSatisfy { $0 == Byte.space || $0 == Byte.tab }
    }

    private func record() -> Item {
        if let fault { return .fault(rowFault(fault), fields: soundFields) }
        guard fieldEnds.count == columns.count else {
            return .fault(rowFault(.wrongFieldCount), fields: soundFields)
        }
        guard let fields = fields() else { return .fault(rowFault(.invalidUTF8), fields: soundFields) }
        return .record(line: recordLine, fields: fields)
    }

    /// Nil where a field is not UTF-8.
    private func fields() -> [String]? {
        var fields: [String] = []
        fields.reserveCapacity(fieldEnds.count)
        var start = 0
        for end in fieldEnds {
            guard let field = String(utf8: content.span.extracting(start..<end)) else { return nil }
            fields.append(field)
            start = end
        }
        return fields
    }

    /// What can be read of a record that is passed over.
    private var soundFields: [String] {
        var fields: [String] = []
        var start = 0
        for end in fieldEnds.prefix(soundFieldCount) {
            let isText = !content[start..<end].contains(0)
            fields.append(isText ? String(utf8: content.span.extracting(start..<end)) ?? "" : "")
            start = end
        }
        return fields
    }

    private func rowFault(_ code: RowFault.Code) -> RowFault {
        let message =
            switch code {
            case .wrongFieldCount:
                "the row has \(fieldEnds.count) fields, the header \(columns.count)"
            case .rowTooLong where state == .quoted:
                "the row is longer than \(Self.rowBytesMax) bytes: the quote of line \(quoteLine) may not be closed"
            case .rowTooLong: "the row is longer than \(Self.rowBytesMax) bytes"
            case .invalidUTF8: "the row is not UTF-8; if others are not, convert the file with iconv"
            case .nulByte: "the row holds a NUL byte"
            case .malformedQuote: "text follows a closing quote; a quote within quotes is doubled"
            default: "the quote that opens here is not closed"
            }
        return RowFault(line: recordLine, code: code, message: message)
    }
}

/// A header line as far as it has arrived, with the delimiters that it may mean.
private struct CSVHeaderLine: Sendable {
    private static let declaration = Array("sep=".utf8)
    /// With the delimiter that it is about.
    static let declarationBytes = declaration.count + 1

    let candidates: [UInt8]
    private(set) var bytes: [UInt8] = []
    private var counts: [Int]
    private var isAtFieldStart = true
    private var fieldIsQuoted = false
    private var isWithinQuotes = false

    init(candidates: [UInt8] = [Byte.comma, Byte.semicolon, Byte.tab, Byte.pipe]) {
        self.candidates = candidates
        counts = [Int](repeating: 0, count: candidates.count)
    }

    /// Whether the last byte ends the line.
    var isComplete: Bool {
        !isWithinQuotes && (bytes.last == Byte.lineFeed || bytes.last == Byte.carriageReturn)
    }

    /// The candidate that stands most often outside quotes; of equals, the one that comes first in the list.
    var delimiter: UInt8 {
        var best = 0
        for index in counts.indices where counts[index] > counts[best] { best = index }
        return candidates[best]
    }

    /// The delimiter that a line such as `sep=;` is about; nil where this is none.
    var declared: UInt8? {
        let end = bytes.last == Byte.lineFeed || bytes.last == Byte.carriageReturn ? bytes.count - 1 : bytes.count
        guard end == Self.declarationBytes, bytes.starts(with: Self.declaration) else { return nil }
        let byte = bytes[end - 1]
        return byte == Byte.tab || byte > Byte.space && byte < 0x7F && byte != Byte.quote ? byte : nil
    }

    mutating func append(_ byte: UInt8) {
        bytes.append(byte)
        if byte == Byte.quote {
            if isAtFieldStart { fieldIsQuoted = true }
            if fieldIsQuoted { isWithinQuotes.toggle() }
        }
        isAtFieldStart = false
        guard !isWithinQuotes, let index = candidates.firstIndex(of: byte) else { return }
        counts[index] += 1
        isAtFieldStart = true
        fieldIsQuoted = false
    }
}

extension ImportError {
    fileprivate static func headerTooLong(line: Int) -> ImportError {
        .header(
            "the header is longer than \(CSVParser.rowBytesMax) bytes", line: line,
            advice: "check that this is CSV, and that its quotes are closed")
    }

    fileprivate static func unterminatedQuote(line: Int) -> ImportError {
        ImportError(
            .unterminatedQuote, "line \(line): the quote that opens here is not closed, and what follows can't be read",
            advice: "close it, or double it where it stands within quotes, and import again")
    }

    fileprivate static func tooManyColumns(_ count: Int, line: Int) -> ImportError {
        ImportError(
            .tooManyColumns, "line \(line): the header has \(count) columns",
            advice: "leave out what is not needed: \(CSVParser.columnCountMax) are read")
    }

    fileprivate static func duplicateColumn(_ name: String, line: Int) -> ImportError {
        ImportError(
            .duplicateColumn, "line \(line): the header names '\(name.printable)' twice",
            advice: "rename one of the two columns")
    }

    fileprivate static func unreadableHeader(_ fault: RowFault.Code, line: Int) -> ImportError {
        guard fault != .nulByte else { return .binary }
        return .header(
            "a quote of the header is not closed, or text follows it", line: line, advice: "correct the quote")
    }
}
