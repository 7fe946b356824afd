internal import CLMDB
internal import Glibc
public import Storage
internal import Synchronization

/// Care of the file: what keeps it whole, what it holds, and how it is copied.
extension Environment {
    public func maintain() throws(StorageError) {
        try pinned { () throws(StorageError) in
            var freed: Int32 = 0
            try StorageError.check(mdb_reader_check(pointer, &freed), during: "checking readers")
        }
    }

    /// LMDB leaves the file short of its last page when that page is free again by the time of the commit. Whoever
    /// opens it next could not tell such a file from a truncated one.
    func keepFileWhole() {
        guard lengthLacking != nil else { return }
        // Another process may be writing by now, and shortening what it wrote would destroy it: so under LMDB's lock.
        // Where that fails, the next one to open the file looks closer.
        var begun: OpaquePointer?
        guard mdb_txn_begin(pointer, nil, 0, &begun) == MDB_SUCCESS, let begun else { return }
        defer { mdb_txn_abort(begun) }
        if let lengthLacking { try? file.resize(to: lengthLacking) }
    }

    /// The bytes that the file should have, where it has fewer. What this process does not map is no page of its commits.
    private var lengthLacking: Int? {
        guard let whole = try? pointer.wholeBytes, file.bytes < whole, whole <= pointer.information.me_mapsize else {
            return nil
        }
        return whole
    }

    /// Touching a page beyond the end of the file would kill the process, so a file that is too short is looked at
    /// with the missing part stretched out: healthy if all of that is free, truncated otherwise.
    func refuseTruncation() throws(StorageError) {
        // In this order: commits lengthen the file before they say so.
        var whole = try pointer.wholeBytes
        var actual = file.bytes
        guard actual < whole else { return }
        guard options.access == .readWrite else {
            // A writer may be between its commit and making the file whole.
            for _ in 0..<100 {
                if try file.bytes >= pointer.wholeBytes { return }
                usleep(200)
            }
            throw .corrupted("\(path) is truncated: \(actual) bytes of \(whole)")
        }
        // While this process could write, no other one changes the file's size.
        let writer = try writing.withLock { state throws(StorageError) in try beginWrite(&state) }
        defer { mdb_txn_abort(writer) }
        whole = try pointer.wholeBytes
        actual = file.bytes
        guard actual < whole else { return }
        try file.resize(to: whole)
        let firstMissing = actual / pointer.pageBytes
        if let free = try? freePages(from: firstMissing), free == whole / pointer.pageBytes - firstMissing { return }
        try file.resize(to: actual)
        throw .corrupted("\(path) is truncated: \(actual) bytes of \(whole)")
    }

    /// LMDB believes the page on which a tree begins: where that is damaged it may end the process. So those of the two trees
    /// that it opens by itself, of the tables' names and of the free pages, are looked at first.
    /// - Parameter commit: one that a reader keeps.
    func refuseDamagedRoots(at commit: Int) throws(StorageError) {
        let pageBytes = pointer.pageBytes
        guard pageBytes == Tree.pageBytes else { return }
        let metas = MetaPage.all(in: try file.firstPages(pageBytes: pageBytes), pageBytes: pageBytes)
        // None where others have committed twice since.
        guard let meta = metas.first(where: { $0.commit == commit }) else { return }
        for root in [meta.mainRoot, meta.freeRoot].compactMap(\.self) {
            guard root > 1, root < file.bytes / pageBytes else {
                throw .corrupted("\(path) lacks page \(UInt(bitPattern: root)), on which a tree begins")
            }
            let bytes = try StoreFile.read(
                pageBytes, at: root * pageBytes, from: file.descriptor, during: "reading \(path)")
            let isSound = bytes.withUnsafeBytes { bytes in
                bytes.count == pageBytes && bytes.baseAddress.map { Page(start: $0).isSound(as: root) } == true
            }
            guard isSound else { throw .corrupted("page \(root) of \(path), on which a tree begins, is damaged") }
        }
    }

    /// How many pages at or above this number hold nothing and wait to be used again.
    private func freePages(from first: Int) throws(StorageError) -> Int {
        try read { (snapshot) throws(StorageError) in
            var count = 0
            try snapshot.handle.forEachFreePage { if $0 >= first { count += 1 } }
            return count
        }
    }

