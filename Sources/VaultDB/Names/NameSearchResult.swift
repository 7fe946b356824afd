/// The people whose names a search found.
public struct NameSearchResult: Equatable, Sendable {
    /// Best first: more words of the search that are a whole word of the name, then names of fewer words, then by name.
    public let matches: [Identity]
    /// Whether everybody who matches was considered, so that these are the best of all. Where it is false, others may
    /// match as well or better; a longer text finds them.
    public let isComplete: Bool
}
