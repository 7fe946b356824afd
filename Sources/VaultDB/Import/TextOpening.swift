// What the first bytes of a text say about its encoding and its format.

/// The first bytes of a text; nil answers mean that more of them are needed.
struct TextOpening {
    /// Blanks before the first character beyond which the format is taken to be CSV.
    private static let blankBytesMax = 4_096

    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Where the text starts: after a UTF-8 byte order mark, if there is one.
    ///
    /// Throws ``ImportError`` for UTF-16, UTF-32, archives, binary data and nothing at all.
    func textStart(isWhole: Bool) throws(ImportError) -> Int? {
        guard isWhole || bytes.count >= 4 else { return nil }
        guard !bytes.isEmpty else { throw .empty }
        // UTF-32's mark in little-endian order begins with UTF-16's, so it is looked for first.
        for (mark, error) in Self.foreignMarks where bytes.starts(with: mark) { throw error }
        guard !bytes.prefix(4).contains(0) else { throw .binary }
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard bytes.count > start || !isWhole else { throw .empty }
        return start
    }

    private static let foreignMarks: [([UInt8], ImportError)] = [
        ([0xFF, 0xFE, 0x00, 0x00], .encoding("UTF-32")),
        ([0x00, 0x00, 0xFE, 0xFF], .encoding("UTF-32")),
        ([0xFF, 0xFE], .encoding("UTF-16")),
        ([0xFE, 0xFF], .encoding("UTF-16")),
        ([0x50, 0x4B, 0x03, 0x04], .zipped),
        ([0x1F, 0x8B], .gzipped),
    ]

    /// The format that is known, or that the first character tells: `{` opens JSON Lines, all else CSV.
    ///
    /// Throws ``ImportError`` for a JSON array, which no CSV file starts with that is not known to be one.
    func format(_ known: ImportFormat?, from start: Int, isWhole: Bool) throws(ImportError) -> ImportFormat? {
        if known == .csv { return .csv }
        let text = bytes[start...]
        guard let first = text.first(where: { $0 > Byte.space }) else {
            return isWhole || text.count > Self.blankBytesMax ? known ?? .csv : nil
        }
        guard first != Byte.openBracket else { throw .jsonArray }
        return known ?? (first == Byte.openBrace ? .jsonLines : .csv)
    }
}
