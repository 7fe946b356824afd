internal import CLMDB
internal import Glibc
public import Storage

/// What is wrong with a page of the file, whatever its entries are.
public struct PageFault: Equatable, Sendable {
    /// Whose page it is to be: a table, or one of LMDB's own two, which are called `tables` and `free pages`.
    public let table: String
    public let page: Int
    public let message: String

    public static let faultsMax = 1_000
}

/// Looks at every page that the trees of a commit lead to, and at its list of free pages. A page has one place in one tree, or
/// one on the list: what is on the list LMDB writes over, whatever it is.
struct PageCheck {
    private enum Owner {
        case tables, freePages
        case table(String)

        var name: String {
            switch self {
            case .tables: "tables"
            case .freePages: "free pages"
            case .table(let name): name
            }
        }
    }

    private static let pagesPerStep = 1_024

    /// Where the pages are, and how many can be looked at.
    private let map: Tree
    private let meta: MetaPage
    private var inUse: PageSet
    private var free: PageSet
    private var waiting: [(page: Int, owner: Owner)] = []
    /// Entries of the list of free pages: a count and that many numbers.
    private var lists: [UnsafeRawBufferPointer] = []
    /// In the order in which they were found, at most `PageFault.faultsMax`.
    private(set) var faults: [PageFault] = []

    /// - Parameters:
    ///   - start: where the map begins.
    ///   - pageCount: how many pages the file has, as far as they are in the map.
    ///   - meta: of the commit, which a reader keeps.
    init(_ start: UnsafeRawPointer, pageCount: Int, _ meta: MetaPage) {
        map = Tree(start: start, pageCount: min(pageCount, meta.lastPage + 1), root: 0, depth: 0)
        self.meta = meta
        inUse = PageSet(count: meta.lastPage + 1)
        free = inUse
    }

    /// - Parameter proceed: called from time to time; throws to stop.
    mutating func run<Failure: Error>(_ proceed: () throws(Failure) -> Void) throws(Failure) {
        var count = 0
        for (root, owner) in [(meta.mainRoot, Owner.tables), (meta.freeRoot, Owner.freePages)] {
            if let root { waiting.append((root, owner)) }
            while let next = waiting.popLast() {
                look(at: next.page, of: next.owner)
                count += 1
                if count % Self.pagesPerStep == 0 { try proceed() }
            }
        }
        for list in lists {
            look(at: list)
            try proceed()
        }
    }

    private mutating func note(_ page: Int, of owner: Owner, _ message: String) {
        guard faults.count < PageFault.faultsMax else { return }
        faults.append(PageFault(table: owner.name, page: page, message: message))
    }

    // MARK: Trees

    private mutating func look(at number: Int, of owner: Owner) {
        guard take(number, of: owner) else { return }
        let page = Page(start: map.start + number * Tree.pageBytes)
        if page.isOfValuesAlone { return }
        guard page.isSound(as: number) else { return note(number, of: owner, "the page is damaged") }
        for index in 0..<page.count {
            let node = page.node(index)
            if page.isBranch {
                waiting.append((node.child, owner))
            } else {
                look(at: node, on: number, of: owner)
            }
        }
    }

    /// Counts a page as in use, of one that is to be so.
    /// - Returns: false where it can't be, which is noted.
    private mutating func take(_ number: Int, of owner: Owner) -> Bool {
        guard number > 1, number < map.pageCount else {
            note(number, of: owner, "the page is not there")
            return false
        }
        guard inUse.insert(number) else {
            note(number, of: owner, "the page is used twice")
            return false
        }
        return true
    }

    private mutating func look(at node: Node, on number: Int, of owner: Owner) {
        if node.isBig, !takeValue(of: node, owner) {
            note(number, of: owner, "the page has a value that is not there")
            return
        }
        if case .freePages = owner {
            if let list = try? map.value(of: node) { lists.append(list) }
        } else if node.isTree, node.valueBytes == Tree.descriptionBytes, let root = Tree.root(described: node.value) {
            waiting.append((root, subtree(of: owner, node)))
        }
    }

    /// A table, or the several values of one of its keys.
    private func subtree(of owner: Owner, _ node: Node) -> Owner {
        guard case .tables = owner else { return owner }
        return .table(String(decoding: UnsafeRawBufferPointer(start: node.key, count: node.keyBytes), as: UTF8.self))
    }

