/// A text that equals another where both are the same bytes.
///
/// `String` compares and hashes by canonical equivalence, which costs the square of the length of a run of combining
/// marks. Names that come from outside, and have no narrow bound yet, are told apart by this.
package struct ExactText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.hasSameBytes(as: right.text) }

    package func hash(into hasher: inout Hasher) {
        var bytes = text
        // Safe: they are read within the closure that lends them.
        bytes.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both are the same bytes, told in a time in proportion to their number.
    package func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        var (mine, theirs) = (self, other)
        // Safe: both are read within the closures that lend them.
        return mine.withUTF8 { mine in theirs.withUTF8 { theirs in mine.elementsEqual(theirs) } }
    }
}
