internal import CLMDB
internal import Glibc
public import Storage
internal import Synchronization

/// An open LMDB file: the engine behind a vault.
///
/// One environment per file and process. Safe to use from any thread. Transactions do not nest: a `write`, `copy` or
/// `close` inside a closure that holds a transaction waits for itself, and only a `read` inside a `write` is harmless.
public final class Environment: StorageEngine {
    public typealias Reader = Snapshot
    public typealias Writer = WriteTransaction

    public let path: String
    public let options: EnvironmentOptions

    // LMDB's own pointer and the tables' handles: set once before anyone else sees this object, freed in `close`.
    nonisolated(unsafe) let pointer: OpaquePointer
    nonisolated(unsafe) private let tables: UnsafeMutablePointer<MDB_dbi>
    let tableCount: Int
    /// Behind the handles of the tables is that of the table that has their names.
    private let mainPlace: Int
    private var main: MDB_dbi { tables[mainPlace] }
    let tableList: [Table]
    private let bufferedTables: [Table]
    let file: StoreFile
    private let cache: EntryCache?
    let buffer: ChangeBuffer?
    /// Nil where nothing is written.
    let log: WriteAheadLog?
    let readers = ReaderPool()
    /// Of the last commit, for who writes: with `writing` locked.
    nonisolated(unsafe) let writerTrees: Trees
    private let forks = Forks.count
    let mapBytesMax: Atomic<Int>
    /// LMDB lets one thread write at a time; this says so before it does. Whoever replaces the map holds it too, so
    /// that happens between writes and never twice at once.
    let writing = Mutex(Lifecycle.open)

    /// Broken is an environment whose map could not be put back: nothing may touch it but `close`.
    enum Lifecycle { case open, broken, closed }

    // MARK: Opening and closing

    /// Opens the file at `path` with all of `tables`, whose ordinals count from zero.
    public init(at path: String, tables: [Table], options: EnvironmentOptions = .init()) throws(StorageError) {
        guard tables.enumerated().allSatisfy({ $0 == $1.ordinal }), tables.count <= WriteTransaction.tablesMax else {
            throw .misuse("the tables' ordinals must be their positions in the list, which may have 64")
        }
        let segments = ChangeBuffer.segments(after: tables)
        let file = try Self.openFile(path, options)
        do throws(StorageError) {
            buffer = segments.isEmpty ? nil : try ChangeBuffer(entriesMax: options.bufferedEntriesMax, readers)
            pointer = try Self.openPointer(file.path, tableCount: tables.count + segments.count, options)
        } catch {
            Self.release(file)
            if file.isNew { file.removeIfAlone() }
            throw error
        }
        self.path = path
        self.options = options
        mapBytesMax = Atomic(options.mapBytesMax)
        self.file = file
        cache = EntryCache(bytes: options.cacheBytes, tables: tables)
        tableCount = tables.count
        tableList = tables
        bufferedTables = tables.filter(\.isBuffered)
        let opened = tables + segments
        log =
            options.access == .readOnly
            ? nil
            : WriteAheadLog(self.file.path, pointer, self.file.descriptor, tables: opened.map(\.name), options)
        mainPlace = opened.count
        self.tables = .allocate(capacity: opened.count + 1)
        self.tables.initialize(repeating: 0, count: opened.count + 1)
        writerTrees = Trees(count: tables.count, isForWriters: true)
        do throws(StorageError) {
            try refuseTruncation()
            try openTables(opened)
            try maintain()
            try expectEntries(of: tables)
        } catch {
            if self.file.isNew { self.file.removeIfAlone() }
            close()
            throw error
        }
    }

    deinit {
        close()
        writerTrees.free()
        tables.deallocate()
    }

    /// Waits for running transactions and closes the file. Later transactions throw `misuse`.
    public func close() {
        // In a child of a fork nothing here is ours: the parent's locks and slots must stay as they are, and a mutex
        // may be held by a thread that does not exist here.
        guard forks == Forks.count else { return }
        sortInBeforeClosing()
        let closes = writing.withLock { state in
            // What can't be written back now is when the file is opened next.
            if state == .open, logBytes > 0 {
                try? withWriteLock(&state) { log throws(StorageError) in try log.writeBack() }
            }
            defer { state = .closed }
            return state != .closed
        }
        guard closes else { return }
        readers.close()
        log?.close()
        mdb_env_close(pointer)
        log?.removeFiles()
        Self.release(file)
        file.unlock()
    }

