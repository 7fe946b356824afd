// Reads JSON value by value, over bytes that stay where they are.

/// A strict RFC 8259 scanner.
///
/// Foundation's decoders would build the whole text as objects, lose the order of keys, duplicates and the digits of
/// long numbers, and write unknown values anew; this one hands them on as the text that they are.
struct JSONScanner: ~Escapable {
    /// Arrays and objects within each other, the outermost included.
    static let nestingMax = 64

    /// Why the text is refused.
    enum Fault: Error {
        /// It stops being JSON at this byte, from 0.
        case invalid(at: Int)
        case notAnObject
        case invalidUTF8
        case nulByte
        case nestedTooDeep
        case duplicateName(String)
        // What a reader asks for beyond JSON.
        case wrongType(name: String)
        case tooManyNames(max: Int)

        /// - Parameter what: the text as its reader calls it, such as `the line`.
        func message(of what: String) -> String {
            switch self {
            case .invalid(let position): "\(what) stops being JSON at byte \(position + 1)"
            case .notAnObject: "\(what) is JSON but not an object"
            case .invalidUTF8: "\(what) is not UTF-8"
            case .nulByte: "\(what) holds a NUL character"
            case .nestedTooDeep: "\(what) nests deeper than \(JSONScanner.nestingMax) levels"
            case .duplicateName(let name): "\(what) has '\(name.printable)' twice in one object"
            case .wrongType(let name): "'\(name.printable)' must be a text, a number, a boolean or null"
            case .tooManyNames(let max): "the object has more than \(max) keys"
            }
        }
    }

    /// A value that was checked and passed, and its place in the bytes.
    struct Value {
        enum Kind {
            case string(hasEscapes: Bool)
            case number
            case boolean
            case null
            case array
            case object
        }

        let kind: Kind
        let range: Range<Int>
    }

    private let bytes: Span<UInt8>
    private let isLenient: Bool
    private let isThorough: Bool
    private var position = 0

    /// - Parameters:
    ///   - isLenient: an escape of NUL or of half a surrogate pair stands for U+FFFD.
    ///   - isThorough: values are refused that have a name twice in one object, or an escape of NUL, at any depth. Who
    ///     does without sees to that by itself as far as it reads them.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, isLenient: Bool = false, isThorough: Bool = false) {
        self.bytes = bytes
        self.isLenient = isLenient
        self.isThorough = isThorough
    }

    /// Enters the object that the text must be.
    mutating func openObject() throws(Fault) {
        guard next() == Byte.openBrace else {
            _ = try value()
            try end()
            throw .notAnObject
        }
        position += 1
    }

    /// The next member's key, its value being next; nil after the last one.
    mutating func key(isFirst: Bool) throws(Fault) -> Value? {
        guard try hasMember(before: Byte.closeBrace, isFirst: isFirst) else { return nil }
        guard next() == Byte.quote else { throw .invalid(at: position) }
        let key = try string()
        guard next() == Byte.colon else { throw .invalid(at: position) }
        position += 1
        return key
    }

    /// The elements of an array that was passed before.
    func elements(of array: Value) throws(Fault) -> [Value] {
        var scanner = self
        scanner.position = array.range.lowerBound + 1
        var elements: [Value] = []
        while try scanner.hasMember(before: Byte.closeBracket, isFirst: elements.isEmpty) {
            elements.append(try scanner.value())
        }
        return elements
    }

    /// The members of an object that was passed before.
    func members(of object: Value) throws(Fault) -> [(key: Value, value: Value)] {
        var scanner = self
        scanner.position = object.range.lowerBound + 1
        var members: [(key: Value, value: Value)] = []
        while let key = try scanner.key(isFirst: members.isEmpty) {
            members.append((key, try scanner.value()))
        }
        return members
    }

    /// Checks and passes the next value, whatever it is; `depth` counts the brackets around it.
    mutating func value(depth: Int = 0) throws(Fault) -> Value {
        let first = next()
        let start = position
        switch first {
        case Byte.quote: return try string()
        case Byte.openBrace: return try container(.object, depth: depth + 1)
        case Byte.openBracket: return try container(.array, depth: depth + 1)
        case UInt8(ascii: "t"): return try literal("true", .boolean)
        case UInt8(ascii: "f"): return try literal("false", .boolean)
        case UInt8(ascii: "n"): return try literal("null", .null)
        default:
            try number()
            return Value(kind: .number, range: start..<position)
        }
    }

    /// Checks that nothing but white space is left.
    mutating func end() throws(Fault) {
        guard isAtEnd() else { throw .invalid(at: position) }
    }

    /// Passes white space; true where nothing follows it.
    mutating func isAtEnd() -> Bool { next() == nil }
}

// MARK: - What a value says

extension JSONScanner {
    /// The value as the JSON text that it is.
    func json(_ value: Value) throws(Fault) -> String {
        guard let text = String(utf8: bytes.extracting(value.range)) else { throw .invalidUTF8 }
        return text
    }

    /// What a string says without its quotes and escapes, never with a NUL; the JSON text of any other value.
    func text(_ value: Value) throws(Fault) -> String {
        guard case .string(let hasEscapes) = value.kind else { return try json(value) }
        let inner = value.range.lowerBound + 1..<value.range.upperBound - 1
        if hasEscapes { return try unescaped(inner) }
        guard let text = String(utf8: bytes.extracting(inner)) else { throw .invalidUTF8 }
        return text
    }

