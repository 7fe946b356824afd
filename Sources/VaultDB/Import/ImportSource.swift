// Reads the rows of a file or of standard input, one at a time.

/// The rows of a file, in its order, in memory that does not grow with the file.
///
/// The format is told by the file's extension (`csv`, `tsv`; `jsonl`, `ndjson`, `json`), else by its first character.
public struct ImportSource: ~Copyable {
    /// Bytes that are read at a time.
    public static let chunkBytes = 256 << 10

    /// How much of the file has been read, for a progress bar.
    public private(set) var bytesRead = 0
    /// The file's size when it was opened; nil for a pipe.
    public var bytesTotal: Int? { file.bytesTotal }
    /// Whether the rows ended because they were not to go on.
    public private(set) var isInterrupted = false

    private let path: String
    private let goesOn: () -> Bool
    private let file: InputFile
    private var parser: ImportParser
    private var chunk: [UInt8]
    private var items: [ImportItem] = []
    private var nextItem = 0
    private var isAtEnd = false

    /// Opens a file, or standard input for `-`.
    ///
    /// Throws ``ImportError`` where it cannot be opened; what it holds is first looked at by ``next()``.
    ///
    /// - Parameter goesOn: asked before each read, and again and again while that waits; the rows that are
    ///   whole by then are the last where it says no.
    public init(
        path: String, format: ImportFormat? = nil, mapping: ColumnMapping = ColumnMapping(),
        goesOn: @escaping () -> Bool = { true }
    ) throws(ImportError) {
        self.path = path
        self.goesOn = goesOn
        file = try InputFile(path: path)
        parser = ImportParser(format: format ?? ImportFormat(path: path), mapping: mapping)
        chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    }

    /// The next row or fault; nil at the end, and ever after.
    ///
    /// Throws ``ImportError`` where the file cannot be read or imported, and nothing can be read from then on.
    public mutating func next() throws(ImportError) -> ImportItem? {
        while nextItem == items.count {
            guard !isAtEnd else { return nil }
            items.removeAll(keepingCapacity: true)
            nextItem = 0
            try readChunk()
        }
        defer { nextItem += 1 }
        return items[nextItem]
    }

    private mutating func readChunk() throws(ImportError) {
        do {
            guard let count = try file.read(into: &chunk, while: goesOn) else {
                (isAtEnd, isInterrupted) = (true, true)
                return
            }
            bytesRead += count
            if count > 0 {
                // A second reference, not a copy: a span of `self.chunk` would keep all of `self` from being changed.
                let bytes = chunk
                try parser.feed(bytes.span.extracting(..<count), into: &items)
            } else {
                isAtEnd = true
                try parser.finish(into: &items)
            }
        } catch {
            isAtEnd = true
            items.removeAll()
            throw error.inFile(path)
        }
    }
}
