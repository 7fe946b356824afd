/// What the cache of an environment does.
public struct CacheStatistics: Sendable, Equatable {
    /// Memory that it uses by now, and the most it may.
    public var bytes = 0
    public var bytesMax = 0
    /// Entries that were not in it and have been read from the file.
    public var missed = 0
    /// How often all of it was forgotten: when it grew, and when another process had written.
    public var emptied = 0

    public init() {}

    init(bytes: Int, bytesMax: Int, missed: Int, emptied: Int) {
        self.bytes = bytes
        self.bytesMax = bytesMax
        self.missed = missed
        self.emptied = emptied
    }
}