    private func unescaped(_ range: Range<Int>) throws(Fault) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == Byte.backslash else {
                text.append(bytes[index])
                index += 1
                continue
            }
            let (scalar, length) = try escape(at: index)
            guard scalar != "\0" else { throw .nulByte }
            text.append(contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
            index += length
        }
        guard let string = String(utf8: text.span) else { throw .invalidUTF8 }
        return string
    }

    /// The character that the escape at a backslash stands for, and the escape's length in bytes.
    private func escape(at index: Int) throws(Fault) -> (Unicode.Scalar, Int) {
        guard index + 1 < bytes.count else { throw .invalid(at: index) }
        switch bytes[index + 1] {
        case UInt8(ascii: "n"): return ("\n", 2)
        case UInt8(ascii: "r"): return ("\r", 2)
        case UInt8(ascii: "t"): return ("\t", 2)
        case UInt8(ascii: "b"): return ("\u{08}", 2)
        case UInt8(ascii: "f"): return ("\u{0C}", 2)
        case Byte.quote, Byte.backslash, UInt8(ascii: "/"): return (Unicode.Scalar(bytes[index + 1]), 2)
        default: return try unicodeEscape(at: index)
        }
    }

    /// `\u00e9`, or two of them that are a surrogate pair; half a pair is no character, and so no string.
    private func unicodeEscape(at index: Int) throws(Fault) -> (Unicode.Scalar, Int) {
        let unit = try codeUnit(at: index)
        if isLenient, unit == 0 || isHalf(unit, at: index) { return ("\u{FFFD}", 6) }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
        guard unit < 0xDC00 else { throw .invalid(at: index) }
        let low = try codeUnit(at: index + 6)
        guard 0xDC00...0xDFFF ~= low, let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw .invalid(at: index) }
        return (scalar, 12)
    }

    /// Whether a surrogate is not the first of a pair.
    private func isHalf(_ unit: UInt32, at index: Int) -> Bool {
        guard 0xD800...0xDFFF ~= unit else { return false }
        guard unit < 0xDC00, let low = try? codeUnit(at: index + 6) else { return true }
        return !(0xDC00...0xDFFF ~= low)
    }

    private func codeUnit(at index: Int) throws(Fault) -> UInt32 {
        guard index + 6 <= bytes.count, bytes[index] == Byte.backslash, bytes[index + 1] == UInt8(ascii: "u") else {
            throw .invalid(at: index)
        }
        var unit: UInt32 = 0
        for place in index + 2..<index + 6 {
            guard let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else { throw .invalid(at: place) }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}

// MARK: - The grammar

extension JSONScanner {
    /// Passes white space and gives the byte after it.
    private mutating func next() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case Byte.space, Byte.tab, Byte.lineFeed, Byte.carriageReturn: position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    /// Passes the comma before a further member, or the closing bracket.
    private mutating func hasMember(before close: UInt8, isFirst: Bool) throws(Fault) -> Bool {
        let byte = next()
        if byte == close {
            position += 1
            return false
        }
        if isFirst { return true }
        guard byte == Byte.comma else { throw .invalid(at: position) }
        position += 1
        return true
    }

    private mutating func container(_ kind: Value.Kind, depth: Int) throws(Fault) -> Value {
        guard depth <= Self.nestingMax else { throw .nestedTooDeep }
        let start = position
        position += 1
        var isFirst = true
        if case .object = kind {
            var names: Set<ExactText> = []
            while let name = try key(isFirst: isFirst) {
                if isThorough { try note(name, among: &names) }
                _ = try value(depth: depth)
                isFirst = false
            }
        } else {
            while try hasMember(before: Byte.closeBracket, isFirst: isFirst) {
                _ = try value(depth: depth)
                isFirst = false
            }
        }
        return Value(kind: kind, range: start..<position)
    }

    private func note(_ name: Value, among names: inout Set<ExactText>) throws(Fault) {
        let name = try text(name)
        guard names.insert(ExactText(name)).inserted else { throw .duplicateName(name) }
    }

    private mutating func string() throws(Fault) -> Value {
        let start = position
        var hasEscapes = false
        position += 1
        while position < bytes.count {
            switch bytes[position] {
            case Byte.quote:
                position += 1
                return Value(kind: .string(hasEscapes: hasEscapes), range: start..<position)
            case Byte.backslash:
                hasEscapes = true
                let (scalar, length) = try escape(at: position)
                guard !isThorough || scalar != "\0" else { throw .nulByte }
                position += length
            case 0:
                throw .nulByte
            case 1..<0x20:
                throw .invalid(at: position)
            default:
                position += 1
            }
        }
        throw .invalid(at: position)
    }

    private mutating func literal(_ word: String, _ kind: Value.Kind) throws(Fault) -> Value {
        let start = position
        for scalar in word.unicodeScalars {
            guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { throw .invalid(at: position) }
            position += 1
        }
        return Value(kind: kind, range: start..<position)
    }

    private mutating func number() throws(Fault) {
        _ = skip("-")
        if !skip("0") { try digits() }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            try digits()
        }
    }

    private mutating func digits() throws(Fault) {
        let start = position
        while position < bytes.count, 0x30...0x39 ~= bytes[position] { position += 1 }
        guard position > start else { throw .invalid(at: position) }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
}
