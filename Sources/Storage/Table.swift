/// A named, ordered map of byte keys to byte values. Tables are constants, declared on one page by whoever uses the
/// engine, and opened once with it.
public struct Table: Hashable, Sendable {
    /// The position in the list that the engine is opened with.
    public let ordinal: Int
    public let name: String
    /// Entries are asked for so often that an engine does well to keep some in memory.
    public let isCached: Bool
    /// Keys come in no order, so an engine does well to gather new entries first and to sort many in at once.
    public let isBuffered: Bool
    /// Buffered, but where a transaction expects many entries they come in the order of their keys, and need no gathering.
    public let isSortedWhereMany: Bool
    /// A transaction puts the same entry again and again, so an engine may keep its last put back until it puts another
    /// entry of the table, or ends. The transaction gets what it has put, and does not scan the table afterwards, unless it has
    /// finished its last put, nor asks for its statistics. Neither cached nor buffered.
    public let isRewritten: Bool

    public init(
        ordinal: Int, name: String, isCached: Bool = false, isBuffered: Bool = false, isSortedWhereMany: Bool = false,
        isRewritten: Bool = false
    ) {
        precondition(!isRewritten || !isCached && !isBuffered, "\(name) is rewritten, so neither cached nor buffered")
        self.ordinal = ordinal
        self.name = name
        self.isCached = isCached
        self.isBuffered = isBuffered
        self.isSortedWhereMany = isSortedWhereMany
        self.isRewritten = isRewritten
    }
}

/// Limits every engine honours, so that code above the seam can rely on them.
public enum StorageLimits {
    /// The longest key, in bytes.
    public static let keyBytesMax = 511
}

/// What one table costs, for people who look after the file.
public struct TableStatistics: Equatable, Sendable {
    public var entries: Int
    public var depth: Int
    public var branchPages: Int
    public var leafPages: Int
    public var overflowPages: Int
    /// Bytes in use, whole pages.
    public var bytes: Int

    public init(entries: Int, depth: Int, branchPages: Int, leafPages: Int, overflowPages: Int, bytes: Int) {
        self.entries = entries
        self.depth = depth
        self.branchPages = branchPages
        self.leafPages = leafPages
        self.overflowPages = overflowPages
        self.bytes = bytes
    }
}
