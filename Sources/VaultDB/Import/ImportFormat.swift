// The two notations that an import reads.

/// How the rows of an import are written down.
public enum ImportFormat: String, Sendable, CaseIterable {
    /// RFC 4180 with a header line; the delimiter is detected.
    case csv
    /// One JSON object per line.
    case jsonLines = "jsonl"

    /// The format that a file's name tells, nil where its content has to.
    public init?(path: String) {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...].lowercased() {
        case "csv", "tsv": self = .csv
        case "jsonl", "ndjson", "json": self = .jsonLines
        default: return nil
        }
    }
}
