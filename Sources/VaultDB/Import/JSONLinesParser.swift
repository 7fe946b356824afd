// Makes rows of JSON Lines as their bytes arrive, in constant memory.

/// A push parser for one JSON object per line.
///
/// Chunks may end anywhere; blank lines are skipped. Keys mean what ``ColumnMapping`` says: a known field takes a
/// string as it is, a number or boolean as its text, and null as absent; every further key becomes an attribute, with
/// the JSON text of its value. Where two keys stand for one field, the first that holds a value has it.
struct JSONLinesParser: Sendable {
    /// A line of this many bytes is read, a longer one is a fault.
    static let lineBytesMax = 1 << 20
    /// An object of this many keys is read, one of more is a fault.
    static let keyCountMax = 1_000
    /// Keys whose targets are remembered from line to line.
    private static let knownKeyCountMax = 4_096

    private let mapping: ColumnMapping
    private var targets: [String: [ColumnMapping.Target]] = [:]
    private var keys = Set<String>()

    private var line = 1
    /// The start of a line whose end has not arrived.
    private var pending: [UInt8] = []
    private var isSkipping = false

    init(mapping: ColumnMapping) {
        self.mapping = mapping
    }

    /// Reads further bytes and appends what they complete.
    mutating func feed(_ bytes: Span<UInt8>, into items: inout [ImportItem]) {
        var start = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == Byte.lineFeed {
                endLine(bytes.extracting(start..<index), into: &items)
                start = index + 1
            }
            index += 1
        }
        hold(bytes.extracting(start..<bytes.count), into: &items)
    }

    /// Ends the text: a last line needs no line end.
    mutating func finish(into items: inout [ImportItem]) {
        endLine([UInt8]().span, into: &items)
    }

    private mutating func endLine(_ rest: Span<UInt8>, into items: inout [ImportItem]) {
        if isSkipping || pending.isEmpty {
            read(rest, into: &items)
        } else {
            hold(rest, into: &items)
            let whole = pending
            pending = []
            read(whole.span, into: &items)
            pending = whole
            pending.removeAll(keepingCapacity: true)
        }
        isSkipping = false
        line += 1
    }

    private mutating func hold(_ rest: Span<UInt8>, into items: inout [ImportItem]) {
        guard !isSkipping else { return }
        guard pending.count + rest.count <= Self.lineBytesMax else {
            items.append(.fault(tooLong))
            pending.removeAll()
            isSkipping = true
            return
        }
        for index in rest.indices { pending.append(rest[index]) }
    }

    private mutating func read(_ text: Span<UInt8>, into items: inout [ImportItem]) {
        guard !isSkipping else { return }
        guard text.count <= Self.lineBytesMax else {
            items.append(.fault(tooLong))
            return
        }
        do {
            if let row = try row(of: text) { items.append(row.checked) }
        } catch {
            items.append(.fault(RowFault(line: line, code: error.code, message: error.message)))
        }
    }

    private var tooLong: RowFault {
        RowFault(line: line, code: .rowTooLong, message: "the line is longer than \(Self.lineBytesMax) bytes")
    }
}

// MARK: - One line

extension JSONLinesParser {
    private typealias Fault = JSONScanner.Fault

    /// Nil for a blank line.
    private mutating func row(of text: Span<UInt8>) throws(Fault) -> ImportRow? {
        var scanner = JSONScanner(text)
        guard !scanner.isAtEnd() else { return nil }
        var row = ImportRow(line: line)
        keys.removeAll(keepingCapacity: true)
        try scanner.openObject()
        while let key = try scanner.key(isFirst: keys.isEmpty) {
            let name = try scanner.text(key)
            guard keys.insert(name).inserted else { throw .duplicate(name) }
            guard keys.count <= Self.keyCountMax else { throw .tooManyKeys }
            let value = try scanner.value(depth: 1)
            for target in targets(ofKey: name) { try row.put(value, of: scanner, from: name, as: target) }
        }
        try scanner.end()
        return row
    }

    private mutating func targets(ofKey key: String) -> [ColumnMapping.Target] {
        if let known = targets[key] { return known }
        let found = mapping.targets(ofKey: key)
        if targets.count < Self.knownKeyCountMax { targets[key] = found }
        return found
    }
}

extension ImportRow {
    /// Puts a value where it belongs; a known field that is filled already leaves it to the attributes.
    fileprivate mutating func put(
        _ value: JSONScanner.Value, of scanner: JSONScanner, from key: String, as target: ColumnMapping.Target
    ) throws(JSONScanner.Fault) {
        switch (target, value.kind) {
        case (.attribute, _):
            attributes.append(Attribute(name: key, json: try scanner.json(value)))
        case (_, .null):
            return
        case (.external, .array):
            for element in try scanner.elements(of: value) {
                guard case .string = element.kind else { throw .wrongType(key) }
                try put(element, of: scanner, from: key, as: target)
            }
        case (_, .array), (_, .object):
            throw .wrongType(key)
        case (.field(let field), _) where self[field] != nil:
            attributes.append(Attribute(name: key, json: try scanner.json(value)))
        default:
            let text = try scanner.text(value)
            guard !text.utf8.contains(0) else { throw .nulByte }
            if !text.isEmpty { put(text, from: key, as: target) }
        }
    }
}

extension JSONScanner.Fault {
    fileprivate static func duplicate(_ key: String) -> Self {
        Self(code: .duplicateField, message: "the key '\(key.printable)' stands twice in one object")
    }

    fileprivate static func wrongType(_ key: String) -> Self {
        Self(code: .wrongType, message: "'\(key.printable)' must be a text, a number, a boolean or null")
    }

    fileprivate static let tooManyKeys = Self(
        code: .tooManyFields, message: "the object has more than \(JSONLinesParser.keyCountMax) keys")
}
