internal import NIOCore
internal import VaultDB

/// The query of an address, or the body of a form: names and values.
///
/// A plus is a space, as forms write it.
struct Query: Sendable {
    let pairs: [(name: String, value: String)]

    init(pairs: [(name: String, value: String)]) { self.pairs = pairs }

    /// - Parameter keepsPlus: whether a plus before a digit at the beginning of a value is that of a phone that somebody
    ///   did not escape. Browsers do escape it, and what they write as a plus is a space.
    /// - Throws: an escape that is none, or text that is not UTF-8.
    init(_ text: String, keepsPlus: Bool = false) throws(Problem) {
        var pairs: [(name: String, value: String)] = []
        // By bytes: with a mark on it a separator is another character.
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let value = try halves.count > 1 ? Self.decoded(halves[1], keepsPlus: keepsPlus) : ""
            pairs.append((try Self.decoded(halves[0], keepsPlus: false), value))
        }
        self.pairs = pairs
    }

    /// - Parameter form: a body of that media type.
    /// - Throws: likewise.
    init(form: ByteBuffer) throws(Problem) {
        guard let text = String(validating: form.readableBytesView, as: UTF8.self) else {
            throw .invalid("the form is not UTF-8 text")
        }
        try self.init(text)
    }

    private static func decoded(_ text: Substring.UTF8View, keepsPlus: Bool) throws(Problem) -> String {
        let plus = UInt8(ascii: "+")
        var bytes = text.map { $0 == plus ? UInt8(ascii: " ") : $0 }
        if keepsPlus, text.first == plus, bytes.count > 1, 0x30...0x39 ~= bytes[1] { bytes[0] = plus }
        guard let decoded = String(unescaping: bytes), !decoded.utf8.contains(0) else {
            throw .invalid("the query has an escape that is no UTF-8 text")
        }
        return decoded
    }

    /// Nil where it is absent or empty.
    subscript(name: String) -> String? {
        guard let value = given(name), !value.isEmpty else { return nil }
        return value
    }

    /// Empty where it is there without a value.
    func given(_ name: String) -> String? { pairs.first { $0.name.hasSameBytes(as: name) }?.value }

    /// - Throws: 400 for a name that is not among these, or comes twice: which of the two counts is a guess.
    func allow(_ names: [String]) throws(Problem) {
        var known: Set<ExactText> = []
        if let twice = pairs.first(where: { !known.insert(ExactText($0.name)).inserted }) {
            throw .invalid("a parameter".naming(twice.name) + " is given twice", advice: "give it once")
        }
        if let unknown = pairs.first(where: { pair in !names.contains { pair.name.hasSameBytes(as: $0) } }) {
            throw .invalid(
                "there is no such parameter".naming(unknown.name),
                advice: names.isEmpty ? "" : "there are \(names.joined(separator: ", "))")
        }
    }

    /// A number from 1 on, `standard` where it is absent.
    func limit(_ standard: Int, max: Int) throws(Problem) -> Int {
        guard let text = self["limit"] else { return standard }
        guard let number = Int(text), (1...max).contains(number) else {
            throw .invalid("limit is no number from 1 to \(max)")
        }
        return number
    }
}
