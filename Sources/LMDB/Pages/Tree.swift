internal import Storage

/// The tree of a table as a commit left it, searched in LMDB's pages by our own code.
///
/// `mdb_get` waits for one line of memory after the other. This asks for lines before it needs them: those that a search
/// goes on with, whichever way a comparison ends, and those of other keys that are looked for together.
struct Tree {
    /// Of the systems and files that this reads, all of which have the low byte first; LMDB reads others.
    static let pageBytes = 4096

    let start: UnsafeRawPointer
    let pageCount: Int
    let root: Int
    /// How many pages a search goes through; 0 where there are none.
    let depth: Int

    @inline(__always)
    func page(_ number: Int) throws(StorageError) -> Page {
        // The first two tell of the file.
        guard number > 1, number < pageCount else { throw Self.corrupted("names page \(number)") }
        return Page(start: start + number * Self.pageBytes)
    }

    /// The value of a key, in the map.
    func find(_ key: UnsafeRawBufferPointer) throws(StorageError) -> UnsafeRawBufferPointer? {
        guard let leaf = try leaf(for: key) else { return nil }
        leaf.prefetch()
        var search = try PageSearch(leaf)
        while search.isUndecided {
            search.prefetchBothWays()
            try search.compare(key)
        }
        return try value(of: search)
    }

    /// The page that has the key, if any has; it is not looked at. Nil where the tree is empty.
    @inline(__always)
    func leaf(for key: UnsafeRawBufferPointer) throws(StorageError) -> Page? {
        guard var page = try top() else { return nil }
        for _ in 1..<depth { page = try below(page, for: key) }
        return page
    }

    /// Where a search begins; nil where the tree is empty.
    @inline(__always)
    func top() throws(StorageError) -> Page? { depth > 0 ? try page(root) : nil }

    /// The page below a branch that has the key, if any has; it is not looked at.
    @inline(__always)
    func below(_ branch: Page, for key: UnsafeRawBufferPointer) throws(StorageError) -> Page {
        branch.prefetch()
        var search = try PageSearch(branch)
        while search.isUndecided {
            search.prefetchBothWays()
            try search.compare(key)
        }
        return try page(search.child())
    }

    /// Refuses a damaged page on the way to a key, for LMDB follows the same to write and believes what pages say.
    /// - Parameter way: the pages on the way to the key before, which are not looked at again.
    func refuseDamage(
        onTheWayTo key: UnsafeRawBufferPointer, _ way: inout [UnsafeRawPointer]
    ) throws(StorageError) {
        guard var page = try top() else { return }
        for level in 0..<depth {
            if level > 0 { page = try below(page, for: key) }
            if level < way.count, way[level] == page.start { continue }
            way.removeLast(max(way.count - level, 0))
            let number = (page.start - start) / Self.pageBytes
            guard page.isSound(as: number), page.isLeaf == (level == depth - 1) else {
                throw Self.corrupted("goes through page \(number), which is damaged")
            }
            way.append(page.start)
        }
    }

    /// What a search in a leaf has found.
    @inline(__always)
    func value(of search: PageSearch) throws(StorageError) -> UnsafeRawBufferPointer? {
        guard search.isInLeaf else { throw Self.corrupted("is deeper than it says") }
        return try search.isExact ? value(of: search.node) : nil
    }

    func value(of node: Node) throws(StorageError) -> UnsafeRawBufferPointer {
        guard !node.isOfOtherKind else { throw Self.corrupted("has a value of an unknown kind") }
        guard node.hasValueWithin else { throw Self.corrupted("has a value beyond its page") }
        if !node.isBig { return UnsafeRawBufferPointer(start: node.value, count: node.valueBytes) }
        let number = node.value.loadUnaligned(as: Int.self)
        let page = try page(number)
        guard page.isOverflow, number + Self.pages(ofValue: node.valueBytes) <= pageCount else {
            throw Self.corrupted("has a value that is not there")
        }
        return UnsafeRawBufferPointer(start: page.overflow, count: node.valueBytes)
    }

    /// How many pages a value of so many bytes needs, where it has its own.
    static func pages(ofValue count: Int) -> Int { (Page.headBytes + count + pageBytes - 1) / pageBytes }

    static func corrupted(_ what: String) -> StorageError { .corrupted("a tree of LMDB's \(what)") }
}

/// The search for a key in one page: halves what is left with each comparison.
struct PageSearch {
    let page: Page
    let isInLeaf: Bool
    private var low: Int
    private var high: Int
    private(set) var isExact = false

    @inline(__always)
    init(_ page: Page) throws(StorageError) {
        self.page = page
        isInLeaf = page.isLeaf
        // A branch's first key stands for all that are smaller, and is not there.
        low = isInLeaf ? 0 : 1
        high = page.count
        guard isInLeaf || page.isBranch, high >= low, page.hasRoom(for: high) else {
            throw Tree.corrupted("goes through a page of another kind")
        }
    }

    var isUndecided: Bool { low < high }

    private var middle: Int { (low + high) >> 1 }

    /// Asks for the node that the next comparison is with.
    func prefetchNext() { if isUndecided { page.prefetchNode(middle) } }

    /// Asks for the nodes that the next comparison but one may be with.
    @inline(__always)
    func prefetchBothWays() {
        let middle = middle
        if low < middle { page.prefetchNode((low + middle) >> 1) }
        if middle + 1 < high { page.prefetchNode((middle + 1 + high) >> 1) }
    }

    @inline(__always)
    mutating func compare(_ key: UnsafeRawBufferPointer) throws(StorageError) {
        let middle = middle
        let node = page.node(middle)
        guard node.isWithin else { throw Tree.corrupted("has a key beyond its page") }
        let order = node.order(of: key)
        if order > 0 {
            low = middle + 1
        } else {
            high = middle
            if order == 0 { (low, isExact) = (middle, true) }
        }
    }

    /// Where the first key of a leaf lies that does not sort before the one that is looked for.
    var place: Int { low }
    /// What was found in a leaf.
    var node: Node { page.node(place) }

    /// Where a branch names the page that has the key, if any has.
    var childPlace: Int { isExact ? low : low - 1 }

    /// The page that has the key, if any has.
    @inline(__always)
    func child() throws(StorageError) -> Int {
        let node = page.node(childPlace)
        guard node.isWithin else { throw Tree.corrupted("has a key beyond its page") }
        return node.child
    }
}
