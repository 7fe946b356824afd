// Makes rows of JSON Lines as their bytes arrive, in constant memory.

/// A push parser for one JSON object per line.
///
/// Chunks may end anywhere; blank lines are skipped. Keys mean what ``ColumnMapping`` says: a known field takes a
/// string as it is, a number or boolean as its text, and what is null or blank as absent; every further key becomes an
/// attribute, with the JSON text of its value. Where two keys stand for one field, the first that holds a value has it.
struct JSONLinesParser: Sendable {
    /// A line of this many bytes is read, a longer one is a fault.
    static let lineBytesMax = 1 << 20
    /// An object of this many keys is read, one of more is a fault.
    static let keyCountMax = 1_000
    /// Bytes of keys that are remembered from line to line before all are forgotten.
    private static let knownKeyBytesMax = 1 << 20

    private struct KnownKey {
        let key: ColumnMapping.Key
        /// The last line that has the key, so that a second one on that line is seen.
        var line: Int
    }

    private let mapping: ColumnMapping
    private var knownKeys: [ExactText: KnownKey] = [:]
    private var knownKeyBytes = 0

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
        var row = ImportRow(line: line)
        do throws(Fault) {
            if try fill(&row, from: text) { items.append(row.checked) }
        } catch {
            var fault = RowFault(line: line, code: error.code, message: error.message(of: "the line"))
            fault.recordID = row.recordID
            items.append(.fault(fault))
        }
    }

    private var tooLong: RowFault {
        RowFault(line: line, code: .rowTooLong, message: "the line is longer than \(Self.lineBytesMax) bytes")
    }
}

// MARK: - One line

extension JSONLinesParser {
    private typealias Fault = JSONScanner.Fault

    /// - Returns: false for a blank line.
    /// - Throws: with what was read before the fault in the row, and what follows a value of the wrong type.
    private mutating func fill(_ row: inout ImportRow, from text: Span<UInt8>) throws(Fault) -> Bool {
        var scanner = JSONScanner(text)
        guard !scanner.isAtEnd() else { return false }
        forgetKeysBeyondLimit()
        var misfit: Fault?
        var keyCount = 0
        var exactKeys: Set<ExactText>?
        try scanner.openObject()
        while let key = try scanner.key(isFirst: keyCount == 0) {
            keyCount += 1
            guard keyCount <= Self.keyCountMax else { throw .tooManyNames(max: Self.keyCountMax) }
            let name = try scanner.text(key)
            let targets = try targets(ofKey: name, of: text, beside: &exactKeys)
            let value = try scanner.value(depth: 1)
            do throws(Fault) {
                try row.put(value, of: scanner, from: name, as: targets)
            } catch {
                misfit = misfit ?? error
            }
        }
        try scanner.end()
        if let misfit { throw misfit }
        return true
    }

    /// What the values of a key become, which the current line must not have had before.
    /// - Parameter exactKeys: those of the line, once they were looked for.
    private mutating func targets(
        ofKey name: String, of text: Span<UInt8>, beside exactKeys: inout Set<ExactText>?
    ) throws(Fault) -> [ColumnMapping.Target] {
        let key = try knownKey(name)
        guard key.isLoose else { return key.targets }
        let exact = if let exactKeys { exactKeys } else { self.exactKeys(of: text) }
        exactKeys = exact
        return key.targets(beside: exact)
    }

    private mutating func knownKey(_ name: String) throws(Fault) -> ColumnMapping.Key {
        let exact = ExactText(name)
        guard let index = knownKeys.index(forKey: exact) else {
            let key = mapping.key(named: name)
            knownKeys[exact] = KnownKey(key: key, line: line)
            knownKeyBytes += name.utf8.count + MemoryLayout<(String, KnownKey)>.stride
            return key
        }
        guard knownKeys.values[index].line != line else { throw .duplicateName(name) }
        knownKeys.values[index].line = line
        return knownKeys.values[index].key
    }

    /// The keys of a line that the mapping spells just so, as far as it can be read.
    private func exactKeys(of text: Span<UInt8>) -> Set<ExactText> {
        var keys: Set<ExactText> = []
        do throws(Fault) {
            var scanner = JSONScanner(text)
            var isFirst = true
            try scanner.openObject()
            while let key = try scanner.key(isFirst: isFirst) {
                isFirst = false
                let name = try scanner.text(key)
                if mapping.spells(name) { keys.insert(ExactText(name)) }
                _ = try scanner.value(depth: 1)
            }
        } catch {
            // Who reads the line for its values meets the same fault, and tells of it.
        }
        return keys
    }

    /// Only between lines, since the keys of the current one tell its duplicates.
    private mutating func forgetKeysBeyondLimit() {
        guard knownKeyBytes > Self.knownKeyBytesMax else { return }
        knownKeys.removeAll()
        knownKeyBytes = 0
    }
}

extension ImportRow {
    /// Puts a value where it belongs, among the attributes where no target takes it.
    fileprivate mutating func put(
        _ value: JSONScanner.Value, of scanner: JSONScanner, from key: String, as targets: [ColumnMapping.Target]
    ) throws(JSONScanner.Fault) {
        var isTaken = false
        for target in targets {
            if try take(value, of: scanner, from: key, as: target) { isTaken = true }
        }
        if !isTaken { attributes.append(Attribute(name: key, json: try scanner.json(value))) }
    }

    /// - Returns: false where the value is to be an attribute, as that of a known field that is filled already.
    private mutating func take(
        _ value: JSONScanner.Value, of scanner: JSONScanner, from key: String, as target: ColumnMapping.Target
    ) throws(JSONScanner.Fault) -> Bool {
        switch (target, value.kind) {
        case (.attribute, _):
            return false
        case (_, .null):
            return true
        case (.external, .array):
            for element in try scanner.elements(of: value) {
                guard case .string = element.kind else { throw .wrongType(name: key) }
                _ = try take(element, of: scanner, from: key, as: target)
            }
            return true
        case (_, .array), (_, .object):
            throw .wrongType(name: key)
        case (.field(let field), _) where self[field] != nil:
            return false
        default:
            let text = try scanner.text(value)
            if !text.isBlank { put(text, from: key, as: target) }
            return true
        }
    }
}

extension JSONScanner.Fault {
    fileprivate var code: RowFault.Code {
        switch self {
        case .invalid: .invalidJSON
        case .notAnObject: .notAnObject
        case .invalidUTF8: .invalidUTF8
        case .nulByte: .nulByte
        case .nestedTooDeep: .nestedTooDeep
        case .duplicateName: .duplicateField
        case .wrongType: .wrongType
        case .tooManyNames: .tooManyFields
        }
    }
}
