internal import CLMDB
internal import Glibc
internal import Storage

/// Where the trees of the tables begin in the commit that a transaction reads, or begins from. LMDB is asked once for each commit
/// and table; it would look that up again for each transaction.
struct Trees {
    /// No tree begins on LMDB's first page.
    private static let unknown = 0
    private static let headWords = 3
    private static let depthShift = 48
    private static let rootMask = 1 << depthShift - 1

    /// The transaction's number; where the map begins; how many pages there are, 0 where no table was asked for yet; then each
    /// table's root, and above its number the depth.
    private let words: UnsafeMutablePointer<Int>
    private let count: Int
    private let isForWriters: Bool

    /// - Parameter isForWriters: the first `learn` is before anything is written: then LMDB begins to change the page that says
    ///   where the tables begin, somewhere else than in the map, and nothing tells where that begins.
    init(count: Int, isForWriters: Bool = false) {
        self.count = count
        self.isForWriters = isForWriters
        words = .allocate(capacity: Self.headWords + count)
        words.initialize(repeating: 0, count: Self.headWords + count)
    }

    func free() { words.deallocate() }

    /// To be called when a transaction has begun.
    /// - Parameter number: its commit's, or that of the commit that it is to be.
    func begin(for number: Int) {
        guard words[0] != number else { return }
        let start = words[1]
        forget()
        (words[0], words[1]) = (number, start)
    }

    /// The map may be elsewhere from now on.
    func forget() { words.update(repeating: 0, count: Self.headWords + count) }

    /// The tree of a table that the transaction has not changed; nil where LMDB is to be asked.
    @inline(__always)
    func tree(of table: Table, _ handle: TransactionHandle) throws(StorageError) -> Tree? {
        precondition(table.ordinal >= 0 && table.ordinal < count, "the table was not opened with the engine")
        if words[Self.headWords + table.ordinal] == Self.unknown {
            guard !isForWriters || words[1] != 0, try learn(table, handle) else { return nil }
        }
        return known(table.ordinal)
    }

    /// The same of a table that was asked for already; nil of another.
    @inline(__always)
    func known(_ ordinal: Int) -> Tree? {
        let root = words[Self.headWords + ordinal]
        guard root != Self.unknown, let start = UnsafeRawPointer(bitPattern: words[1]) else { return nil }
        return Tree(
            start: start, pageCount: words[2], root: root & Self.rootMask, depth: root >> Self.depthShift)
    }

    /// - Returns: false where `Tree` can't read the pages.
    @discardableResult
    func learn(_ table: Table, _ handle: TransactionHandle) throws(StorageError) -> Bool {
        let start = UnsafeRawPointer(bitPattern: words[1])
        if let start, words[2] == 0 { try refuseDamagedRoots(start, handle) }
        guard let tree = try Tree(named: table.name, in: handle.pointer, handle.main, start) else { return false }
        words[1] = Int(bitPattern: tree.start)
        words[2] = tree.pageCount
        words[Self.headWords + table.ordinal] = tree.depth << Self.depthShift | tree.root & Self.rootMask
        return true
    }

    /// As `Environment.refuseDamagedRoots` when a file is opened: LMDB opens the tree of the tables' names for each transaction,
    /// and that of the free pages for those that write.
    private func refuseDamagedRoots(
        _ start: UnsafeRawPointer, _ handle: TransactionHandle
    ) throws(StorageError) {
        let firstPages = UnsafeRawBufferPointer(start: start, count: 2 * Tree.pageBytes)
        // Where there was a commit since, the next may just be writing over what is said of this one.
        guard let meta = MetaPage.newest(in: firstPages, pageBytes: Tree.pageBytes),
            meta.commit == (isForWriters ? handle.commit - 1 : handle.commit)
        else { return }
        let pageCount = Tree.pageCount(of: mdb_txn_env(handle.pointer))
        for root in [meta.mainRoot, isForWriters ? meta.freeRoot : nil].compactMap(\.self) {
            guard root > 1, root < pageCount, Page(start: start + root * Tree.pageBytes).isSound(as: root) else {
                // Unless that was just being written over.
                guard MetaPage.newest(in: firstPages, pageBytes: Tree.pageBytes)?.commit == meta.commit else { return }
                throw Tree.corrupted("begins on page \(UInt(bitPattern: root)), which is damaged or not there")
            }
        }
    }
}

extension Tree {
    /// LMDB's own bound.
    private static let depthMax = 32

    /// The tree of a table as the commit left it that a transaction reads, or begins from and has not changed. LMDB's description
    /// of it (`MDB_db`) is the value under its name in a table without one, and the page that has that says its number, and so
    /// where the map begins. Nil where the pages are of another kind.
    /// - Parameters:
    ///   - main: LMDB's handle of the table without a name.
    ///   - start: where the map begins, if that is known.
    init?(
        named name: String, in transaction: OpaquePointer, _ main: MDB_dbi, _ start: UnsafeRawPointer? = nil
    ) throws(StorageError) {
        var value = MDB_val()
        let code = Array(name.utf8).withUnsafeBytes { bytes in
            var key = MDB_val(bytes)
            return mdb_get(transaction, main, &key, &value)
        }
        try StorageError.check(code, during: "reading \(name)")
        guard let description = value.mv_data, value.mv_size == Tree.descriptionBytes else {
            throw .corrupted("LMDB's description of \(name) has \(value.mv_size) bytes")
        }
        var stat = MDB_stat()
        try StorageError.check(mdb_stat(transaction, main, &stat), during: "reading \(name)")
        let systemPageBytes = sysconf(Int32(_SC_PAGESIZE))
        guard Int(stat.ms_psize) == Tree.pageBytes, systemPageBytes == Tree.pageBytes, UInt16(littleEndian: 1) == 1,
            let page = UnsafeRawPointer(bitPattern: UInt(bitPattern: description) & ~UInt(Tree.pageBytes - 1))
        else { return nil }
        let depth = Int(description.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        guard depth <= Self.depthMax else { throw .corrupted("LMDB's tree of \(name) is \(depth) pages deep") }
        self.init(
            start: start ?? page - page.load(as: Int.self) * Tree.pageBytes,
            pageCount: Self.pageCount(of: mdb_txn_env(transaction)),
            root: description.loadUnaligned(fromByteOffset: Self.rootPlace, as: Int.self), depth: depth)
    }

    /// Of LMDB's description of a tree.
    static let descriptionBytes = 48
    private static let rootPlace = 40

    /// The page on which a tree begins; nil where it is empty.
    static func root(described description: UnsafeRawPointer) -> Int? {
        let root = description.loadUnaligned(fromByteOffset: rootPlace, as: Int.self)
        return root == MetaPage.nowhere ? nil : root
    }

    /// How many pages LMDB says there are, as far as they are in the map.
    fileprivate static func pageCount(of environment: OpaquePointer) -> Int {
        let information = environment.information
        return max(0, min(information.me_last_pgno, information.me_mapsize / pageBytes - 1)) + 1
    }
}
