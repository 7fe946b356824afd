internal import Foundation
internal import VaultDB

/// The arguments of a command that is not on the hot path, taken one after the other.
struct Arguments: Sendable {
    let command: String
    private var words: ArraySlice<String>
    /// Options and fields that were taken: each may be given once.
    private var taken: [String] = []
    /// Of the server, for what a client may ask for.
    let limits: ServerLimits

    /// - Throws: an argument that is not UTF-8.
    init(_ request: borrowing Request, from first: Int, command: String, limits: ServerLimits) throws(ReplyError) {
        self.command = command
        self.limits = limits
        var words: [String] = []
        for index in min(first, request.count)..<request.count {
            words.append(try request.validText(index))
        }
        self.words = words[...]
    }

    /// For a command that looks for words it knows: what is not UTF-8 comes out as none of them.
    init(decoding request: borrowing Request, from first: Int, command: String, limits: ServerLimits) {
        var words: [String] = []
        for index in min(first, request.count)..<request.count { words.append(request.text(index)) }
        self.init(words, command: command, limits: limits)
    }

    init(_ words: [String], command: String, limits: ServerLimits = ServerLimits()) {
        self.command = command
        self.words = words[...]
        self.limits = limits
    }

    var isEmpty: Bool { words.isEmpty }
    var count: Int { words.count }

    mutating func next() throws(ReplyError) -> String {
        guard let word = words.popFirst() else { throw .arity(command) }
        return word
    }

    /// The next word if it is this keyword, in either case.
    mutating func skip(_ keyword: String) -> Bool {
        guard let word = words.first, word.isWord(keyword) else { return false }
        words.removeFirst()
        return true
    }

    /// Whether the next word is this option, which has no value.
    /// - Throws: an option that was taken before.
    mutating func flag(_ keyword: String) throws(ReplyError) -> Bool {
        guard skip(keyword) else { return false }
        try take(keyword)
        return true
    }

    /// What follows the keyword; nil where the next word is another.
    /// - Throws: an option that was taken before, or has no value.
    mutating func option(_ keyword: String) throws(ReplyError) -> String? {
        guard try flag(keyword) else { return nil }
        guard let value = words.popFirst() else { throw .syntax }
        return value
    }

    /// The next field, its name in lower case; one that can be no field's is made fit for a message.
    /// - Parameter repeatable: the name of one that may be given again.
    /// - Throws: another that was taken before.
    mutating func field(repeatable: String? = nil) throws(ReplyError) -> (name: String, value: String) {
        let (given, value) = (try next(), try next())
        let name = (given.word.isEmpty ? given : given.word).printable
        if name != repeatable { try take(name) }
        return (name, value)
    }

    private mutating func take(_ name: String) throws(ReplyError) {
        if taken.contains(name) { throw .repeated(name) }
        taken.append(name)
    }

    mutating func id(_ what: String = "identity") throws(ReplyError) -> UUID {
        try Self.id(try next(), what)
    }

    static func id(_ text: String, _ what: String) throws(ReplyError) -> UUID {
        guard let id = UUID(uuidString: text) else {
            throw ReplyError(.invalid, "the \(what) is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return id
    }

    mutating func identifierKind() throws(ReplyError) -> IdentifierKind {
        let word = try next()
        guard let kind = IdentifierKind(keyword: word.utf8.span) else { throw .unknownKind }
        return kind
    }

    mutating func kind() throws(ReplyError) -> RecordKind {
        guard let kind = RecordKind(try next()) else {
            throw ReplyError(.invalid, "a kind is a lower-case word such as lead, patient or follower")
        }
        return kind
    }

    static func time(_ text: String, _ what: String) throws(ReplyError) -> Timestamp {
        guard let time = Timestamp(iso8601: text) else {
            throw ReplyError(.invalid, "\(what) is no time such as 2025-01-31T09:00:00Z")
        }
        return time
    }

    static func truth(_ text: String, _ what: String) throws(ReplyError) -> Bool {
        switch text.word {
        case "true", "1": return true
        case "false", "0": return false
        default: throw ReplyError(.invalid, "\(what) is neither true nor false")
        }
    }

    static func region(_ text: String) throws(ReplyError) -> Region {
        guard let region = Region(text) else {
            throw ReplyError(.invalid, "the region is no country with phone numbers, such as ES")
        }
        return region
    }

    /// A number from `range`; clamped to its upper end, for a client may not know the limit.
    static func number(_ text: String, _ range: ClosedRange<Int>) throws(ReplyError) -> Int {
        guard let number = Int(text), number >= range.lowerBound else {
            throw ReplyError(.general, "value is not an integer or out of range")
        }
        return min(number, range.upperBound)
    }

    /// How many entries an answer has where no `COUNT` is given.
    var countDefault: Int { min(100, limits.answerEntriesMax) }

    /// `COUNT n` where it comes next.
    mutating func countOption() throws(ReplyError) -> Int? {
        guard let text = try option("COUNT") else { return nil }
        return try Self.number(text, 1...min(limits.answerEntriesMax, Limits.scanEntriesMax))
    }

    /// All that is left: `COUNT n`, and an id behind the keyword.
    mutating func countAndID(_ keyword: String) throws(ReplyError) -> (limit: Int, id: UUID?) {
        var (limit, id): (Int, UUID?) = (countDefault, nil)
        while !isEmpty {
            if let count = try countOption() {
                limit = count
            } else if let text = try option(keyword) {
                id = try Self.id(text, "place to go on from")
            } else {
                throw .syntax
            }
        }
        return (limit, id)
    }

    /// To be called when everything is taken.
    func end() throws(ReplyError) {
        if !words.isEmpty { throw .syntax }
    }
}

extension IdentifierKind {
    /// The kind that a keyword names, in either case.
    @inline(__always)
    init?(keyword: Span<UInt8>) {
        if keyword.isWord("email") {
            self = .email
        } else if keyword.isWord("phone") {
            self = .phone
        } else if keyword.isWord("external") {
            self = .external
        } else {
            return nil
        }
    }
}

extension ReplyError {
    static let unknownKind = ReplyError(.general, "an identifier is an EMAIL, a PHONE or an EXTERNAL")
}