    /// Opens the store's file for this process, which may do so once, with all that its log has. Makes it where that is
    /// asked for.
    private static func openFile(_ path: String, _ options: EnvironmentOptions) throws(StorageError) -> StoreFile {
        let name = try StoreFile.resolve(path)
        // Before anybody opens the lock file: closing it would give up the locks that the process has.
        try ProcessGuard.claim(path: name)
        do throws(StorageError) {
            try ProcessGuard.refuseOpen(name)
            try LockFile.refuseOfAnother(beside: name)
            try LockFile.refuseUsedElsewhere(beside: name)
            let isNew = try createIfAsked(path, options)
            // Before the store is looked at: who finds it in use then leaves the recovery to somebody who came through here.
            let recovery = try LogRecovery(name, mayBeNew: options.creates)
            try LockFile.refuseOthers(name, options.access, isRecovered: recovery?.isUnderWay == true)
            var file = try StoreFile.open(name, writable: options.access == .readWrite, sharing: .shared)
            withExtendedLifetime(recovery) {}
            file.isNew = isNew
            do throws(StorageError) {
                try FileSystem.refuseNetworked(name, unless: options.allowsNetworkFileSystem)
                // Whoever crashed while making the file has left it empty.
                if !(options.creates && file.bytes == 0) { try file.checkHeader() }
                try ProcessGuard.claim(file)
                // Who came while this waited for the file; who comes from now on sees that it is in use.
                try LockFile.refuseUsedElsewhere(beside: name)
                if options.access == .readWrite { NewFile.removeRewrite(of: name) }
            } catch {
                if isNew { file.removeIfAlone() }
                throw error
            }
            return file
        } catch {
            ProcessGuard.release(path: name)
            throw error
        }
    }

    private static func release(_ file: borrowing StoreFile) {
        ProcessGuard.release(file.identity)
        ProcessGuard.release(path: file.path)
    }

    /// Makes the file where that is asked for.
    /// - Returns: whether the file is new.
    private static func createIfAsked(_ path: String, _ options: EnvironmentOptions) throws(StorageError) -> Bool {
        guard access(path, F_OK) != 0 else { return false }
        guard errno == ENOENT, options.creates, options.access == .readWrite else {
            throw StorageError(code: errno, during: path)
        }
        try FileSystem.refuseNetworked(NewFile.directory(of: path), unless: options.allowsNetworkFileSystem)
        return try StoreFile.create(path)
    }

    static func openPointer(
        _ path: String, tableCount: Int, _ options: EnvironmentOptions, flags extra: UInt32 = 0
    ) throws(StorageError) -> OpaquePointer {
        var created: OpaquePointer?
        try StorageError.check(mdb_env_create(&created), during: "preparing LMDB")
        guard let pointer = created else { throw .system(code: ENOMEM, during: "preparing LMDB") }
        do throws(StorageError) {
            try StorageError.check(mdb_env_set_maxdbs(pointer, UInt32(clamping: tableCount)), during: "preparing LMDB")
            try StorageError.check(mdb_env_set_maxreaders(pointer, options.readersMax), during: "preparing LMDB")
            try StorageError.check(mdb_env_set_mapsize(pointer, options.mapBytes), during: "reserving the map")
            var flags = UInt32(MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD) | extra
            if options.access == .readOnly { flags |= UInt32(MDB_RDONLY) }
            if options.durability == .relaxed { flags |= UInt32(MDB_NOMETASYNC) }
            if flags & UInt32(MDB_NOLOCK) == 0, try !LockFile.make(beside: path, options) {
                flags |= UInt32(MDB_NOLOCK)
            }
            try StorageError.check(mdb_env_open(pointer, path, flags, 0o600), during: path)
        } catch {
            mdb_env_close(pointer)
            throw error
        }
        return pointer
    }

    /// Opens every table once; their handles are never closed. A store that has them all is not asked for its write
    /// lock, so that opening never waits for a writer.
    private func openTables(_ list: [Table]) throws(StorageError) {
        guard let missing = try openTablesReading(list) else { return }
        guard options.access == .readWrite else {
            // Whoever crashed while making the file has left it without any.
            throw pointer.isEmpty
                ? .notAStore("\(path) holds nothing yet") : .unknownFormat("\(path) has no table \(missing.name)")
        }
        let writer = try writing.withLock { state throws(StorageError) in try beginWrite(&state) }
        _ = try openTables(list, in: writer, flags: UInt32(MDB_CREATE))
    }

