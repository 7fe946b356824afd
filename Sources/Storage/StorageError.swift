/// Why a storage engine could not do what it was asked; the engine's state is as before the transaction.
public enum StorageError: Error, Equatable, Sendable {
    /// The memory map (or the engine's own size limit) is used up.
    case mapFull
    /// The same, and much of it is free but kept from use by a process that has gone on reading an earlier state.
    case mapHeld(process: Int)
    /// Every reader slot is taken: too many processes or threads read at once.
    case readersFull
    /// The disk holding the store is full, or a quota or file size limit is reached.
    case diskFull
    /// The store's bytes contradict themselves. The text says where.
    case corrupted(String)
    /// The file is not a store of this engine.
    case notAStore(String)
    /// The file was made by an engine whose format this one does not know.
    case unknownFormat(String)
    /// Nothing exists at that path.
    case missing(String)
    /// Something exists already where a new file was to be made.
    case exists(String)
    /// The operating system refuses access to the file or its directory.
    case accessDenied(String)
    /// The path lies on a file system that nobody may write to.
    case readOnlyFileSystem(String)
    /// The store was opened for reading only.
    case readOnly
    /// Another process has the store open and the operation needs it alone.
    case inUse(String)
    /// The store is opened already in this process under incompatible options, or after `fork`.
    case misuse(String)
    /// The path lies on a file system that the engine can't use safely.
    case unsupportedFileSystem(String)
    /// The key is empty or longer than `StorageLimits.keyBytesMax`.
    case keyLength(Int)
    /// Something that goes on in this process is in the way. The text says what.
    case busy(String)
    /// A write met a concurrent one: run the closure again.
    case conflict
    /// Any other failure of the operating system, by its `errno`.
    case system(code: Int32, during: String)
}

/// An error that can carry a storage failure, so that closures with typed throws need no second type.
public protocol StorageFailure: Error {
    init(storage: StorageError)
}

extension StorageFailure {
    /// Does something with the store, whose failure becomes one of this kind.
    @inlinable
    public static func orStorage<Answer: ~Copyable>(
        _ body: () throws(StorageError) -> Answer
    ) throws(Self) -> Answer {
        do throws(StorageError) { return try body() } catch { throw Self(storage: error) }
    }
}

extension StorageError: StorageFailure {
    public init(storage: StorageError) { self = storage }
}
