internal import CLMDB
internal import Glibc
internal import Storage

/// A page of a tree as LMDB has it in its file: 16 bytes of head, then where each node begins, in the order of their
/// keys; the nodes themselves fill it from its end on. Read here and nowhere else.
///
/// The layout is that of LMDB 0.9 (`MDB_page` and `MDB_node` in mdb.c), which the file's first page says it has. What a
/// page says of itself is checked before it is followed, for the bytes come from a disk.
struct Page {
    static let headBytes = 16
    private static let lineBytes = 64

    let start: UnsafeRawPointer

    private func word(at offset: Int) -> Int { Int(start.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) }

    var isBranch: Bool { word(at: 10) & 1 != 0 }
    var isLeaf: Bool { word(at: 10) & 2 != 0 }
    var isOverflow: Bool { word(at: 10) & 4 != 0 }
    /// Whether it has values of one length, of a key that has several, and no nodes: what no table of an engine has.
    var isOfValuesAlone: Bool { word(at: 10) & 0x20 != 0 }

    /// How many nodes it says it has.
    var count: Int { (word(at: 12) - Self.headBytes) >> 1 }

    /// The value that begins on this page and goes on over those after it.
    var overflow: UnsafeRawPointer { start + Self.headBytes }
    /// How many pages such a value has been given.
    var overflowCount: Int { Int(start.loadUnaligned(fromByteOffset: 12, as: UInt32.self)) }

    func hasRoom(for count: Int) -> Bool { Self.headBytes + 2 * count <= Tree.pageBytes }

    /// - Parameter index: below a `count` that there is room for.
    func node(_ index: Int) -> Node {
        let offset = word(at: Self.headBytes + 2 * index)
        return Node(start: start + offset, offset: offset)
    }

    /// Whether LMDB, which believes what it says, stays within it.
    /// - Parameter number: which page it is to be.
    func isSound(as number: Int) -> Bool {
        let nodesStart = word(at: 14)
        guard start.loadUnaligned(as: Int.self) == number, isBranch != isLeaf, count > 0,
            Self.headBytes + 2 * count <= nodesStart, nodesStart <= Tree.pageBytes
        else { return false }
        return (0..<count).allSatisfy { index in
            let node = node(index)
            return node.offset >= nodesStart && node.isWithin && (isBranch || node.hasValueWithin)
        }
    }

    /// Asks for the head and for where most of the nodes begin.
    func prefetch() {
        for line in 0..<4 { vault_prefetch(start + line * Self.lineBytes) }
    }

    /// Asks for the beginning of a value.
    static func prefetch(_ value: UnsafeRawBufferPointer) {
        guard let start = value.baseAddress else { return }
        for offset in stride(from: 0, to: min(value.count, 4 * lineBytes), by: lineBytes) {
            vault_prefetch(start + offset)
        }
    }

    /// Asks for a node.
    func prefetchNode(_ index: Int) {
        let node = start + word(at: Self.headBytes + 2 * index)
        vault_prefetch(node)
        vault_prefetch(node + Self.lineBytes)
    }
}

/// An entry of a leaf, or a key of a branch and the page below it.
struct Node {
    static let headBytes = 8

    let start: UnsafeRawPointer
    /// In its page.
    let offset: Int

    private func word(at offset: Int) -> Int { Int(start.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) }

    var keyBytes: Int { word(at: 6) }
    var key: UnsafeRawPointer { start + Self.headBytes }

    /// Of a branch.
    var child: Int { word(at: 0) | word(at: 2) << 16 | word(at: 4) << 32 }

    /// Of a leaf.
    var valueBytes: Int { word(at: 0) | word(at: 2) << 16 }
    var value: UnsafeRawPointer { key + keyBytes }
    /// Whether the value is the number of the page on which it begins.
    var isBig: Bool { word(at: 4) & 1 != 0 }
    /// Whether the value describes another tree.
    var isTree: Bool { word(at: 4) & 2 != 0 }
    /// Whether the value is neither bytes nor such a number: what no table of an engine has.
    var isOfOtherKind: Bool { word(at: 4) & ~1 != 0 }

    /// Whether all of a leaf's value, or of the number of the page on which it begins, is in the page.
    var hasValueWithin: Bool {
        offset + Self.headBytes + keyBytes + (isBig ? MemoryLayout<Int>.size : valueBytes) <= Tree.pageBytes
    }

    /// Whether all of head and key is in the page.
    var isWithin: Bool {
        offset + Self.headBytes <= Tree.pageBytes && offset + Self.headBytes + keyBytes <= Tree.pageBytes
    }

    /// Below, at or above zero as `key` sorts before, like or after the node's: LMDB's order.
    @inline(__always)
    func order(of key: UnsafeRawBufferPointer) -> Int {
        let common = min(key.count, keyBytes)
        guard let mine = key.baseAddress, common > 0 else { return key.count - keyBytes }
        if common < 8 {
            let order = memcmp(mine, self.key, common)
            return order == 0 ? key.count - keyBytes : Int(order)
        }
        // Eight bytes at a time; the last eight may begin among those that were equal.
        var offset = 0
        while true {
            let one = UInt64(bigEndian: mine.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let other = UInt64(bigEndian: self.key.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            if one != other { return one < other ? -1 : 1 }
            if offset == common - 8 { return key.count - keyBytes }
            offset = min(offset + 8, common - 8)
        }
    }
}