    /// Counts the pages of a value as in use.
    private mutating func takeValue(of node: Node, _ owner: Owner) -> Bool {
        guard let value = try? map.value(of: node) else { return false }
        let first = node.value.loadUnaligned(as: Int.self)
        // A value that was made shorter may have more than it needs.
        let count = Page(start: map.start + first * Tree.pageBytes).overflowCount
        guard count >= Tree.pages(ofValue: value.count), first + count <= map.pageCount else { return false }
        for number in first..<(first + count) {
            guard take(number, of: owner) else { break }
        }
        return true
    }

    // MARK: Free pages

    private mutating func look(at list: UnsafeRawBufferPointer) {
        let room = list.count / 8 - 1
        let count = room < 0 ? -1 : list.loadUnaligned(as: Int.self)
        guard (0...max(room, 0)).contains(count) else {
            return note(meta.freeRoot ?? 0, of: .freePages, "an entry of the list contradicts itself")
        }
        for index in 0..<count {
            let number = list.loadUnaligned(fromByteOffset: (index + 1) * 8, as: Int.self)
            if number < 2 || number > meta.lastPage {
                note(number, of: .freePages, "the page is on the list, and not there")
            } else if inUse.contains(number) {
                note(number, of: .freePages, "the page is on the list, and in use")
            } else if !free.insert(number) {
                note(number, of: .freePages, "the page is on the list twice")
            }
        }
    }
}

/// Numbers of pages, a bit for each.
private struct PageSet {
    private var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: count / 64 + 1) }

    func contains(_ page: Int) -> Bool { words[page / 64] >> UInt64(page % 64) & 1 != 0 }

    /// - Returns: false where it was there.
    mutating func insert(_ page: Int) -> Bool {
        if contains(page) { return false }
        words[page / 64] |= 1 << UInt64(page % 64)
        return true
    }
}

extension Environment {
    /// How often two commits may come between the beginning of a snapshot and a look at what is said of it. About a millisecond
    /// each.
    private static let attemptsMax = 1_000

    /// Looks at every page of the file, unless its pages are not of 4096 bytes.
    /// - Parameter proceed: called from time to time; throws to stop.
    /// - Returns: what is wrong, at most `PageFault.faultsMax`.
    public func pageFaults<Failure: StorageFailure>(
        _ proceed: () throws(Failure) -> Void
    ) throws(Failure) -> [PageFault] {
        guard let table = tableList.first else { return [] }
        for _ in 0..<Self.attemptsMax {
            let faults = try read { (snapshot) throws(Failure) -> [PageFault]? in
                let handle = snapshot.handle
                let start = try Failure.orStorage { () throws(StorageError) in
                    try handle.trees?.tree(of: table, handle)?.start
                }
                guard let start else { return [] }
                let meta = try Failure.orStorage { () throws(StorageError) in try metaPage(of: handle.commit) }
                guard let meta else { return nil }
                let bytes = min(file.bytes, pointer.information.me_mapsize)
                var check = PageCheck(start, pageCount: bytes / Tree.pageBytes, meta)
                try check.run(proceed)
                return check.faults
            }
            if let faults { return faults }
            usleep(1000)
        }
        throw Failure(storage: .busy("others write without a pause"))
    }

    /// What is said of a commit that a reader keeps; nil where others have committed twice since. The next commit is said on the
    /// other page, before the lock file has its number, and a writer may have been ended in between.
    private func metaPage(of commit: Int) throws(StorageError) -> MetaPage? {
        let firstPages = try file.firstPages(pageBytes: Tree.pageBytes)
        // Twice, for the next commit but one writes over what is said of this one.
        guard try file.firstPages(pageBytes: Tree.pageBytes) == firstPages,
            let meta = MetaPage.all(in: firstPages, pageBytes: Tree.pageBytes).first(where: { $0.commit == commit })
        else { return nil }
        guard (0..<pointer.information.me_mapsize / Tree.pageBytes).contains(meta.lastPage) else {
            throw .corrupted("\(path) claims to have page \(UInt(bitPattern: meta.lastPage))")
        }
        return meta
    }
}
