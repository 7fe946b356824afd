internal import Storage

/// A place in a tree as a commit left it. What a page says is checked before it is followed, so that a damaged one is an
/// error and the walk ends, however the damage leads.
struct TreeCursor: EntryCursor {
    /// A page on the way down, and a node of it.
    private struct Level {
        let page: Page
        let count: Int
        var index: Int
    }

    private let tree: Tree
    /// From the root on; to a leaf where there is an entry, and empty where there is none.
    private var levels: [Level] = []
    private(set) var entry: StoredEntry?

    init(_ tree: Tree) { self.tree = tree }

    mutating func moveToFirst() throws(StorageError) { try moveToEnd(.ascending) }
    mutating func moveToLast() throws(StorageError) { try moveToEnd(.descending) }

    mutating func move(to key: RawSpan) throws(StorageError) {
        try begin()
        try key.withUnsafeBytes { key throws(StorageError) in
            while levels.count < tree.depth {
                let page = try nextPage()
                var search = try PageSearch(page)
                while search.isUndecided { try search.compare(key) }
                try append(page, at: search.isInLeaf ? search.place : search.childPlace)
            }
        }
        guard let leaf = levels.last else { return }
        if leaf.index < leaf.count { try read() } else { try move(.ascending) }
    }

    mutating func move(_ order: ScanOrder) throws(StorageError) {
        let before = entry
        entry = nil
        while let level = levels.last {
            let index = level.index + (order == .ascending ? 1 : -1)
            if (0..<level.count).contains(index) {
                levels[levels.count - 1].index = index
                try descend(order)
                guard let before, let entry else { return }
                let side = entry.key.compare(before.key)
                // Or a walk might never end.
                guard order == .ascending ? side > 0 : side < 0 else { throw Tree.corrupted("has keys out of order") }
                return
            }
            levels.removeLast()
        }
    }

    private mutating func begin() throws(StorageError) {
        entry = nil
        levels.removeAll(keepingCapacity: true)
        levels.reserveCapacity(tree.depth)
    }

    /// To the entry that comes first in an order.
    private mutating func moveToEnd(_ order: ScanOrder) throws(StorageError) {
        try begin()
        if tree.depth > 0 { try descend(order) }
    }

    /// Goes down to the leaf, below what is chosen already by the first way in an order.
    private mutating func descend(_ order: ScanOrder) throws(StorageError) {
        while levels.count < tree.depth {
            let page = try nextPage()
            try append(page, at: order == .ascending ? 0 : page.count - 1)
        }
        try read()
    }

    private func nextPage() throws(StorageError) -> Page {
        guard let level = levels.last else { return try tree.page(tree.root) }
        let node = level.page.node(level.index)
        guard node.isWithin else { throw Tree.corrupted("has a key beyond its page") }
        return try tree.page(node.child)
    }

    private mutating func append(_ page: Page, at index: Int) throws(StorageError) {
        let isLeaf = levels.count == tree.depth - 1
        let count = page.count
        guard isLeaf ? page.isLeaf : page.isBranch, count > 0, page.hasRoom(for: count) else {
            throw Tree.corrupted("goes through a page of another kind")
        }
        levels.append(Level(page: page, count: count, index: index))
    }

    private mutating func read() throws(StorageError) {
        guard let leaf = levels.last else { return }
        let node = leaf.page.node(leaf.index)
        guard node.isWithin, node.keyBytes > 0 else { throw Tree.corrupted("has a key beyond its page") }
        entry = StoredEntry(
            keyBytes: UnsafeRawBufferPointer(start: node.key, count: node.keyBytes),
            valueBytes: try tree.value(of: node))
    }
}
