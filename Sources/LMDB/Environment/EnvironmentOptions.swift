/// How an environment is opened.
public struct EnvironmentOptions: Sendable {
    public enum Access: Sendable { case readOnly, readWrite }

    /// What an acknowledged commit survives.
    public enum Durability: Sendable {
        /// Process crash, system crash and power cut.
        case durable
        /// Process crash. After a system crash the last commits may be gone, and the file is intact.
        case relaxed
    }

    public var access = Access.readWrite
    public var durability = Durability.durable
    /// Makes the file where there is none.
    public var creates = false
    /// Address space to reserve at first, in bytes. The file stays as small as its contents.
    public var mapBytes = 64 << 30
    /// The map doubles when it is full, up to this many bytes. The last 384 KiB of them, or an eighth where that is
    /// less, are for commits that delete something.
    public var mapBytesMax = 16 << 40
    /// Reader slots over all processes.
    public var readersMax: UInt32 = 1024
    /// Memory for entries of tables that ask for it, in bytes, at most 32 GiB; none if it is too little to be of use.
    public var cacheBytes = 0
    /// How many new entries of tables that ask for it are gathered before they are sorted in, at most, and three times as
    /// many where thousands come with each commit; 0 for none. It takes about 200 bytes of memory for each, while there are
    /// any.
    public var bufferedEntriesMax = 131_072
    /// Commits go on in a new log, and the old one is written back, when it has so many bytes; 0 for no log, where each
    /// commit is written back at once.
    public var logBytesMax = 8 << 20
    /// The log begins after so many commits of this process with no other process writing between.
    public var commitsBeforeLog = 16
    /// Opens the file even on a file system that several machines may share. LMDB's locks don't hold there.
    public var allowsNetworkFileSystem = false

    public init() {}
}
