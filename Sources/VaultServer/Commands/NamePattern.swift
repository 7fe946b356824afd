/// A pattern of names, as of `CONFIG GET`: `*` stands for anything; nothing else is special.
struct NamePattern {
    /// What stands between the stars, in lower case.
    private let parts: [ArraySlice<UInt8>]

    /// - Parameter text: in either case. One that is longer than a word of the protocol, or not ASCII, matches nothing.
    init(_ text: String) {
        parts = Array(text.word.utf8).split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
    }

    /// - Parameter name: in lower case.
    func matches(_ name: [UInt8]) -> Bool {
        guard let first = parts.first, let last = parts.last, name.starts(with: first) else { return false }
        if parts.count == 1 { return name.count == first.count }
        var rest = name.dropFirst(first.count)
        guard rest.count >= last.count, rest.suffix(last.count) == last else { return false }
        rest = rest.dropLast(last.count)
        for part in parts.dropFirst().dropLast() {
            while !rest.starts(with: part) {
                if rest.popFirst() == nil { return false }
            }
            rest = rest.dropFirst(part.count)
        }
        return true
    }
}
