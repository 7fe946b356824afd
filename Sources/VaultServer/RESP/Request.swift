/// One command as it lies in the buffer: its name and arguments as views of bytes.
struct Request: ~Escapable {
    /// Where an argument lies.
    struct Place: Equatable, Sendable {
        var start: Int
        var count: Int
    }

    /// No word of the protocol is longer: no command, keyword, field, section or setting.
    static let wordBytesMax = 64

    private let bytes: Span<UInt8>
    private let places: [Place]
    private let range: Range<Int>

    /// - Parameter range: of `places`; the others are of other commands.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ places: [Place], _ range: Range<Int>) {
        self.bytes = bytes
        self.places = places
        self.range = range
    }

    /// Its name counts too.
    var count: Int { range.count }

    subscript(index: Int) -> Span<UInt8> {
        @_lifetime(copy self)
        @inline(__always)
        get {
            precondition(index < range.count, "no such argument")
            let place = places[range.lowerBound + index]
            return bytes.extracting(place.start..<place.start + place.count)
        }
    }

    /// Bytes that are not UTF-8 come out as replacement characters.
    func text(_ index: Int) -> String { String(decoding: self[index]) }

    /// - Throws: bytes that are not UTF-8.
    func validText(_ index: Int) throws(ReplyError) -> String {
        guard let valid = try? UTF8Span(validating: self[index]) else {
            throw ReplyError(.invalid, "argument \(index) is not UTF-8")
        }
        return String(copying: valid)
    }

    /// As an identifier: bytes that are not UTF-8 come out as a text that is none.
    func identifierText(_ index: Int) -> String { (try? validText(index)) ?? "\u{FFFD}" }
}

extension String {
    /// In lower case where it may be a word of the protocol, which are short and ASCII; empty for any other text.
    ///
    /// `String` compares and hashes by canonical equivalence, which costs the square of the length of a run of
    /// combining marks. So what comes from outside is compared with words by this.
    var word: String { utf8.span.word }

    /// Whether this is the keyword, in either case.
    func isWord(_ keyword: String) -> Bool { word == keyword.lowercased() }

    init(decoding bytes: Span<UInt8>) {
        if let valid = try? UTF8Span(validating: bytes) {
            self.init(copying: valid)
        } else {
            self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }
}

extension Span<UInt8> {
    /// As of a `String`; nothing is made of what is no word.
    var word: String {
        guard count <= Request.wordBytesMax else { return "" }
        for index in indices where self[index] >= 0x80 { return "" }
        return String(decoding: self).lowercased()
    }

    /// Whether these are the letters of `word`, which is in lower case, in either case.
    @inline(__always)
    func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        let letters = word.utf8Start
        for index in indices where self[index] | 0x20 != letters[index] { return false }
        return true
    }
}
