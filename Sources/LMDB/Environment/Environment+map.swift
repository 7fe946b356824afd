internal import CLMDB
internal import Glibc
public import Storage
internal import Synchronization

/// How large a file LMDB maps, which other processes may change as well.
extension Environment {
    /// Doubles the map, or throws where it may not grow.
    func growMap() throws(StorageError) {
        try writing.withLock { state throws(StorageError) in
            try refuseUnlessOpen(state)
            let current = pointer.information.me_mapsize
            let target = min(current * 2, mapBytesMax.load(ordering: .relaxed))
            // Once LMDB has let go of the old map there is no way back, so it only starts with room for a new one.
            guard target > current, file.canMap(bytes: target) else { throw .mapFull }
            try setMap(bytes: target, &state)
        }
    }

    /// Tells of another process that keeps free pages from being used, such as one that is stopped, where there are many.
    func whyMapIsFull() -> StorageError {
        guard let file = try? statistics(), file.pagesFree * Self.manyFree >= file.pagesUsed else { return .mapFull }
        let mine = Int(getpid())
        let oldest = file.readers.filter { $0.commit != nil }.min { $0.commit ?? 0 < $1.commit ?? 0 }
        guard let oldest, oldest.process != mine, file.oldestReaderLag > 0 else { return .mapFull }
        return .mapHeld(process: oldest.process)
    }

    /// One page in so many.
    private static let manyFree = 8

    /// Keeps the map from growing beyond `bytes`, and makes it smaller where it is larger already and not in use.
    public func limitMap(to bytes: Int) throws(StorageError) {
        try writing.withLock { state throws(StorageError) in
            try refuseUnlessOpen(state)
            mapBytesMax.store(bytes, ordering: .relaxed)
            log?.fileBytesMax = bytes
            if bytes < pointer.information.me_mapsize { try setMap(bytes: bytes, &state) }
        }
    }

    /// What is kept up to the largest size for transactions that give back: a commit takes pages before it frees any.
    private static let roomBytes = 384 << 10

    /// Keeps that free: to be called by who is about to commit.
    func refuseUnlessRoomIsLeft() throws(StorageError) {
        let most = mapBytesMax.load(ordering: .relaxed)
        let excess = try pointer.wholeBytes - (most - min(Self.roomBytes, most / 8))
        guard excess > 0 else { return }
        // Where there is no place to read in nobody knows.
        let hasFree = try? read { (snapshot) throws(StorageError) in
            let oldest = readerList().compactMap(\.commit).min() ?? .max
            return try snapshot.handle.hasFreePages(excess / pointer.pageBytes, before: oldest)
        }
        if hasFree == false { throw .mapFull }
    }

    /// Takes over the size that another process has given the map.
    func adoptMap(_ state: inout Lifecycle) throws(StorageError) {
        try refuseUnlessOpen(state)
        guard try pointer.wholeBytes > pointer.information.me_mapsize else { return }
        try setMap(bytes: 0, &state)
    }

    /// LMDB moves the map, so no transaction of this process may look at it: writers are kept out by `state`, which
    /// the caller has locked, and readers by the barrier.
    /// - Parameter bytes: the new size, or 0 for the one the file says.
    private func setMap(bytes: Int, _ state: inout Lifecycle) throws(StorageError) {
        var code = MDB_SUCCESS
        let ran = readers.whileEmpty(patience: .seconds(10)) {
            code = mdb_env_set_mapsize(pointer, bytes)
            writerTrees.forget()
            return code == MDB_SUCCESS
        }
        guard ran else {
            throw .busy("the map can't be replaced while a long read goes on")
        }
        if code != MDB_SUCCESS { state = .broken }
        try StorageError.check(code, during: "replacing the map")
    }
}
