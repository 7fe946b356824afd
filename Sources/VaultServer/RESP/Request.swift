/// One command as it lies in the buffer: its name and arguments as views of bytes.
struct Request: ~Escapable {
    /// Where an argument lies.
    struct Place: Equatable, Sendable {
        var start: Int
        var count: Int
    }

    private let bytes: Span<UInt8>
    private let places: [Place]

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ places: [Place]) {
        self.bytes = bytes
        self.places = places
    }

    /// Its name counts too.
    var count: Int { places.count }

    subscript(index: Int) -> Span<UInt8> {
        @_lifetime(copy self)
        @inline(__always)
        get {
            let place = places[index]
            return bytes.extracting(place.start..<place.start + place.count)
        }
    }

    /// Bytes that are not UTF-8 come out as replacement characters.
    func text(_ index: Int) -> String { String(decoding: self[index]) }
}

extension String {
    init(decoding bytes: Span<UInt8>) {
        if let valid = try? UTF8Span(validating: bytes) {
            self.init(copying: valid)
        } else {
            self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }
}

extension Span<UInt8> {
    /// Whether these are the letters of `word`, which is in lower case, in either case.
    @inline(__always)
    func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        let letters = word.utf8Start
        for index in indices where self[index] | 0x20 != letters[index] { return false }
        return true
    }
}