    /// How the file is used.
    public func statistics() throws(StorageError) -> FileStatistics {
        let free = try freePages(from: 0)
        return try pinned { () throws(StorageError) in
            let info = pointer.information
            return FileStatistics(
                fileBytes: file.bytes, pageBytes: pointer.pageBytes,
                pagesUsed: try pointer.wholeBytes / pointer.pageBytes, pagesFree: free,
                mapBytes: info.me_mapsize, lastCommit: info.me_last_txnid,
                entriesBuffered: buffer?.view.segments.reduce(0) { $0 + $1.storedCount } ?? 0,
                readersMax: Int(info.me_maxreaders), readers: readerList())
        }
    }

    /// The readers of all processes, as LMDB's lock file lists them.
    func readerList() -> [FileStatistics.Reader] {
        var lines: [String] = []
        withUnsafeMutablePointer(to: &lines) { lines in
            _ = mdb_reader_list(
                pointer,
                { text, context in
                    guard let text, let context else { return 0 }
                    context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
                    return 0
                }, lines)
        }
        return lines.compactMap(FileStatistics.Reader.init(line:))
    }

    /// The file without symbolic links, whatever the working directory is by now.
    package var resolvedPath: String { file.path }

    /// Writes a consistent copy to a new file while the store is in use. The copy appears whole or not at all.
    /// - Parameter compacting: leaves out free pages, and every byte of deleted entries.
    public func copy(to target: String, compacting: Bool) throws(StorageError) {
        let operation = "copying to \(target)"
        // Those of a file that is gone would be taken for the copy's.
        if access(target, F_OK) != 0, errno == ENOENT { WriteAheadLog.removeFiles(target) }
        if compacting {
            try read { (snapshot) throws(StorageError) in
                let handle = snapshot.handle
                try NewFile.write(target) { (descriptor, partial) throws(StorageError) in
                    try EntryCopy.write(
                        from: handle.pointer, buffer == nil ? nil : (handle, tableList), to: partial, descriptor,
                        during: operation)
                }
            }
        } else {
            // LMDB reads the whole map meanwhile: no growth, no close.
            try pinned { () throws(StorageError) in
                try NewFile.write(target) { (descriptor, _) throws(StorageError) in
                    try StorageError.check(mdb_env_copyfd2(pointer, descriptor, 0), during: operation)
                    // The log goes on, and the copy does not.
                    try FileMark.none.write(to: descriptor, pageBytes: pointer.pageBytes, target)
                }
            }
        }
    }

    /// Rewrites the file at `path`, in place, without free pages and without any byte of deleted entries. Tables that
    /// are not in `tables` are kept. No process may have the file open.
    /// - Parameter allowsNetworkFileSystem: see `EnvironmentOptions.allowsNetworkFileSystem`.
    /// - Returns: the bytes of the file before and after.
    public static func compact(
        at path: String, tables: [Table], allowsNetworkFileSystem: Bool = false
    ) throws(StorageError) -> (before: Int, after: Int) {
        // Opened once as usual, so that a truncated or foreign file is refused before anything is rewritten.
        var options = EnvironmentOptions()
        options.allowsNetworkFileSystem = allowsNetworkFileSystem
        let usual = try Environment(at: path, tables: tables, options: options)
        let tableCount = try usual.read { (snapshot) throws(StorageError) in
            try EntryCopy.tableCount(in: snapshot.handle.pointer)
        }
        try usual.sortInAll()
        usual.close()
        let alone = try StoreFile.openAlone(path)
        // Somebody may have come and crashed in between.
        guard access(alone.path + LogFile.names[0], F_OK) != 0 else { throw .inUse(path) }
        let before = alone.bytes
        try NewFile.replace(alone.path, through: StoreFiles.rewrite(of: alone.path)) {
            (descriptor, fresh) throws(StorageError) in
            let pointer = try openPointer(alone.path, tableCount: tableCount, EnvironmentOptions())
            // LMDB counts commits in the lock file, and the copy counts anew. So the lock file must be out of use
            // before the copy gets the name: whoever opens it would otherwise read at a commit it does not have.
            defer { mdb_env_close(pointer) }
            let operation = "compacting \(path)"
            var reader: OpaquePointer?
            try StorageError.check(mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &reader), during: operation)
            guard let reader else { throw .system(code: ENOMEM, during: operation) }
            defer { mdb_txn_abort(reader) }
            try EntryCopy.write(from: reader, nil, to: fresh, descriptor, during: operation)
            try alone.giveOwner(to: descriptor)
        }
        return (before, try StoreFile.open(path, writable: false, sharing: .shared).bytes)
    }
}
