internal import Storage

/// The folded words of an identity's names, by which a search finds it: each once, in the order in which they come.
///
/// Their number and length are bounded; words beyond the bounds are left out, and an overlong one is cut.
struct NameTokens: Equatable, Sendable {
    static let none = NameTokens([])
    fileprivate static let format: UInt8 = 1

    /// As entries of the index hold them: the format, then the words with a space between two.
    private(set) var encoded: [UInt8] = [format]
    private(set) var count = 0

    /// Display name first, then the aliases. A merged identity has none: the search finds the one it was merged into.
    init(of identity: Identity) {
        if identity.isMerged || identity.displayName == nil && identity.aliases.isEmpty {
            self = .none
        } else {
            self.init(identity.names)
        }
    }

    init(_ names: some Sequence<String>) {
        var folded: [UInt8] = []
        for name in names {
            folded.reserveCapacity(folded.count + name.utf8.count + 1)
            NameFolding.fold(name, into: &folded)
        }
        encoded.reserveCapacity(folded.count + 1)
        var reader = NameTokenReader(words: folded.span.bytes)
        while let word = reader.next() {
            if !add(word) { return }
        }
    }

    var isEmpty: Bool { count == 0 }

    /// The words alone.
    var words: RawSpan {
        @_lifetime(borrow self)
        get { encoded.span.bytes.extracting(droppingFirst: 1) }
    }

    /// Where each word stands in `encoded`.
    var places: [Range<Int>] {
        var places: [Range<Int>] = []
        forEachWord { places.append($1) }
        return places
    }

    /// Visits each word, and where it stands in `encoded`.
    func forEachWord(_ visit: (RawSpan, Range<Int>) -> Void) { Self.forEachWord(in: encoded.span.bytes, visit) }

    func contains(_ word: RawSpan) -> Bool { Self.contains(word, in: encoded.span.bytes) }

    static func forEachWord(in encoded: RawSpan, _ visit: (RawSpan, Range<Int>) -> Void) {
        var start = 1
        var reader = NameTokenReader(words: encoded.extracting(droppingFirst: 1))
        while let word = reader.next() {
            visit(word, start..<start + word.byteCount)
            start += word.byteCount + 1
        }
    }

    static func contains(_ word: RawSpan, in encoded: RawSpan) -> Bool {
        var reader = NameTokenReader(words: encoded.extracting(droppingFirst: 1))
        while let mine = reader.next() {
            if mine.equals(word) { return true }
        }
        return false
    }

    /// Answers false where there is no room left.
    private mutating func add(_ word: RawSpan) -> Bool {
        let token = Self.cut(word)
        if contains(token) { return true }
        guard count < Limits.nameTokensMax else { return false }
        let space = isEmpty ? 0 : 1
        guard encoded.count - 1 + space + token.byteCount <= Limits.nameTokensBytesMax else { return false }
        if !isEmpty { encoded.append(UInt8(ascii: " ")) }
        token.withUnsafeBytes { encoded.append(contentsOf: $0) }
        count += 1
        return true
    }

    /// The longest beginning that is within bounds and cuts no scalar.
    @_lifetime(copy word)
    private static func cut(_ word: RawSpan) -> RawSpan {
        guard word.byteCount > Limits.nameTokenBytesMax else { return word }
        var end = Limits.nameTokenBytesMax
        while end > 0, word.unsafeLoad(fromByteOffset: end, as: UInt8.self) & 0xC0 == 0x80 { end -= 1 }
        return word.extracting(first: end)
    }
}

/// Reads words that are separated by single spaces. Allocates nothing.
struct NameTokenReader: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    /// - Parameter value: of an entry of the index.
    @_lifetime(copy value)
    init(value: RawSpan) throws(VaultError) {
        let reader = try ByteReader(value, format: NameTokens.format)
        guard value.byteCount > reader.offset else { throw .corrupted("an entry of a name holds no names") }
        self.init(words: value.extracting(droppingFirst: reader.offset))
    }

    @_lifetime(copy words)
    init(words: RawSpan) { bytes = words }

    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func next() -> RawSpan? {
        guard offset < bytes.byteCount else { return nil }
        let start = offset
        while offset < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != 0x20 {
            offset += 1
        }
        let word = bytes.extracting(start..<offset)
        offset += 1
        return word
    }
}