    /// No reader any more when it returns: a writer that needs a larger map would wait for it.
    private func openTablesReading(_ list: [Table]) throws(StorageError) -> Table? {
        let reader = try beginRead()
        defer {
            reader.place.pointee.free(isEnded: true)
            readers.leave(reader.place)
        }
        do throws(StorageError) {
            try refuseDamagedRoots(at: mdb_txn_id(reader.pointer))
        } catch {
            mdb_txn_abort(reader.pointer)
            throw error
        }
        return try openTables(list, in: reader.pointer, flags: 0)
    }

    /// Ends the transaction, whichever way it goes.
    /// - Returns: the first table that the store lacks.
    private func openTables(
        _ list: [Table], in transaction: OpaquePointer, flags: UInt32
    ) throws(StorageError) -> Table? {
        for table in list {
            let code = mdb_dbi_open(transaction, table.name, flags, tables + table.ordinal)
            if code == MDB_SUCCESS { continue }
            mdb_txn_abort(transaction)
            switch code {
            case MDB_NOTFOUND: return table
            case MDB_INCOMPATIBLE: throw .unknownFormat("\(path) uses the name \(table.name) for something else")
            default: throw StorageError(code: code, during: "opening table \(table.name)")
            }
        }
        _ = mdb_dbi_open(transaction, nil, 0, tables + mainPlace)
        try StorageError.check(mdb_txn_commit(transaction), during: "opening tables")
        return nil
    }

    private func expectEntries(of tables: [Table]) throws(StorageError) {
        guard let cache else { return }
        let cached = tables.filter(\.isCached)
        let entries = try read { (snapshot) throws(StorageError) in
            try cached.map { table throws(StorageError) in try snapshot.statistics(of: table).entries }
        }
        cache.expect(entries: entries.reduce(0, +))
    }

    // MARK: Transactions

    func handle(
        _ transaction: OpaquePointer, _ trees: Trees?, _ place: ReaderPool.Place? = nil
    ) -> TransactionHandle {
        let handle = TransactionHandle(
            pointer: transaction, commit: mdb_txn_id(transaction), tables: tables, tableCount: tableCount, place: place,
            trees: trees, cache: cache.map(Unmanaged.passUnretained), buffer: buffer.map(Unmanaged.passUnretained),
            view: place?.pointee.view, main: main)
        trees?.begin(for: handle.commit)
        return handle
    }

    public func write<Answer, Failure: StorageFailure>(
        _ body: (inout WriteTransaction) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        try Failure.orStorage { () throws(StorageError) in try refuseAfterFork() }
        var isRoomMade = false
        while true {
            switch try attempt(body) {
            case .committed(let answer): return answer
            case .failed(let error): throw error
            case .full(let reason):
                try Failure.orStorage { () throws(StorageError) -> Void in
                    // Once: after that nothing of this process keeps free pages from being used.
                    if !isRoomMade {
                        isRoomMade = true
                        if try makeRoom() { return }
                    }
                    guard reason == .mapFull else { throw reason }
                    do throws(StorageError) {
                        try growMap()
                    } catch {
                        throw error == .mapFull ? whyMapIsFull() : error
                    }
                }
            }
        }
    }

    private enum Attempt<Answer, Failure: Error> {
        case committed(Answer)
        case failed(Failure)
        /// The map or the disk.
        case full(StorageError)

        /// - Parameter reason: why the store failed; nil where it did not.
        init(_ reason: StorageError?, _ error: Failure) {
            self = if let reason, reason == .mapFull || reason == .diskFull { .full(reason) } else { .failed(error) }
        }
    }

