/// JSON that came from outside, read strictly: RFC 8259, no name twice in an object, at most 64 levels of nesting.
/// Names are the same where their bytes are, without escapes.
///
/// Numbers keep their digits, and objects their text, so that what is passed on is what came.
package enum JSONElement: Equatable, Sendable {
    case null
    case bool(Bool)
    /// As it was written.
    case number(String)
    case string(String)
    case array([JSONElement])
    /// In the order of its members; `text` is the JSON it was read from.
    case object([Member], text: String)

    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSONElement

        package init(name: String, value: JSONElement) {
            self.name = name
            self.value = value
        }
    }

    /// Reads a whole text.
    /// - Parameter isLenient: escapes that no text may hold, of NUL and of half a surrogate pair, are read as U+FFFD.
    /// - Throws: `invalidArgument`, telling the byte at which the text stops being JSON.
    package init(parsing bytes: Span<UInt8>, isLenient: Bool = false) throws(VaultError) {
        do throws(JSONScanner.Fault) {
            var scanner = JSONScanner(bytes, isLenient: isLenient, isThorough: true)
            let value = try scanner.value()
            try scanner.end()
            // All of it was judged by then, so that taking it apart need not be thorough again at each level.
            let judged = JSONScanner(bytes, isLenient: isLenient)
            self = try Self(value, of: judged)
        } catch {
            throw .invalid(error.message(of: "the text"))
        }
    }

    /// The member's value; nil where there is none of this name, and where this is no object.
    package subscript(name: String) -> JSONElement? {
        guard case .object(let members, _) = self else { return nil }
        return members.first { $0.name.hasSameBytes(as: name) }?.value
    }

    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var array: [JSONElement] {
        if case .array(let elements) = self { elements } else { [] }
    }

    private init(_ value: JSONScanner.Value, of scanner: borrowing JSONScanner) throws(JSONScanner.Fault) {
        switch value.kind {
        case .null: self = .null
        case .boolean: self = .bool(try scanner.text(value) == "true")
        case .number: self = .number(try scanner.text(value))
        case .string: self = .string(try scanner.text(value))
        case .array:
            var elements: [JSONElement] = []
            for element in try scanner.elements(of: value) { elements.append(try Self(element, of: scanner)) }
            self = .array(elements)
        case .object:
            var members: [Member] = []
            for (key, member) in try scanner.members(of: value) {
                members.append(Member(name: try scanner.text(key), value: try Self(member, of: scanner)))
            }
            self = .object(members, text: try scanner.json(value))
        }
    }
}
