internal import CLMDB
internal import Glibc
public import Storage
internal import Synchronization

/// Snapshots: how they begin and end.
extension Environment {
    // Inlined and specialised where it is called, so that the closure gets its snapshot without a thunk.
    @inlinable
    public func read<Answer, Failure: StorageFailure>(
        _ body: (borrowing Snapshot) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        let reader: TransactionHandle
        do throws(StorageError) { reader = try beginSnapshot() } catch { throw Failure(storage: error) }
        defer { endSnapshot(reader) }
        return try body(Snapshot(handle: reader))
    }

    @usableFromInline
    func beginSnapshot() throws(StorageError) -> TransactionHandle {
        while true {
            let (place, pointer, serial) = try beginRead()
            var reader = handle(pointer, place.pointee.trees, place)
            guard let buffer else { return reader }
            let commit = reader.commit
            switch buffer.freshness(of: reader.view, serial, at: commit) {
            case .good: return reader
            case .changed: break
            case .behind:
                do throws(StorageError) {
                    if let view = try buffer.catchUp(reader, at: commit) {
                        place.pointee.keep(view, PooledReader.noSerial)
                        reader.view = place.pointee.view
                        return reader
                    }
                } catch {
                    endSnapshot(reader)
                    throw error
                }
            }
            endSnapshot(reader)
        }
    }

    @usableFromInline
    func endSnapshot(_ reader: TransactionHandle) {
        guard let place = reader.place else { return }
        mdb_txn_reset(reader.pointer)
        leave(place)
    }

    private func leave(_ place: ReaderPool.Place) {
        let serial = place.pointee.viewSerial
        if serial == PooledReader.noSerial { place.pointee.dropView() }
        readers.leave(place)
        // In this order, and the other way round in `ChangeBuffer.publish`: each stores before it loads, and all of these are
        // sequentially consistent, so one of the two sees the other's store.
        if let buffer, serial != PooledReader.noSerial, buffer.isOutdated(serial) {
            readers.ifResting(place) { if buffer.isOutdated($0.viewSerial) { $0.dropView() } }
        }
    }

    /// Begins to read, after a look at the buffer.
    func beginRead() throws(StorageError) -> (place: ReaderPool.Place, pointer: OpaquePointer, serial: Int) {
        try refuseAfterFork()
        while true {
            let place = try readers.enter()
            let serial = buffer?.look(for: &place.pointee) ?? PooledReader.noSerial
            var transaction = place.pointee.transaction
            let code = transaction.map(mdb_txn_renew) ?? mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &transaction)
            if code == MDB_SUCCESS, let transaction {
                if place.pointee.transaction == nil {
                    place.pointee.take(transaction, Trees(count: tableCount))
                }
                return (place, transaction, serial)
            }
            // Before `leave`: after it nothing keeps the environment open.
            place.pointee.free()
            let freed = code == MDB_READERS_FULL ? Int(freeDeadReaders()) + readers.freeResting() : 0
            readers.leave(place)
            if code == MDB_MAP_RESIZED {
                try writing.withLock { state throws(StorageError) in try adoptMap(&state) }
            } else if freed == 0 {
                throw StorageError(code: code, during: "starting to read")
            }
        }
    }

    /// Runs `body` like a reader without a snapshot: the environment stays open and its map where it is.
    func pinned<Answer>(_ body: () throws(StorageError) -> Answer) throws(StorageError) -> Answer {
        try refuseAfterFork()
        let place = try readers.enter()
        defer { leave(place) }
        return try body()
    }

    func freeDeadReaders() -> Int32 {
        var freed: Int32 = 0
        _ = mdb_reader_check(pointer, &freed)
        return freed
    }
}