    /// One transaction from begin to its end; whichever way it goes, LMDB's transaction is freed exactly once.
    private func attempt<Answer, Failure: StorageFailure>(
        _ body: (inout WriteTransaction) throws(Failure) -> Answer
    ) throws(Failure) -> Attempt<Answer, Failure> {
        try writing.withLock { state throws(Failure) in
            let begun: OpaquePointer
            var handle: TransactionHandle
            let view: ChangeBuffer.View?
            do throws(StorageError) {
                begun = try beginWrite(&state)
                handle = self.handle(begun, writerTrees)
                view = try currentView(handle)
            } catch { throw Failure(storage: error) }
            // It stays until the end: only this thread changes it, and after the commit.
            defer { withExtendedLifetime(view) {} }
            handle.view = view.map(Unmanaged.passUnretained)
            var transaction = WriteTransaction(handle: handle, isLogged: log?.records(handle.commit) ?? false)
            let answer: Answer
            let isLogged: Bool
            var failure: StorageError?
            do throws(Failure) {
                answer = try body(&transaction)
                // A closure that went on after a failed write must not commit the rest.
                if let failure = transaction.failure { throw Failure(storage: failure) }
                do throws(StorageError) {
                    try transaction.storeKeptBack()
                    try transaction.sortInAsManyAsWereAdded()
                    if transaction.mustLeaveRoom { try refuseUnlessRoomIsLeft() }
                    // Durable before anybody sees it.
                    isLogged = if let log { try transaction.append(to: log) } else { false }
                } catch {
                    failure = error
                    throw Failure(storage: error)
                }
            } catch {
                // In this order: afterwards another process may make a commit of the same number.
                buffer?.didNotCommit(transaction.bufferedChanges)
                mdb_txn_abort(begun)
                return .init(transaction.failure ?? failure, error)
            }
            let code = commit(begun, transaction, isLogged: isLogged)
            guard code != MDB_SUCCESS else {
                keepFileWhole()
                return .committed(answer)
            }
            if isLogged { takeBackFromLog(transaction) }
            let reason = StorageError(code: code, during: "committing").ofCommit(to: file.descriptor)
            return .init(reason, Failure(storage: reason))
        }
    }

    /// A commit frees the transaction even when it fails.
    private func commit(
        _ begun: OpaquePointer, _ transaction: borrowing WriteTransaction, isLogged: Bool
    ) -> Int32 {
        // One that has written nothing is no commit.
        guard transaction.writeCount > 0 else { return mdb_txn_commit(begun) }
        let number = transaction.handle.commit
        if isLogged { mdb_env_set_flags(pointer, UInt32(MDB_NOSYNC), 1) }
        defer { if isLogged { mdb_env_set_flags(pointer, UInt32(MDB_NOSYNC), 0) } }
        cache?.willCommit()
        buffer?.willCommit(number)
        let code = mdb_txn_commit(begun)
        if code == MDB_SUCCESS {
            log?.didCommit(number)
            buffer?.didCommit(number, transaction.bufferedChanges)
            cache?.didCommit(number, after: number - 1, transaction.changes)
        } else {
            buffer?.didNotCommit(transaction.bufferedChanges)
            cache?.didNotCommit()
        }
        return code
    }

    /// What the buffer has for a write transaction, which nobody else can change meanwhile.
    private func currentView(_ handle: TransactionHandle) throws(StorageError) -> ChangeBuffer.View? {
        guard let buffer else { return nil }
        do throws(StorageError) {
            for table in bufferedTables { try writerTrees.learn(table, handle) }
            return try buffer.catchUp(handle, at: handle.commit - 1)
        } catch {
            mdb_txn_abort(handle.pointer)
            throw error
        }
    }

    func beginWrite(_ state: inout Lifecycle) throws(StorageError) -> OpaquePointer {
        guard options.access == .readWrite else { throw .readOnly }
        while true {
            try refuseUnlessOpen(state)
            var begun: OpaquePointer?
            let code = mdb_txn_begin(pointer, nil, 0, &begun)
            if code == MDB_SUCCESS, let begun {
                do throws(StorageError) {
                    try log?.transactionBegan(after: mdb_txn_id(begun) - 1)
                } catch {
                    mdb_txn_abort(begun)
                    throw error
                }
                return begun
            }
            guard code == MDB_MAP_RESIZED else { throw StorageError(code: code, during: "starting to write") }
            try adoptMap(&state)
        }
    }

    /// What the cache does; all zero where there is none.
    public var cacheStatistics: CacheStatistics { cache?.statistics ?? CacheStatistics() }

    func refuseUnlessOpen(_ state: Lifecycle) throws(StorageError) {
        switch state {
        case .open: return
        case .broken: throw .misuse("\(path) lost its map; close it and open it again")
        case .closed: throw .misuse("\(path) is closed")
        }
    }

    func refuseAfterFork() throws(StorageError) {
        if forks != Forks.count {
            throw .misuse("\(path) was opened before fork; open it in the child")
        }
    }
}
